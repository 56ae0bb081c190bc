"""R35: who may do what at each route. A route that is not written down here fails, and each one behaves as written.

`anybody` answers strangers; `person` sends a stranger to the sign-in; `link` wants what was mailed; `browser` wants
something that this very browser began; `request` wants a registered client's request; `client` wants a client's
authentication; `bearer` wants an access token; `org <privileges>` wants a member of that organization who holds one of
these privileges of app `account`, and answers everybody else's administrators as if the organization did not exist;
`platform <privileges>` wants a member of the platform's own organization who holds one of these, and is no page at all
for whoever holds no privilege of that reach.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.forms import form_with, log_in

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# Which table of Records opens to whom is tests/platform/test_rights.py.
RECORDS = (
    "account:platform.admin|account:platform.licenses|account:platform.keys|oneoffice:admin.read|oneoffice:admin.write"
)
MATRIX = {
    # machines
    "GET /.well-known/openid-configuration": "anybody",
    "GET /.well-known/oauth-authorization-server": "anybody",
    "GET /oauth2/jwks": "anybody",
    "GET /healthz/live": "anybody",
    "GET /healthz/ready": "anybody",
    "GET /metrics": "anybody",
    "POST /oauth2/token": "client",
    "POST /oauth2/introspect": "client",
    "POST /oauth2/revoke": "client",
    "GET /oauth2/userinfo": "bearer",
    "POST /oauth2/userinfo": "bearer",
    "GET /api": "anybody",
    "GET /.well-known/oauth-protected-resource/api/v1": "anybody",
    "GET /api/v1/openapi.json": "anybody",
    "GET /api/v1/companies": "bearer",
    "GET /api/v1/companies/<company_id>": "bearer",
    "GET /api/v1/companies/<company_id>/express": "bearer",
    "GET /api/v1/companies/<company_id>/invitations": "bearer",
    "POST /api/v1/companies/<company_id>/invitations": "bearer",
    "DELETE /api/v1/invitations/<invitation_id>": "bearer",
    # signing up and in
    "GET /.well-known/change-password": "anybody",
    "GET /.well-known/passkey-endpoints": "anybody",
    "GET /login": "anybody",
    "POST /login": "anybody",
    "GET /login/another": "anybody",
    "GET /logout": "anybody",
    "POST /logout": "anybody",
    "GET /open/<app_id>": "anybody",
    "GET /express/<slug>/request": "anybody",
    "POST /express/<slug>/request": "anybody",
    "GET /signup": "anybody",
    "POST /signup": "anybody",
    "GET /signup/sent": "anybody",
    "GET /activated": "anybody",
    "GET /password/forgot": "anybody",
    "POST /password/forgot": "anybody",
    "GET /password/forgot/sent": "anybody",
    "GET /password/changed": "anybody",
    "GET /oauth2/logged-out": "anybody",
    "GET /login/choose": "person",
    "POST /login/choose": "person",
    "GET /login/again": "person",
    "POST /login/again": "person",
    "GET /login/code": "person",
    "POST /login/code": "person",
    "GET /login/code/recovery": "person",
    "POST /login/code/recovery": "person",
    "GET /login/stronger": "person",
    "POST /login/stronger": "person",
    "GET /login/stronger/recovery": "person",
    "POST /login/stronger/recovery": "person",
    "GET /login/kept": "person",
    "GET /login/keep/<token>": "person",
    "GET /login/set-up": "person",
    "POST /login/passkey": "anybody",
    "POST /login/passkey/options": "anybody",
    "GET /login/required": "person",
    "POST /login/required": "person",
    # the account page
    "GET /account/": "person",
    "GET /account/security": "person",
    "GET /account/security/password": "person",
    "POST /account/security/password": "person",
    "GET /account/profile": "person",
    "POST /account/profile/<group>": "person",
    "GET /account/emails": "person",
    "POST /account/emails": "person",
    "POST /account/emails/waiting/<proof_id>/forget": "person",
    "POST /account/emails/<address_id>/primary": "person",
    "POST /account/emails/<address_id>/remove": "person",
    "GET /account/emails/confirm/opened/<mark>": "person",
    "POST /account/emails/confirm/opened/<mark>": "person",
    "GET /account/emails/invited/<mark>": "person",
    "POST /account/emails/invited/<mark>": "person",
    "GET /account/sessions": "person",
    "POST /account/sessions/<session_id>/end": "person",
    "POST /account/sessions/end-others": "person",
    "GET /account/apps": "person",
    "POST /account/apps/<client_id>/remove": "person",
    "GET /account/organizations": "person",
    "GET /account/organizations/<member_id>/leave": "person",
    "POST /account/organizations/<member_id>/leave": "person",
    "POST /account/organizations/invitations/<invitation_id>/accept": "person",
    "POST /account/organizations/invitations/<invitation_id>/resend": "person",
    "POST /account/security/password/remove": "person",
    "GET /account/security/authenticator": "person",
    "POST /account/security/authenticator": "person",
    "POST /account/security/authenticator/remove": "person",
    "GET /account/security/recovery-codes": "person",
    "POST /account/security/recovery-codes": "person",
    "GET /account/security/passkeys/new": "person",
    "POST /account/security/passkeys": "person",
    "POST /account/security/passkeys/options": "person",
    "POST /account/security/passkeys/offer": "person",
    "GET /account/security/passkeys/<passkey_id>": "person",
    "POST /account/security/passkeys/<passkey_id>": "person",
    "POST /account/security/passkeys/<passkey_id>/remove": "person",
    "GET /account/data": "person",
    "POST /account/data/export": "person",
    "GET /account/data/close": "person",
    "POST /account/data/close": "person",
    "GET /account/picture": "person",
    "POST /account/picture": "person",
    "GET /account/picture/earlier": "person",
    "POST /account/picture/remove": "person",
    "POST /account/picture/undo": "person",
    "GET /account/signature": "person",
    "POST /account/signature": "person",
    "GET /account/signature/preview": "person",
    "GET /account/signature/<signature_id>.png": "person",
    "POST /account/signature/remove": "person",
    "POST /account/signature/<signature_id>/again": "person",
    "POST /account/signature/<signature_id>/delete": "person",
    # images at addresses that nobody can guess
    "GET /pictures/<handle>": "link",
    "GET /signatures/<link>": "link",
    # mailed links
    "GET /account/emails/confirm/<token>": "link",
    "GET /guest-request/<token>": "link",
    "POST /guest-request/<token>": "link",
    "GET /guest-request/opened/<mark>": "link",
    "POST /guest-request/opened/<mark>": "link",
    "GET /activate/<token>": "link",
    "POST /activate/<token>": "link",
    "GET /activate/opened/<mark>": "link",
    "POST /activate/opened/<mark>": "link",
    "GET /invitation/accepted/<slug>": "anybody",
    "GET /invitation/<token>": "link",
    "POST /invitation/<token>": "link",
    "GET /invitation/opened/<mark>": "link",
    "POST /invitation/opened/<mark>": "link",
    "GET /mailbox/<token>": "link",
    "POST /mailbox/<token>": "link",
    "GET /mailbox/opened/<mark>": "link",
    "POST /mailbox/opened/<mark>": "link",
    "GET /password/reset/<token>": "link",
    "POST /password/reset/<token>": "link",
    "GET /password/reset/opened/<mark>": "link",
    "POST /password/reset/opened/<mark>": "link",
    # the authorization and end-session endpoints and their pages
    "GET /oauth2/authorize": "request",
    "POST /oauth2/authorize": "request",
    "GET /oauth2/authorize/<handle>": "browser",
    "POST /oauth2/authorize/<handle>/another": "browser",
    "POST /oauth2/authorize/<handle>/cancel": "browser",
    "POST /oauth2/authorize/<handle>/consent": "browser",
    "POST /oauth2/authorize/<handle>/organization": "browser",
    "GET /oauth2/logout": "anybody",
    "POST /oauth2/logout": "anybody",
    "GET /oauth2/logout/confirm": "anybody",
    "POST /oauth2/logout/confirm": "anybody",
    # the launcher
    "GET /": "person",
    "POST /pin": "person",
    "POST /unpin": "person",
    "POST /invitation/resend": "person",
    "GET /access/request": "person",
    "POST /access/request": "person",
    "GET /access/request/<request_id>": "person",
    "GET /access/request/<request_id>.json": "person",
    "POST /access/request/<request_id>/withdraw": "person",
    # an organization's administration
    "GET /org/<slug>/": (
        "org account:audit.read|account:companies.manage|account:companies.read|account:licenses.manage"
        "|account:licenses.read|account:people.manage"
        "|account:people.read|account:requests.manage|account:roles.manage"
    ),
    "GET /org/<slug>/audit": "org account:audit.read",
    "GET /org/<slug>/audit.csv": "org account:audit.read",
    "GET /org/<slug>/audit/token": "org account:audit.read",
    "GET /org/<slug>/security": "org account:people.manage",
    "POST /org/<slug>/security/second-factor": "org account:people.manage",
    "GET /org/<slug>/licenses": "org account:licenses.manage|account:licenses.read",
    "GET /org/<slug>/licenses/<license_id>": "org account:licenses.manage|account:licenses.read",
    "GET /org/<slug>/licenses/<license_id>/assign": "org account:licenses.manage",
    "POST /org/<slug>/licenses/<license_id>/assign": "org account:licenses.manage",
    "POST /org/<slug>/licenses/<license_id>/take-back": "org account:licenses.manage",
    "GET /org/<slug>/roles": "org account:people.read|account:roles.manage",
    "GET /org/<slug>/roles/<role_id>": "org account:people.read|account:roles.manage",
    "GET /org/<slug>/roles/new": "org account:roles.manage",
    "POST /org/<slug>/roles/new": "org account:roles.manage",
    "GET /org/<slug>/roles/<role_id>/change": "org account:roles.manage",
    "POST /org/<slug>/roles/<role_id>/change": "org account:roles.manage",
    "GET /org/<slug>/roles/<role_id>/delete": "org account:roles.manage",
    "POST /org/<slug>/roles/<role_id>/delete": "org account:roles.manage",
    "GET /org/<slug>/companies": "org account:companies.manage|account:companies.read",
    "GET /org/<slug>/companies/new": "org account:companies.manage",
    "POST /org/<slug>/companies/new": "org account:companies.manage",
    "GET /org/<slug>/companies/due": "org account:companies.manage|account:companies.read",
    "GET /org/<slug>/companies/requests": "org account:companies.manage",
    "GET /org/<slug>/companies/requests/<request_id>": "org account:companies.manage",
    "POST /org/<slug>/companies/requests/<request_id>/approve": "org account:companies.manage",
    "POST /org/<slug>/companies/requests/<request_id>/reject": "org account:companies.manage",
    "POST /org/<slug>/companies/requests/<request_id>/company": "org account:companies.manage",
    "GET /org/<slug>/companies/<company_id>": "org account:companies.manage|account:companies.read",
    "GET /org/<slug>/companies/<company_id>/users": "org account:companies.manage|account:companies.read",
    "GET /org/<slug>/companies/<company_id>/details": "org account:companies.manage|account:companies.read",
    "POST /org/<slug>/companies/<company_id>/details": "org account:companies.manage",
    "POST /org/<slug>/companies/<company_id>/link": "org account:companies.manage",
    "POST /org/<slug>/companies/<company_id>/delete": "org account:companies.manage",
    "GET /org/<slug>/companies/<company_id>/contacts/new": "org account:companies.manage",
    "POST /org/<slug>/companies/<company_id>/contacts/new": "org account:companies.manage",
    "GET /org/<slug>/companies/<company_id>/many": "org account:companies.manage",
    "POST /org/<slug>/companies/<company_id>/many": "org account:companies.manage",
    "GET /org/<slug>/companies/<company_id>/people/<member_id>": "org account:companies.manage",
    "POST /org/<slug>/companies/<company_id>/people/<member_id>": "org account:companies.manage",
    "POST /org/<slug>/companies/<company_id>/people/<member_id>/state": "org account:companies.manage",
    "GET /org/<slug>/people": "org account:people.manage|account:people.read",
    "GET /org/<slug>/people/export.csv": "org account:people.manage|account:people.read",
    "POST /org/<slug>/people/many": "org account:people.manage",
    "GET /org/<slug>/people/new": "org account:people.manage",
    "POST /org/<slug>/people/new": "org account:people.manage",
    "GET /org/<slug>/people/import": "org account:people.manage",
    "POST /org/<slug>/people/import": "org account:people.manage",
    "GET /org/<slug>/people/<member_id>": "org account:people.manage|account:people.read",
    "POST /org/<slug>/people/<member_id>": "org account:people.manage",
    "GET /org/<slug>/people/<member_id>/images/<kind>": "org account:people.manage|account:people.read",
    "POST /org/<slug>/people/<member_id>/images/<kind>": "org account:people.manage",
    "POST /org/<slug>/people/<member_id>/images/<kind>/remove": "org account:people.manage",
    "POST /org/<slug>/people/<member_id>/state": "org account:people.manage",
    "POST /org/<slug>/people/<member_id>/holdings": "org account:people.manage",
    "GET /org/<slug>/access": "org account:people.read",
    "GET /org/<slug>/access/apps/<app_id>": "org account:people.read",
    "GET /org/<slug>/access/apps/<app_id>.csv": "org account:people.read",
    "GET /org/<slug>/access/apps/<app_id>.json": "org account:people.read",
    "GET /org/<slug>/access/people/<member_id>": "org account:people.read",
    "GET /org/<slug>/access/people/<member_id>.csv": "org account:people.read",
    "GET /org/<slug>/access/people/<member_id>.json": "org account:people.read",
    "GET /org/<slug>/access/people/<member_id>/<app_id>": "org account:people.read",
    "POST /org/<slug>/access/people/<member_id>/<app_id>": "org account:people.read",
    "GET /org/<slug>/requests": "org account:requests.manage",
    "GET /org/<slug>/requests/<request_id>": "org account:requests.manage",
    "POST /org/<slug>/requests/<request_id>/apply": "org account:requests.manage",
    "POST /org/<slug>/requests/<request_id>/decline": "org account:requests.manage",
    # the platform's administration
    "GET /admin/": f"platform {RECORDS}",
    "GET /admin/records": f"platform {RECORDS}",
    "GET /admin/records/<zone>": f"platform {RECORDS}",
    "GET /admin/records/<zone>/<table>": f"platform {RECORDS}",
    "GET /admin/records/<zone>/<table>/add": f"platform {RECORDS}",
    "POST /admin/records/<zone>/<table>/add": f"platform {RECORDS}",
    "GET /admin/records/<zone>/<table>/<row_id>": f"platform {RECORDS}",
    "POST /admin/records/<zone>/<table>/<row_id>": f"platform {RECORDS}",
    "GET /admin/records/<zone>/<table>/<row_id>/<action>": f"platform {RECORDS}",
    "POST /admin/records/<zone>/<table>/<row_id>/<action>": f"platform {RECORDS}",
    "GET /admin/users/<account_id>/license": (
        "platform account:platform.admin|account:platform.licenses|oneoffice:admin.write"
    ),
    "POST /admin/users/<account_id>/license": (
        "platform account:platform.admin|account:platform.licenses|oneoffice:admin.write"
    ),
    "GET /admin/organizations": "platform account:platform.admin|account:platform.licenses",
    "GET /admin/organizations/add": "platform account:platform.admin",
    "POST /admin/organizations/add": "platform account:platform.admin",
    "GET /admin/organizations/<organization_id>": "platform account:platform.admin|account:platform.licenses",
    "POST /admin/organizations/<organization_id>/name": "platform account:platform.admin",
    "POST /admin/organizations/<organization_id>/administrators": "platform account:platform.admin",
    "POST /admin/organizations/<organization_id>/licenses": "platform account:platform.licenses",
}


CONFIRMED = {
    "/account/emails",
    "/account/emails/<address_id>/primary",
    "/account/emails/<address_id>/remove",
    "/account/emails/invited/<mark>",
    "/account/security/password",
    "/account/security/password/remove",
    "/account/security/authenticator",
    "/account/security/authenticator/remove",
    "/account/security/recovery-codes",
    "/account/security/passkeys",
    "/account/security/passkeys/options",
    "/account/security/passkeys/<passkey_id>",
    "/account/security/passkeys/<passkey_id>/remove",
    "/account/organizations/<member_id>/leave",
    "/account/data/export",
    "/account/data/close",
}
"""What a person posts behind a sign-in of the last minutes (R27, docs/decisions/0038); in the administrations the
rights that are given or taken decide (tests/organization_admin/test_security.py)."""


def _routes(app: Any) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }


def test_every_route_is_written_down(app: Any) -> None:
    assert _routes(app) == set(MATRIX)


def test_r27_what_a_found_browser_must_not_do(app: Any, client: Any, world: Any, clock: Any, subtests: Any) -> None:
    posts = [route.split()[1] for route, who in MATRIX.items() if route.startswith("POST /a") and who == "person"]
    assert set(posts) > CONFIRMED
    token = _sign_in(client, world, world.account())
    clock.advance(301)
    for path in posts:
        with subtests.test(path):
            answer = client.post(_made_up(path), data={"csrf_token": token})
            asked = answer.headers.get("Location", "").startswith("/login/again?continue=")
            assert asked == (path in CONFIRMED)
            if path == "/account/sessions/end-others":
                assert answer.headers["Location"] == "/account/sessions", "what shuts others out is quick"


def _made_up(path: str, slug: str = "made-up") -> str:
    """The path with something in the place of each variable."""
    return re.sub(r"<[^>]+>", "made-up", path.replace("<slug>", slug))


def _ask(client: Any, route: str) -> Any:
    """As a stranger: nothing known, nothing signed, and for posts a form that this browser was given."""
    method, path = route.split()
    path = _made_up(path)
    if method == "GET":
        return client.get(path)
    data = {}
    if method == "DELETE" or MATRIX[route] == "bearer":
        return client.open(path, method=method)
    if not path.startswith(("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/userinfo")):
        page = client.get("/login")
        data["csrf_token"] = form_with(page.get_data(as_text=True), "csrf_token").fields["csrf_token"]
    return client.post(path, data=data)


def test_strangers_get_no_further_than_written(app: Any, subtests: Any) -> None:
    from idp.kernel.database import unit_of_work
    from idp.oidc.keys import ensure_keys

    with app.app_context(), unit_of_work():
        ensure_keys()
    for route, who in MATRIX.items():
        with subtests.test(route):
            _is_kept_out(_ask(app.test_client(), route), who)


def _is_kept_out(answer: Any, who: str) -> None:
    assert answer.status_code < 500
    if who == "anybody":
        assert answer.status_code != 401 and not answer.headers.get("Location", "").startswith("/login?")
    elif who == "person" or who.startswith(("org ", "platform ")):
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/login")
    elif who == "client":
        assert answer.status_code in (400, 401) and answer.json["error"] in ("invalid_client", "invalid_request")
    elif who == "bearer":
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    else:
        assert answer.status_code in (400, 404, 410)
        assert "Location" not in answer.headers


def test_r43_no_post_acts_without_its_forms_token(client: Any, world: Any, subtests: Any) -> None:
    """A post that another page made changes nothing of who is signed in."""
    person = world.account()
    log_in(client, person.address, world.password)
    for route, who in MATRIX.items():
        if not route.startswith("POST") or "/oauth2/" in route or who == "bearer":
            continue
        path = _made_up(route.split()[1])
        with subtests.test(route):
            answer = client.post(path, data={"identifier": person.address, "address": person.address})
            assert answer.status_code in (303, 400, 404, 410), answer.status_code
            if answer.status_code == 303:
                assert not answer.headers.get("Location", "").endswith(("/activated", "/password/changed"))
            assert client.get("/").status_code == 200, "still signed in"
            crossed = client.post(path, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
            assert crossed.status_code in (400, 403, 404)


ORGANIZATION = {route: who.removeprefix("org ") for route, who in MATRIX.items() if who.startswith("org ")}


def _sign_in(client: Any, world: Any, person: Any) -> str:
    """Signs in; gives a form token that this browser may post with."""
    log_in(client, person.address, world.password)
    page = client.get("/logout").get_data(as_text=True)
    return form_with(page, "csrf_token").fields["csrf_token"]


class _People:
    """Signed-in browsers, one for each set of privileges in an organization, and what they are answered."""

    def __init__(self, app: Any, world: Any, person: Callable[[str, frozenset[str]], Any]) -> None:
        self._app, self._world, self._person = app, world, person
        self._there: dict[tuple[str, frozenset[str]], tuple[Any, str]] = {}

    def ask(self, route: str, organization_id: str, privileges: Iterable[str], slug: str = "here") -> Any:
        who = (organization_id, frozenset(privileges))
        if who not in self._there:
            browser = self._app.test_client()
            self._there[who] = browser, _sign_in(browser, self._world, self._person(*who))
        browser, token = self._there[who]
        method, path = route.split()
        if method == "GET":
            return browser.get(_made_up(path, slug), buffered=True)  # what is streamed is read to its end
        return browser.post(_made_up(path, slug), data={"csrf_token": token}, buffered=True)


def _opens(answer: Any) -> None:
    assert answer.status_code not in (401, 403, 405) and answer.status_code < 500, answer.status_code
    assert not answer.headers.get("Location", "").startswith("/login")


def test_r35_an_organization_is_administered_by_its_own_people_with_the_privilege(
    app: Any, world: Any, subtests: Any
) -> None:
    """Route by role by tenant: another tenant's administrator and a stranger's slug answer alike, 404; a member without
    the privilege is told so, 403; one privilege of those written down opens."""
    everything = {name for name in app.extensions["onix_catalog"].apps["account"].privileges if "platform" not in name}
    here, elsewhere = world.organization("here"), world.organization("elsewhere")
    for place in (here, elsewhere):
        world.license(place, "express:standard", seats=0)  # suppliers, so that every section is there

    def person(organization_id: str, privileges: frozenset[str]) -> Any:
        made = world.account()
        member = world.member(organization_id, made.account_id)
        if privileges:
            world.role(organization_id, {"account:access", *privileges}, members=[member])
        return made

    people = _People(app, world, person)
    for route, written in ORGANIZATION.items():
        wanted = set(written.split("|"))
        with subtests.test(route):
            foreign = people.ask(route, elsewhere, everything)
            unknown = people.ask(route, elsewhere, everything, slug="nowhere")
            assert foreign.status_code == unknown.status_code == 404
            assert _same_words(foreign) == _same_words(unknown)
            assert people.ask(route, here, everything - wanted).status_code == 403
            assert people.ask(route, here, ()).status_code == 403
        for privilege in sorted(wanted):
            with subtests.test(route, privilege=privilege):
                _opens(people.ask(route, here, [privilege]))


def _same_words(answer: Any) -> str:
    """The page without what differs each time: reference, form token and its own address."""
    text = re.sub(r"<code>[^<]*</code>|value=\"[^\"]*\"", "", answer.get_data(as_text=True))
    return re.sub(r"/org/[a-z]+/", "/org/x/", text)


PLATFORM = {route: who.removeprefix("platform ") for route, who in MATRIX.items() if who.startswith("platform ")}


def test_r35_the_platform_is_administered_from_its_own_organization(app: Any, world: Any, subtests: Any) -> None:
    """Privileges of reach `platform` count in `self` only: whoever holds none finds no such page, also an administrator
    of a customer whose role has them; who holds others is told so, 403; each one of those written down opens."""
    apps = app.extensions["onix_catalog"].apps.values()
    everything = {name for one in apps for name, found in one.privileges.items() if found.reach == "platform"}
    organization = {name for one in apps for name, found in one.privileges.items() if found.reach == "organization"}
    own, customer = world.organization("own", kind="self"), world.organization("customer")

    def person(organization_id: str, privileges: frozenset[str]) -> Any:
        found = world.account()
        member = world.member(organization_id, found.account_id)
        held = {"account:access", "oneoffice:access", *privileges}
        world.role(organization_id, held, members=[member])
        world.license(organization_id, "oneoffice:standard", holders=[member])
        return found

    people = _People(app, world, person)
    for route, written in PLATFORM.items():
        wanted = set(written.split("|"))
        with subtests.test(route):
            for nobody in ((own, organization), (customer, everything)):
                answer = people.ask(route, *nobody)
                assert answer.status_code == 404 and "/admin" not in answer.headers.get("Location", "")
            assert people.ask(route, own, everything - wanted).status_code == 403
        for privilege in sorted(wanted):
            with subtests.test(route, privilege=privilege):
                _opens(people.ask(route, own, [privilege]))
