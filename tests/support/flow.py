"""The code flow as a person and an application walk it, over plain HTTP: what every protocol test can build on."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

from .forms import forms_of, text_of


def pkce() -> tuple[str, str]:
    """A verifier and its S256 challenge (RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def query_of(url: str) -> dict[str, str]:
    """The query of an address, each parameter once."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), f"a parameter comes twice: {url}"
    return {name: values[0] for name, values in found.items()}


class Stuck(AssertionError):
    """The way to the application ended on a page of the provider; `page` is that response."""

    def __init__(self, page: requests.Response) -> None:
        super().__init__(f"{page.status_code} {page.url}\n{text_of(page.text)[:1500]}")
        self.page = page


@dataclass
class Visitor:
    """A browser without JavaScript in a person's hands: types the address and password, allows, chooses the first."""

    address: str
    password: str
    allow: bool = True
    organization: str | None = None
    http: requests.Session = field(default_factory=requests.Session)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http.trust_env = False

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.http.get(url, allow_redirects=False, timeout=30, **options)

    def post(self, url: str, data: dict[str, str], **options: Any) -> requests.Response:
        return self.http.post(url, data=data, allow_redirects=False, timeout=30, **options)

    def walk(self, url: str, until: str, *, steps: int = 25) -> str:
        """From `url` to the first address that starts with `until`, filling in every form on the way.

        Gives that address, which is not fetched. Raises `Stuck` on a page that asks for nothing we know.
        """
        page = self.get(url)
        signed_in = False
        for _ in range(steps):
            if page.is_redirect:
                target = urljoin(page.url, page.headers["Location"])
                if target.startswith(until):
                    return target
                page = self.get(target)
                continue
            self.seen.append(urlsplit(page.url).path)
            if page.status_code != 200:
                raise Stuck(page)
            page, signed_in = self._answer(page, until, signed_in)
            if isinstance(page, str):
                return page
        raise Stuck(page)

    def _answer(self, page: requests.Response, until: str, signed_in: bool) -> tuple[Any, bool]:
        forms = forms_of(page.text, page.url)
        for form in forms:
            if form.action.startswith(until) and form.method == "post":  # response_mode=form_post
                return f"{form.action}?{urlencode(form.fields)}", signed_in
        for form in forms:
            if "password" in form.fields:
                if signed_in:
                    raise Stuck(page)
                return self.post(form.action, form.filled(identifier=self.address, password=self.password)), True
        for form in forms:
            for name in ("member_id", "organization", "member"):
                offered = form.choices.get(name) or [value for key, value, _ in form.buttons if key == name]
                if offered:
                    return self.post(form.action, form.filled(**{name: self.organization or offered[0]})), signed_in
        for form in forms:
            named = {(key, value) for key, value, _ in form.buttons if key}
            for key, value in named:
                if value in (("allow", "yes", "continue", "same", "1") if self.allow else ("deny", "no", "0")):
                    return self.post(form.action, form.filled(**{key: value})), signed_in
        raise Stuck(page)


@dataclass
class Application:
    """A registered client, spoken for by hand. `secret` None: a public client."""

    issuer: str
    client_id: str
    secret: str | None
    redirect_uri: str
    scope: str = "openid"
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False

    def authorization_url(self, **parameters: str | None) -> tuple[str, str]:
        """The address to send the browser to, and the PKCE verifier to keep."""
        verifier, challenge = pkce()
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **parameters,
        }
        query = urlencode({name: value for name, value in values.items() if value is not None})
        return f"{self.issuer}/oauth2/authorize?{query}", verifier

    def post(self, path: str, **data: str) -> requests.Response:
        """A back-channel request with this client's own authentication."""
        auth = (self.client_id, self.secret) if self.secret else None
        if auth is None:
            data["client_id"] = self.client_id
        return self.http.post(self.issuer + path, data=data, auth=auth, timeout=30, allow_redirects=False)

    def redeem(self, code: str, verifier: str) -> requests.Response:
        return self.post(
            "/oauth2/token",
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=verifier,
        )

    def refresh(self, token: str, **data: str) -> requests.Response:
        return self.post("/oauth2/token", grant_type="refresh_token", refresh_token=token, **data)

    def introspect(self, token: str) -> dict[str, Any]:
        answer = self.post("/oauth2/introspect", token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def userinfo(self, access_token: str) -> requests.Response:
        return self.http.get(
            self.issuer + "/oauth2/userinfo", headers={"Authorization": f"Bearer {access_token}"}, timeout=30
        )

    def code_for(self, visitor: Visitor, **parameters: str | None) -> tuple[str, str]:
        """Walk a person through; gives the code and the verifier."""
        url, verifier = self.authorization_url(**parameters)
        answer = query_of(visitor.walk(url, self.redirect_uri))
        assert "code" in answer, answer
        return answer["code"], verifier

    def tokens_for(self, visitor: Visitor, **parameters: str | None) -> dict[str, Any]:
        """The whole way to tokens."""
        answer = self.redeem(*self.code_for(visitor, **parameters))
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, unchecked."""
    import json

    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))  # type: ignore[no-any-return]
