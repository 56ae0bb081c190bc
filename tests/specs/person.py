"""A person's browser on Flask's test client, for tests of the authorization endpoint and the logout endpoint."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.flow import pkce, query_of
from tests.support.forms import Form, forms_of, text_of
from tests.support.world import PASSWORD, Person

CALLBACK = "https://rp.example/callback"
ISSUER = "http://localhost"
SECRET = "a-secret-of-the-tests-0123456789"


@dataclass
class Browser:
    """`ask()` sends an authorization request; `sign_in()` fills in the sign-in page; `press()` presses a button."""

    http: Any
    client_id: str
    redirect_uri: str = CALLBACK
    verifier: str = field(default="")
    secret: str = SECRET

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """A complete request; a parameter given as None is left out."""
        self.verifier, challenge = pkce()
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(6),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def ask(self, **changes: str | None) -> Any:
        return self.http.get("/oauth2/authorize?" + urlencode(self.parameters(**changes)))

    def follow(self, response: Any) -> Any:
        """Go on while redirects stay at the provider; gives the page, or the redirect that leaves."""
        for _ in range(12):
            target = response.headers.get("Location")
            if target is None or not target.startswith(("/", ISSUER + "/")):
                return response
            response = self.http.get(target.removeprefix(ISSUER))
        raise AssertionError("redirects without end")

    def press(self, page: Any, action: str, **values: str) -> Any:
        """Post the form whose address ends with `action`."""
        form = form_ending(page, action)
        return self.http.post(urlsplit(form.action).path, data=form.filled(**values))

    def sign_in(self, page: Any, person: Person, password: str = PASSWORD) -> Any:
        """Fill in the sign-in page and go on to where it leads."""
        return self.follow(self.press(page, "/login", identifier=person.address, password=password))

    def signed_in(self, person: Person) -> Browser:
        """Sign in at the provider itself, on the way to nowhere."""
        page = self.http.get("/login")
        assert self.press(page, "/login", identifier=person.address, password=PASSWORD).status_code == 303
        return self


def form_ending(page: Any, action: str) -> Form:
    path = page.request.path
    html = page.get_data(as_text=True)
    for form in forms_of(html, path):
        if urlsplit(form.action).path.endswith(action):
            return form
    raise AssertionError(f"no form to {action} on {path} ({page.status_code}):\n{text_of(html)[:1500]}")


def answer_of(response: Any, redirect_uri: str = CALLBACK) -> dict[str, str]:
    """The authorization response: what the client gets in the query of its redirect URI."""
    target = response.headers.get("Location")
    assert response.status_code == 303, f"{response.status_code}: {text_of(response.get_data(as_text=True))[:800]}"
    assert target.startswith(redirect_uri), target
    found = query_of(target)
    assert found["iss"] == ISSUER
    return found


def reason_of(page: Any) -> str:
    """Which problem an error page shows."""
    html = page.get_data(as_text=True)
    assert page.status_code == 400, page.status_code
    assert "Location" not in page.headers
    return html.split('data-reason="', 1)[1].split('"', 1)[0]
