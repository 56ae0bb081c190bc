"""What a program asks at /api/v1 in a person's name, and everything that is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from idp.kernel.database import unit_of_work
from tests.api.conftest import PRIVILEGES, SCOPE, Caller, Supplier, problem

KARI, OLA = ("Kari Nordmann", "kari@havgap.example"), ("Ola Nordmann", "ola@havgap.example")
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"

Written = Callable[[], tuple[int, int, int]]


def test_from_a_company_to_its_invited_people_and_back(supplier: Supplier, written: Written) -> None:
    """Search, standing, invite two and a bad one, list, withdraw: each step as the next one sees it."""
    caller = supplier.caller()
    for query in ("q=havgap", "organization_number=945 678 901", "q=945678901"):
        found = caller.get(f"/companies?{query}").json
        assert [company["id"] for company in found["items"]] == [supplier.company_id], query
    assert len(caller.get("/companies").json["items"]) == 2
    assert caller.get("/companies?q=nobody").json == {"items": [], "page": 1, "more": False}
    assert caller.get(f"/companies/{supplier.company_id}").json["organization_number"] == "945678901"
    standing = caller.get(f"/companies/{supplier.company_id}/express").json
    assert standing == {
        "company_id": supplier.company_id, "work_customer": False, "active_users": 0, "open_invitations": 0,
        "limit": 25, "left": 25, "offer_invitations": True,
    }  # fmt: skip

    before = written()
    answer = caller.invite(
        supplier.company_id, KARI, ("No Mail", "nonsense"), OLA, ("Kari again", "KARI@havgap.example")
    )
    assert answer.status_code == 200, answer.text
    told = [(one["row"], one["outcome"], one["done"], one["field"]) for one in answer.json["results"]]
    assert told[0] == (1, "invited", True, None) and told[2] == (3, "invited", True, None)
    assert told[1][2:] == (False, "email") and told[3] == (4, "duplicate", True, None)
    assert answer.json["express"]["left"] == 23
    assert [now - was for now, was in zip(written(), before, strict=True)] == [2, 2, 2]

    listed = caller.get(f"/companies/{supplier.company_id}/invitations").json["items"]
    assert {one["email"] for one in listed} == {"kari@havgap.example", "ola@havgap.example"}
    assert all(one["expires_at"] - one["invited_at"] == 28 * 86400 for one in listed)
    for _ in range(2):  # asked twice, done once
        gone = caller.ask("DELETE", f"/invitations/{listed[0]['id']}")
        assert (gone.status_code, gone.text, gone.headers.get("Content-Type")) == (204, "", None)
    assert len(caller.get(f"/companies/{supplier.company_id}/invitations").json["items"]) == 1
    assert caller.get(f"/companies/{supplier.company_id}/express").json["left"] == 24

    # An id names one invitation: the old one's does nothing to a newer one of the same person
    old = listed[0]
    assert caller.invite(supplier.company_id, (old["name"], old["email"])).json["results"][0]["outcome"] == "invited"
    assert caller.ask("DELETE", f"/invitations/{old['id']}").status_code == 204
    again = caller.get(f"/companies/{supplier.company_id}/invitations").json["items"]
    assert old["email"] in {one["email"] for one in again} and old["id"] not in {one["id"] for one in again}


def test_an_invitation_that_is_over_takes_no_newer_one_along(supplier: Supplier, clock: Any) -> None:
    """Whoever kept its id withdraws what it names, not what the person was sent since."""
    caller = supplier.caller()
    caller.invite(supplier.company_id, KARI)
    (old,) = caller.get(f"/companies/{supplier.company_id}/invitations").json["items"]
    clock.advance(28 * 86400 + 1)
    caller = supplier.caller()
    caller.invite(supplier.company_id, KARI)
    assert caller.ask("DELETE", f"/invitations/{old['id']}").status_code == 204
    (open_,) = caller.get(f"/companies/{supplier.company_id}/invitations").json["items"]
    assert open_["id"] != old["id"]


def test_the_same_act_sent_twice_is_done_once(supplier: Supplier, written: Written) -> None:
    """A key is one client's and person's own; under it, other people are refused."""
    caller, colleague = supplier.caller(), supplier.caller()
    first = caller.invite(supplier.company_id, KARI, key="order-2001-first")
    after = written()
    again = caller.invite(supplier.company_id, KARI, key="order-2001-first")
    assert (again.status_code, again.json["results"]) == (200, first.json["results"])
    problem(caller.invite(supplier.company_id, OLA, key="order-2001-first"), 409, "key_reused")
    assert written() == after
    assert colleague.invite(supplier.company_id, OLA, key="order-2001-first").json["results"][0]["outcome"] == "invited"
    without = caller.invite(supplier.company_id, KARI)
    assert without.json["results"][0]["outcome"] == "already_invited"


def test_a_token_has_to_be_for_the_api_and_to_live(supplier: Supplier, written: Written) -> None:
    """RFC 6750 §3: 401 with a challenge, which names an error only when a token was shown."""
    protocol, before = supplier.protocol, written()
    path = f"/api/v1/companies/{supplier.company_id}"
    bare = protocol.http.get(path)
    problem(bare, 401, "invalid_token")
    challenge = bare.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="onix-account", resource_metadata="') and "error" not in challenge
    told = protocol.http.get(
        challenge.split('resource_metadata="')[1].rstrip('"').removeprefix("http://localhost:8000")
    )
    assert told.json["resource"].endswith("/api/v1") and told.json["authorization_servers"]

    person = supplier.person()
    for_work = protocol.tokens("work", scope=SCOPE, person=person)
    caller = supplier.caller(person)
    for token in ("garbage", for_work["access_token"], for_work["id_token"], caller.token[:-3] + "AAA"):
        answer = Caller(protocol, token).get(f"/companies/{supplier.company_id}")
        problem(answer, 401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    shown_twice = protocol.http.get(f"{path}?access_token={caller.token}", headers={"Authorization": "Bearer x"})
    problem(shown_twice, 400, "invalid_request")

    assert caller.get(f"/companies/{supplier.company_id}").status_code == 200
    protocol.post({"token": caller.token}, "work", path="/oauth2/revoke")
    problem(caller.get(f"/companies/{supplier.company_id}"), 401, "invalid_token")
    problem(caller.invite(supplier.company_id, KARI), 401, "invalid_token")
    assert written()[1:] == before[1:]


def test_an_organization_that_asks_for_two_factors_hears_no_sign_in_with_one(
    supplier: Supplier, app: Any, written: Written
) -> None:
    from idp.organizations import service

    person = supplier.person()
    caller, before = supplier.caller(person), written()
    assert caller.get("/companies").status_code == 200
    with app.app_context(), unit_of_work():
        service.require_second_factor(supplier.organization_id, True)
    problem(caller.get("/companies"), 401, "invalid_token")
    problem(caller.invite(supplier.company_id, KARI), 401, "invalid_token")
    assert written() == before
    with app.app_context(), unit_of_work():
        service.require_second_factor(supplier.organization_id, False)
    assert caller.get("/companies").status_code == 200


def test_an_app_token_of_the_api_is_no_token_of_the_app(supplier: Supplier) -> None:
    """One sign-in, two audiences: each carries its own app's privileges and no other."""
    from tests.support.protocol import claims_of

    claims = claims_of(supplier.caller().token)
    assert claims["aud"].endswith("/api/v1") and claims["client_id"] == "work"
    assert claims["privileges"] == sorted(PRIVILEGES)


def test_a_scope_that_the_client_lacks(supplier: Supplier, written: Written) -> None:
    before = written()
    caller = supplier.caller(scope="openid companies.read")
    before = (before[0] + 1, *before[1:])
    answer = caller.invite(supplier.company_id, KARI)
    problem(answer, 403, "insufficient_scope")
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge and 'scope="invitations.write"' in challenge
    problem(caller.get(f"/companies/{supplier.company_id}/invitations"), 403, "insufficient_scope")
    assert caller.get("/companies").status_code == 200
    assert written() == before


def test_what_the_person_may_is_todays(supplier: Supplier, app: Any, written: Written) -> None:
    """The token runs on; the privilege, the membership and the person count as they are now."""
    from idp.organizations import service

    person = supplier.person()
    caller = supplier.caller(person)
    assert caller.get("/companies").status_code == 200
    with app.app_context(), unit_of_work() as session:
        from idp.organizations.models import Member

        role = session.get_one(Member, person.member_id).roles[0]
        service.set_role_privileges(role.id, ["work:access", "account:access", "account:companies.read"])
    assert caller.get("/companies").status_code == 200, "who sees companies may look"
    before = written()
    problem(caller.invite(supplier.company_id, KARI), 403, "privilege_missing")
    with app.app_context(), unit_of_work():
        service.disable_member(person.member_id)
    problem(caller.get("/companies"), 403, "member_disabled")
    assert written() == before
    no_role = supplier.caller(supplier.person(privileges=()))
    problem(no_role.get("/companies"), 403, "privilege_missing")


def test_a_client_of_no_app(supplier: Supplier, written: Written) -> None:
    """Registered for the API and its scopes, asked at the authorization endpoint, and told of the organization."""
    protocol = supplier.protocol
    api = f"{protocol.app.extensions['onix_settings'].issuer}/api/v1"
    scope = "openid organization companies.read"
    protocol.register("orders", scope=scope, resources=[api])
    person = supplier.person()
    values = {"person": person, "organization_id": supplier.organization_id, "resource": api}
    caller = Caller(protocol, protocol.tokens("orders", scope=scope, **values)["access_token"])
    assert len(caller.get("/companies").json["items"]) == 2
    problem(caller.invite(supplier.company_id, KARI), 403, "insufficient_scope")
    untold = protocol.tokens("orders", scope="openid companies.read", **values)["access_token"]
    problem(Caller(protocol, untold).get("/companies"), 403, "not_told")


def test_a_machine_is_nobody(supplier: Supplier) -> None:
    """Client credentials give no organization, so there is nothing to ask about."""
    protocol = supplier.protocol
    issuer = protocol.app.extensions["onix_settings"].issuer
    form = {"grant_type": "client_credentials", "resource": f"{issuer}/api/v1"}
    protocol.register("robot", kind="machine", scope="robots.run")
    token = protocol.post(form, "robot").json["access_token"]
    problem(Caller(protocol, token).get("/companies"), 403, "insufficient_scope")


@pytest.mark.parametrize("wanted", ["elsewhere", "unknown", "nonsense", "quote"])
def test_another_suppliers_company_is_not_there(wanted: str, supplier: Supplier, written: Written) -> None:
    """Another tenant's, an unknown one, nonsense: the same bytes, and nothing happens."""
    caller, before = supplier.caller(), written()
    company = {"elsewhere": supplier.elsewhere, "unknown": NOBODY, "nonsense": "x", "quote": "'%00"}[wanted]
    before = written()
    told = []
    for answer in (
        caller.get(f"/companies/{company}"),
        caller.get(f"/companies/{company}/express"),
        caller.get(f"/companies/{company}/invitations"),
        caller.invite(company, KARI),
        caller.invite(company, KARI, key="a-key-of-mine"),
    ):
        told.append(problem(answer, 404, "company_unknown"))
    assert all(one == told[0] for one in told) and told[0]["detail"] == "There is no such company."
    assert written() == before


def test_another_suppliers_invitation_is_not_there(supplier: Supplier, written: Written) -> None:
    other = supplier.caller(supplier.person(organization_id=supplier.foreign))
    assert other.invite(supplier.elsewhere, KARI).status_code == 200
    theirs = other.get(f"/companies/{supplier.elsewhere}/invitations").json["items"][0]["id"]
    caller, before = supplier.caller(), written()
    told = [
        problem(caller.ask("DELETE", f"/invitations/{one}"), 404, "invitation_unknown") for one in (theirs, NOBODY, "x")
    ]
    assert told[0] == told[1] == told[2]
    assert written() == before
    assert len(other.get(f"/companies/{supplier.elsewhere}/invitations").json["items"]) == 1


def test_who_is_not_invited_at_all(supplier: Supplier, world: Any, app: Any, written: Written) -> None:
    """A company that uses Onix Work itself, an invitation that was accepted, and a supplier without Onix Express."""
    customer = world.organization(name="Nordic Lift AS")
    world.license(customer, "work:standard")
    theirs = world.company(supplier.organization_id, linked_organization_id=customer)
    caller = supplier.caller()
    standing = caller.get(f"/companies/{theirs}/express").json
    assert (standing["work_customer"], standing["left"], standing["offer_invitations"]) == (True, 0, False)
    before = written()
    problem(caller.invite(theirs, KARI), 409, "work_customer")
    assert written() == before

    caller.invite(supplier.company_id, KARI)
    one = caller.get(f"/companies/{supplier.company_id}/invitations").json["items"][0]["id"]
    from idp.kernel import clock
    from idp.organizations.models import Invitation

    with app.app_context(), unit_of_work() as session:
        session.get_one(Invitation, one).accepted_at = clock.now()
    problem(caller.ask("DELETE", f"/invitations/{one}"), 409, "invitation_accepted")

    plain = world.organization(name="Vanlig AS")
    company = world.company(plain)
    person = supplier.person(organization_id=plain)
    before = written()
    problem(supplier.caller(person).invite(company, KARI), 403, "not_a_supplier")
    assert written() == before


def test_bad_input_is_explained_and_changes_nothing(supplier: Supplier, written: Written) -> None:
    caller = supplier.caller()
    before = written()
    path = f"/companies/{supplier.company_id}/invitations"
    kari = {"name": "Kari", "email": "kari@havgap.example"}

    def post(body: Any, status: int, code: str, mimetype: str = "application/json", **headers: str) -> dict[str, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return problem(caller.ask("POST", path, data=raw, content_type=mimetype, headers=headers), status, code)

    post(b"{", 400, "invalid_request")
    post(b'{"people": [{"name": "\\ud800", "email": "x@y.example"}]}', 400, "invalid_request")
    post(b"\xff\xfe", 400, "invalid_request")
    post(b"[" * 5000, 400, "invalid_request")
    post({"people": [kari]}, 415, "wrong_media_type", "text/plain")
    post({"people": [{**kari, "name": "x" * 70_000}]}, 413, "too_large")
    assert post({"people": []}, 422, "invalid_value")["errors"][0]["pointer"] == "#/people"
    assert (
        post({"people": [{**kari, "role": "boss"}]}, 422, "invalid_value")["errors"][0]["pointer"] == "#/people/0/role"
    )
    post({"people": [kari] * 201}, 422, "invalid_value")
    post({"people": [{"name": 7, "email": None}]}, 422, "invalid_value")
    post([], 422, "invalid_value")
    post({"people": [kari]}, 422, "invalid_value", **{"Idempotency-Key": "short"})
    for query in ("page=0", "page=x", "page=99999999999999999999", "q=a&q=b", "q=" + "x" * 101, "q=%00", "page="):
        problem(caller.get(f"/companies?{query}"), 422, "invalid_value")
    assert written() == before
    hostile = caller.invite(supplier.company_id, ("Kari\r\nBcc: all@x.example", "kari@havgap.example"))
    assert hostile.status_code == 200 and written()[2] - before[2] <= 1
    for value in ("%00", "a" * 300, "..%2f.."):
        assert caller.get(f"/companies/{value}").status_code == 404


def test_every_error_below_the_api_is_a_problem(supplier: Supplier) -> None:
    caller = supplier.caller()
    problem(caller.get("/nothing"), 404, "not_found")
    answer = caller.ask("PUT", "/companies")
    problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_problem_speaks_the_callers_language(supplier: Supplier) -> None:
    caller = supplier.caller()
    theirs = caller.invite(supplier.company_id, ("Ny", "nonsense"), key="eight-or-more")
    assert theirs.json["results"][0]["field"] == "email"
    body = {"people": [{"name": "Ny", "email": "nonsense"}]}
    norwegian = caller.ask(
        "POST", f"/companies/{supplier.company_id}/invitations", body, headers={"Accept-Language": "nb"}
    )
    assert norwegian.json["results"][0]["message"] != theirs.json["results"][0]["message"]


@pytest.mark.parametrize("app_settings", [{"throttle": {"api_requests_per_minute": 3}}])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_so_many_requests_a_minute(supplier: Supplier) -> None:
    caller, colleague = supplier.caller(), supplier.caller()
    assert [caller.get("/companies").status_code for _ in range(3)] == [200, 200, 200]
    answer = caller.get("/companies")
    problem(answer, 429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0
    assert colleague.get("/companies").status_code == 200


@pytest.mark.parametrize("app_settings", [{"redis_url": "redis://127.0.0.1:1/0"}])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_is_kept_out_because_the_rates_store_is_away(supplier: Supplier) -> None:
    assert supplier.caller().get("/companies").status_code == 200


def test_a_page_costs_the_same_however_many_companies(supplier: Supplier, world: Any, statements: Any) -> None:
    caller = supplier.caller()
    caller.get("/companies")
    with statements() as few:
        assert len(caller.get("/companies").json["items"]) == 2
    for _ in range(60):
        world.company(supplier.organization_id)
    with statements() as many:
        first = caller.get("/companies").json
    assert (len(first["items"]), first["more"]) == (50, True)
    assert len(many) == len(few) <= 4 and many.commits == 0, str(many)
    rest = caller.get("/companies?page=2").json
    assert (len(rest["items"]), rest["more"]) == (12, False)
    assert not {one["id"] for one in rest["items"]} & {one["id"] for one in first["items"]}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_for_people_explains_every_code(client: Any, app: Any) -> None:
    from idp.api.document import OPERATIONS, refusals_of
    from idp.organizations.catalog import current_catalog
    from idp.organizations.policy import CODES

    with app.app_context():
        account = current_catalog().apps["account"]
    assert set(account.license_step.values()) == {"nothing"}
    met = [code for code in CODES if code not in ("license_expired", "seat_limit_reached", "license_missing")]
    for language, words in (("en", "The API for applications"), ("nb", "API-et for applikasjoner")):
        page = client.get("/api", headers={"Accept-Language": language}).get_data(as_text=True)
        assert words in page
        for operation in OPERATIONS:
            for codes in refusals_of(operation).values():
                assert all(page.count(f'id="{code}"') == 1 for code in codes)
        assert all(page.count(f'id="{code}"') == 1 for code in met), "the type of every denial leads somewhere"
    document = client.get("/api/v1/openapi.json")
    assert document.json["openapi"].startswith("3.1")
    assert set(document.json["paths"]) == {operation.path for operation in OPERATIONS}
