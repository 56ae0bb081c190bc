"""Junk at every route, by everybody: a clear refusal or a page, never a fault of ours (DESIGN §8 "never a 5xx")."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.accounts.models import Account
from idp.kernel.database import db, unit_of_work
from idp.organizations.models import AccessRequest, Member, MemberRole
from idp.platform.tables import ZONES
from tests.support.forms import log_in, submit

FIELDS = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt", "max_age", "claims", "resource",
    "organization", "ui_locales", "login_hint", "id_token_hint", "acr_values", "response_mode", "code_challenge",
    "code_challenge_method", "request", "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "token",
    "token_type_hint", "client_secret", "client_assertion", "client_assertion_type", "access_token", "continue", "lang",
    "identifier", "password", "address", "given_name", "family_name", "phone_number", "language", "member", "answer",
    "as", "resend", "csrf_token", "app", "post_logout_redirect_uri", "organization_id", "current_password", "page",
)  # fmt: skip
TELLING = (
    "tag", "http://localhost:9999/callback", "code", "openid profile offline_access", "none", "login", "consent",
    "select_account", "create", "form_post", "S256", "a" * 43, "authorization_code", "refresh_token",
    "client_credentials", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "eyJhbGciOiJFUzI1NiJ9.e30.eA",
    '{"userinfo":{"a":null},"id_token":{"acr":{"essential":true,"values":[1,null]}}}', '{"userinfo":[]}', "[" * 2000,
    '{"id_token":{"a":{"\\ud800":"\\u0000"}}}', "99999999999", "-1", "1e9", "nb", "allow", "deny", "another", "1",
    "//evil.example", "/%2e%2e//evil", "javascript:alert(1)", "x@y.example", "ſ@ﬀ.example", "a" * 9000, "%00",
    "\r\nX: y",
    "' or 1=1 --", "{{7*7}}", "٣", "\u202e", "İ@İ.example", "xn--@xn--.example", "[::1]", "urn:onix:tag",
)  # fmt: skip
junk = st.one_of(
    st.sampled_from(TELLING), st.text(max_size=40), st.binary(max_size=20),
    st.text(st.characters(categories=["Cc", "Cf", "Co", "Zl", "Zp", "So", "Mn"]), max_size=8),
)  # fmt: skip
pairs = st.lists(st.tuples(st.sampled_from(FIELDS), junk), max_size=8)
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "250"))
HEADERS = ("Authorization", "Accept-Language", "Origin", "Sec-Fetch-Site", "Cookie", "Range", "If-None-Match", "Accept")


def encoded(value: str | bytes) -> str:
    return quote_from_bytes(value) if isinstance(value, bytes) else quote(value, errors="surrogatepass")


def form(fields: list[tuple[str, str | bytes]]) -> str:
    return "&".join(f"{name}={encoded(value)}" for name, value in fields)


def header(value: str | bytes) -> str:
    """What a server lets through: Latin-1 without line ends."""
    text = value.decode("latin1") if isinstance(value, bytes) else value.encode("utf-8", "replace").decode("latin1")
    return text.replace("\r", "").replace("\n", "")


def test_junk_is_never_an_error_of_ours(app: Any, client: Any, protocol: Any) -> None:
    app.config["PROPAGATE_BUGS"] = False
    app.config["WTF_CSRF_ENABLED"] = False  # the form token would turn most of it away before anything reads it
    person = protocol.person
    log_in(client, person.address, protocol.world.password)
    client.get("/oauth2/jwks")  # makes the first keys, without which nobody is ready
    rules = sorted(
        (rule for rule in app.url_map.iter_rules() if not rule.build_only), key=lambda rule: (rule.rule, rule.endpoint)
    )
    browsers = (client, app.test_client())

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def throw(data: st.DataObject) -> None:
        rule = data.draw(st.sampled_from(rules))
        browser = data.draw(st.sampled_from(browsers))
        path = rule.rule
        for argument in rule.arguments:
            start, _, rest = path.partition("<")
            path = start + encoded(data.draw(junk, argument)).replace("/", "%2F") + rest.partition(">")[2]
        method = data.draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS"]))
        kind = data.draw(st.sampled_from(["form", "form", "form", "raw", "json", "parts"]))
        extra = [(data.draw(st.sampled_from(HEADERS)), header(data.draw(junk)))] if data.draw(st.booleans()) else []
        options: dict[str, Any] = {"headers": extra}
        if method in ("POST", "PUT"):
            fields = data.draw(pairs)
            if kind == "form":
                options |= {"data": form(fields), "content_type": "application/x-www-form-urlencoded"}
            elif kind == "parts":
                parts = data.draw(st.binary(max_size=200))
                options |= {"data": parts, "content_type": "multipart/form-data; boundary=x"}
            else:
                options |= {"data": data.draw(st.binary(max_size=60)), "content_type": "application/json"}
        answer = browser.open(f"{path}?{form(data.draw(pairs))}" if data.draw(st.booleans()) else path,
                              method=method, **options)  # fmt: skip
        assert answer.status_code < 500, answer.text[:400]
        location = answer.headers.get("Location", "")
        assert "evil" not in location.split("?")[0] and not location.startswith("//")
        if extra and extra[0][0] == "Cookie":  # the signed cookie was replaced for this request only
            browser.get("/login")

    throw()
    with app.app_context():
        assert db.session.is_active


ADMINISTRATION = (
    "given_name", "family_name", "email", "phone_number", "language", "state", "role", "shown_role", "license",
    "shown_license", "activate", "action", "version", "what", "whom", "member", "members", "after", "confirmed",
    "text", "import", "name", "privileges", "mark", "again", "from", "to", "way-0", "way-1", "only", "reason",
    "message", "typed", "organization", "type", "roles", "password", "slug", "organization_number", "edition", "seats",
    "starts_at", "ends_at", "another", "added", "q", "sort", "page", "filter", "kind", "people", "jti", "app",
    "status", "zone", "table", "lang",
)  # fmt: skip
WORDS = (
    "active", "contact", "invite", "disable", "enable", "end", "activate", "resend", "withdraw", "found", "ticked", "1",
    "0", "-1", "2147483648", "9223372036854775808", "99999999999999999999", "1e9", "2027-02-30", "0001-01-01",
    "9999-12-31", "2027-W01", "1969-12-31", "all", "none", "-name", "-used", "sort", "core", "user", "client/self",
    "account:platform.admin", "account:people.manage", "tag:access", "tag:standard", "employee", "bidder", "tag",
    "a@b.example", "=1+1", "@sum", "\u202e", "\x00", "\ud800", "<script>", "{{7*7}}", "%(name)s", "%s", "a" * 9000,
    "First name;E-mail;Roles\nA;a@b.example;Administrator", '"', "sep=;\nE-mail\n", "assign_role:", "take_seat:x",
)  # fmt: skip


def test_junk_from_administrators_is_no_error_either(app: Any, world: Any) -> None:
    """Every page of an organization's and the platform's administration, by somebody who holds every privilege, with
    ids of here, of elsewhere and of nowhere. Nothing of another tenant is shown by an organization's pages, and the
    platform keeps its administrator."""
    app.config["PROPAGATE_BUGS"] = False
    app.config["WTF_CSRF_ENABLED"] = False
    apps = app.extensions["onix_catalog"].apps
    everything = [name for one in apps.values() for name in one.privileges]
    person, colleague, stranger = world.account(), world.account(), world.account(given_name="Foreign")
    requests: list[str] = []
    ids: list[str] = [person.account_id, colleague.account_id, stranger.account_id]
    for slug, kind in (("here", "customer"), ("own", "self"), ("elsewhere", "customer")):
        place = world.organization(slug, kind=kind, name="Foreign AS" if slug == "elsewhere" else None)
        there = stranger if slug == "elsewhere" else person
        name = "Foreign" if slug == "elsewhere" else "Kari"
        mine = world.member(place, there.account_id, given_name=name, family_name=name, search_text=name.casefold())
        other = world.member(place, colleague.account_id if slug == "here" else None, given_name=name, family_name=name)
        held = [one for one in everything if kind == "self" or (":platform." not in one and ":admin." not in one)]
        role = world.role(place, held, name=f"{name} role", members=[mine])
        license_id = world.license(place, "oneoffice:standard", holders=[mine])
        ids += [place, mine, other, role, license_id]
    foreign = ids[-5:]
    with app.app_context(), unit_of_work() as session:
        for member_id, place, asking in ((ids[4], ids[3], person), (foreign[1], foreign[0], stranger)):
            asked = AccessRequest(
                organization_id=place, member_id=member_id, account_id=asking.account_id, app_id="tag",
                code="license_missing", detail=None, message="", created_at=1,
            )  # fmt: skip
            session.add(asked)
            session.flush()
            requests.append(asked.id)
    of = {
        "member_id": [*ids[4::5], *ids[5::5]], "role_id": ids[6::5], "license_id": ids[7::5], "request_id": requests,
        "account_id": ids[:3], "organization_id": ids[3::5],
    }  # fmt: skip
    places = {"here": [*ids[3:8], requests[0]], "own": ids[8:13], "elsewhere": [*foreign, requests[1]]}
    some = {name: st.sampled_from(found) for name, found in of.items()}
    identifiers = st.one_of(st.sampled_from(ids), st.sampled_from(WORDS), junk)
    values = st.one_of(st.sampled_from(WORDS), st.sampled_from(ids), st.sampled_from(TELLING), junk)
    verbs = [
        "disable",
        "enable",
        "delete",
        "end",
        "retry",
        "suspend",
        "resume",
        "take-back",
        "withdraw",
        "end-sessions",
    ]
    states = ["activate", "contact", "disable", "enable", "end", "invite", "resend", "withdraw"]
    changes = [f"{verb}:{one}" for verb in ("assign_role", "take_role", "assign_seat", "take_seat") for one in ids]
    known = {
        **some, "slug": st.sampled_from(["here", "here", "here", "own", "elsewhere"]),
        "app_id": st.sampled_from(sorted(apps)), "zone": st.sampled_from([zone.name for zone in ZONES]),
        "table": st.sampled_from([table.name for zone in ZONES for table in zone.tables]),
        "action": st.sampled_from(verbs), "row_id": st.sampled_from(ids),
    }  # fmt: skip
    told = {
        "action": st.sampled_from(states), "what": st.sampled_from([*states, *changes]), "role": some["role_id"],
        "shown_role": some["role_id"], "license": some["license_id"], "shown_license": some["license_id"],
        "member": some["member_id"], "members": some["member_id"], "privileges": st.sampled_from(everything),
        "state": st.sampled_from(["contact", "active", "invite"]), "whom": st.sampled_from(["found", "ticked"]),
        "email": st.sampled_from(["a@b.example", "A@B.example", person.address]), "version": st.just("1"),
        "typed": st.sampled_from([person.address, colleague.address, "here", "own"]), "after": some["member_id"],
    }  # fmt: skip
    rules = sorted(
        (rule for rule in app.url_map.iter_rules() if rule.rule.startswith(("/org/", "/admin/", "/access/"))),
        key=lambda rule: (rule.rule, rule.endpoint),
    )
    browser = app.test_client()

    def sign_in() -> None:
        submit(browser, browser.get("/login"), "password", identifier=person.address, password=world.password)

    sign_in()
    fields = st.lists(
        st.sampled_from(ADMINISTRATION).flatmap(
            lambda name: st.tuples(st.just(name), told[name] | values if name in told else values)
        ),
        max_size=8,
    )

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def throw(data: st.DataObject) -> None:
        rule, slug = data.draw(st.sampled_from(rules)), ""
        path = rule.rule
        for argument in sorted(rule.arguments, key=rule.rule.index):
            of_here = [one for one in of.get(argument, ()) if one in places.get(slug, ())]
            match data.draw(st.integers(0, 9)):
                case 0:
                    drawn = data.draw(junk, argument)
                case number if number > 4 and of_here:
                    drawn = data.draw(st.sampled_from(of_here), argument)
                case _:
                    drawn = data.draw(known.get(argument, identifiers), argument)
            slug = str(drawn) if argument == "slug" else slug
            start, _, rest = path.partition("<")
            path = start + encoded(drawn).replace("/", "%2F") + rest.partition(">")[2]
        posts = "POST" in (rule.methods or ())
        method = data.draw(st.sampled_from(["POST", "POST", "GET", "HEAD"] if posts else ["GET", "GET", "HEAD", "PUT"]))
        options: dict[str, Any] = {}
        if method == "POST" and data.draw(st.integers(0, 5)):
            options = {"data": form(data.draw(fields)), "content_type": "application/x-www-form-urlencoded"}
        elif method == "POST":
            body = (
                b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
                + data.draw(st.binary(max_size=120))
                + b'\r\n--x\r\nContent-Disposition: form-data; name="import"\r\n\r\n1\r\n--x--\r\n'
            )
            options = {"data": body, "content_type": "multipart/form-data; boundary=x"}
        answer = browser.open(f"{path}?{form(data.draw(fields))}", method=method, **options)
        text = answer.get_data(as_text=True)
        assert answer.status_code < 500, (method, path, text[:400])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.status_code in (405, 304) or "no-store" in answer.headers["Cache-Control"], (method, path)
        if path.startswith(("/org/here", "/access/")):
            assert "Foreign" not in text, (method, path)
        location = answer.headers.get("Location", "")
        assert "evil" not in location.split("?")[0] and not location.startswith("//")
        if location.startswith("/login"):
            sign_in()

    throw()
    with app.app_context():
        assert db.session.is_active
        account = db.session.get(Account, person.account_id)
        assert account is not None and account.status == "active"
        assert db.session.get(MemberRole, (ids[9], ids[11])) is not None, "the platform has its administrator"
        kept = db.session.get(Member, foreign[1])
        assert kept is not None and kept.organization_id == foreign[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_r44_sizes(client: Any) -> None:
    """Bodies above the limit, a thousand fields, long addresses and headers."""
    parts = {f"f{number}": "x" for number in range(1000)}
    for path in ("/login", "/signup", "/oauth2/authorize", "/oauth2/token", "/oauth2/logout"):
        assert client.post(path, data={"password": "x" * 10_000_000}).status_code == 413
        assert client.post(path, data=parts, content_type="multipart/form-data").status_code in (400, 413)
        assert client.post(path, data=parts).status_code < 500
        assert client.get(f"{path}?continue={'x' * 60_000}").status_code < 500
        long = {"Authorization": "Basic " + "A" * 60_000, "Accept-Language": "nb," * 20_000}
        assert client.get(path, headers=long).status_code < 500
