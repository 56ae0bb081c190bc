"""R35: who may do what at each route. A route that is not written down here fails, and each one behaves as written.

`anybody` answers strangers; `person` sends a stranger to the sign-in; `link` wants what was mailed; `browser` wants
something that this very browser began; `request` wants a registered client's request; `client` wants a client's
authentication; `bearer` wants an access token.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

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
    # signing up and in
    "GET /.well-known/change-password": "anybody",
    "GET /login": "anybody",
    "POST /login": "anybody",
    "GET /login/another": "anybody",
    "GET /logout": "anybody",
    "POST /logout": "anybody",
    "GET /signup": "anybody",
    "POST /signup": "anybody",
    "GET /activated": "anybody",
    "GET /password/forgot": "anybody",
    "POST /password/forgot": "anybody",
    "GET /password/changed": "anybody",
    "GET /oauth2/logged-out": "anybody",
    "GET /login/choose": "person",
    "POST /login/choose": "person",
    "GET /login/required": "person",
    "POST /login/required": "person",
    # mailed links
    "GET /activate/<token>": "link",
    "POST /activate/<token>": "link",
    "GET /activate/opened/<mark>": "link",
    "POST /activate/opened/<mark>": "link",
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
    "POST /organization": "person",
    "POST /invitation/resend": "person",
}


def _routes(app: Any) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }


def test_every_route_is_written_down(app: Any) -> None:
    assert _routes(app) == set(MATRIX)


def _ask(client: Any, route: str) -> Any:
    """As a stranger: nothing known, nothing signed, and for posts a form that this browser was given."""
    from tests.support.forms import form_with

    method, path = route.split()
    path = path.replace("<token>", "made-up").replace("<mark>", "made-up").replace("<handle>", "made-up")
    if method == "GET":
        return client.get(path)
    data = {}
    if not path.startswith(("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/userinfo")):
        page = client.get("/login")
        data["csrf_token"] = form_with(page.get_data(as_text=True), "csrf_token").fields["csrf_token"]
    return client.post(path, data=data)


@pytest.mark.parametrize("route", MATRIX)
def test_strangers_get_no_further_than_written(route: str, app: Any, client: Any) -> None:
    from idp.kernel.database import unit_of_work
    from idp.oidc.keys import ensure_keys

    with app.app_context(), unit_of_work():
        ensure_keys()
    answer = _ask(client, route)
    who = MATRIX[route]
    assert answer.status_code < 500
    if who == "anybody":
        assert answer.status_code != 401 and not answer.headers.get("Location", "").startswith("/login?")
    elif who == "person":
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/login")
    elif who == "client":
        assert answer.status_code in (400, 401) and answer.json["error"] in ("invalid_client", "invalid_request")
    elif who == "bearer":
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    else:
        assert answer.status_code in (400, 404, 410)
        assert "Location" not in answer.headers


@pytest.mark.parametrize("route", [route for route in MATRIX if route.startswith("POST") and "/oauth2/" not in route])
def test_r43_no_post_acts_without_its_forms_token(route: str, client: Any, world: Any) -> None:
    """Signed in or not: a post that another page made changes nothing."""
    from tests.support.forms import submit

    path = route.split()[1].replace("<token>", "made-up").replace("<mark>", "made-up")
    person = world.account()
    submit(client, client.get("/login"), "password", identifier=person.address, password=world.password)
    answer = client.post(path, data={"identifier": person.address, "address": person.address})
    assert answer.status_code in (303, 400, 404, 410), answer.status_code
    if answer.status_code == 303:
        assert not answer.headers.get("Location", "").endswith(("/activated", "/password/changed"))
    assert client.get("/").status_code == 200, "still signed in"
    crossed = client.post(path, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code in (400, 403, 404)
