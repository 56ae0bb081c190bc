"""Authlib's own client, in a Flask application of its own, signs a person in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, redirect, session, url_for

from tests.support.live import CALLBACK, Live


def _relying_party(here: Live, client_id: str, secret: str) -> Flask:
    app = Flask("a_relying_party")
    app.secret_key = "only-for-this-test"
    oauth = OAuth(app)
    oauth.register(
        "onix",
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{here.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )

    @app.get("/login")
    def login() -> Any:
        return oauth.onix.authorize_redirect(CALLBACK)

    @app.get("/callback")
    def callback() -> Any:
        token = oauth.onix.authorize_access_token()
        session["person"] = {"claims": dict(token["userinfo"]), "userinfo": dict(oauth.onix.userinfo(token=token))}
        return redirect(url_for("home"))

    @app.get("/")
    def home() -> Any:
        return session["person"]

    return app


@pytest.fixture(scope="module")
def here(lasting: Callable[..., Live]) -> Live:
    """The provider of this file."""
    return lasting(database="sqlite")


@pytest.mark.slow
def test_authlib_signs_a_person_in(here: Live) -> None:
    person = here.world.user(given_name="Åse", family_name="Ødegård")
    here.application("authlib-rp")
    browser = _relying_party(here, "authlib-rp", "an-app-secret").test_client()
    sent = browser.get("/login")
    callback = here.visitor(person).walk(sent.headers["Location"], CALLBACK)
    back = browser.get(f"/callback?{urlsplit(callback).query}", follow_redirects=True)
    assert back.status_code == 200, back.text
    seen = back.get_json()
    assert seen["claims"]["sub"] == person.account_id == seen["userinfo"]["sub"]
    assert seen["userinfo"]["name"] == "Åse Ødegård"
    assert seen["userinfo"]["email"] == person.address


@pytest.mark.slow
def test_authlib_session_refreshes_and_revokes(here: Live) -> None:
    person = here.world.user()
    application = here.application("authlib-session")
    tokens = application.tokens_for(here.visitor(person))
    client = OAuth2Session(
        "authlib-session", "an-app-secret", token=tokens, token_endpoint=f"{here.issuer}/oauth2/token"
    )
    fresh = client.refresh_token()
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert client.introspect_token(f"{here.issuer}/oauth2/introspect", fresh["access_token"]).json()["active"] is True
    assert client.revoke_token(f"{here.issuer}/oauth2/revoke", fresh["refresh_token"]).status_code == 200
    assert application.refresh(fresh["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.slow
def test_authlib_session_speaks_for_a_machine(here: Live) -> None:
    here.application("a-machine", kind="machine", app_id=None, grant_types=["client_credentials"], scope=None,
                     post_logout_redirect_uris=[])  # fmt: skip
    client = OAuth2Session("a-machine", "an-app-secret")
    token = client.fetch_token(f"{here.issuer}/oauth2/token", grant_type="client_credentials")
    assert token["token_type"] == "Bearer"
    assert (
        client.introspect_token(f"{here.issuer}/oauth2/introspect", token["access_token"]).json()["sub"] == "a-machine"
    )
