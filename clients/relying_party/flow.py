"""Signing in, staying signed in, and signing out: the conversation with the provider, without any web framework.

    begin() ──browser──▶ authorize ──browser──▶ finish() ──▶ session ──▶ current() … refresh() … ──▶ logout
                                                               ▲ back-channel: receive_logout() ends it at once

Only discovery, keys, token and end-session are ever called: names come in the ID token by the `claims` parameter, as
does, for a product that wants it, where the person's signature is (`signature`).
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2 import OAuth2Error

from clients.relying_party import clock, tokens
from clients.relying_party.provider import TIMEOUT, Provider, Unreachable, http_session
from clients.relying_party.store import Busy, Ended, FailedLately, Session, SignIn, Store

SCOPE = "openid profile email"
NAMES = ("name", "given_name", "email", "locale")
CLAIMS = (*NAMES, "picture")
PROMPTS = ("none", "login", "select_account", "create")
FAILURE_PAUSE = 2.0
RECHECK_PAUSE = 2
API_MARGIN = 5  # seconds that a token for the API has to be good for, so that it does not end on its way
Ask = Callable[[Session, int], dict[str, Any]]
"""Asks the token endpoint with a session's refresh token at an instant; gives what changes of the session."""

log = logging.getLogger(__name__)


class SignInFailed(Exception):
    """The provider's answer does not sign anybody in. `code` is ours or the registered error of the answer."""

    def __init__(self, code: str, sign_in: SignIn | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.sign_in = sign_in


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A judged answer of the token endpoint."""

    access: dict[str, Any]
    identity: dict[str, Any]
    id_token: str
    refresh_token: str | None


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """An access token for the provider's API, good until `ends_at` (UTC seconds)."""

    bearer: str
    ends_at: int


class Client:
    """One registered client at one provider, for one resource: what a web application and a native one share."""

    def __init__(
        self,
        provider: Provider,
        client_id: str,
        client_secret: str | None,
        resource: str,
        redirect_uri: str,
        scope: str = SCOPE,
    ) -> None:
        self.provider = provider
        self.client_id = client_id
        self.client_secret = client_secret
        self.resource = resource
        self.redirect_uri = redirect_uri
        self.scope = scope

    def authorization_url(
        self,
        *,
        state: str,
        nonce: str,
        verifier: str,
        language: str | None = None,
        prompt: str | None = None,
        login_hint: str | None = None,
        organization: str | None = None,
    ) -> str:
        """Where to send the browser (code flow with PKCE S256). Raises `Unreachable`.

        `language` is one that the person chose; without it the account's counts, then the browser's.
        """
        extra = {"ui_locales": language, "prompt": prompt, "login_hint": login_hint, "organization": organization}
        wanted = (*CLAIMS, "signature") if "signature" in self.scope.split() else CLAIMS
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self.provider.endpoint("authorization_endpoint"),
                state=state,
                code_verifier=verifier,
                nonce=nonce,
                scope=self.scope,
                resource=self.resource,
                claims=json.dumps({"id_token": dict.fromkeys(wanted)}, separators=(",", ":")),
                **{name: value for name, value in extra.items() if value},
            )
        return str(url)

    def read_answer(self, answer: Mapping[str, list[str]], sign_in: SignIn) -> str:
        """The code in an authorization response whose `state` has been matched. Raises `SignInFailed`.

        The issuer is looked at before anything else is believed, also before an error (RFC 9207 §2.4).
        """
        if any(len(values) != 1 for values in answer.values()):
            raise SignInFailed("invalid_answer", sign_in)
        single = {name: values[0] for name, values in answer.items()}
        announced = self.provider.metadata().get("authorization_response_iss_parameter_supported") is True
        if ("iss" in single or announced) and single.get("iss") != self.provider.issuer:
            raise SignInFailed("wrong_issuer", sign_in)
        if "error" in single:
            raise SignInFailed(single["error"], sign_in)
        if not single.get("code"):
            raise SignInFailed("invalid_answer", sign_in)
        return single["code"]

    def redeem(self, code: str, sign_in: SignIn, now: int) -> Tokens:
        """Exchange the code and judge what comes. Raises `SignInFailed`, `Unreachable`."""
        try:
            answer = self._ask(
                "fetch_token", grant_type="authorization_code", code=code, code_verifier=sign_in.verifier
            )
            return self._judge(answer, now, nonce=sign_in.nonce)
        except (OAuthError, OAuth2Error) as error:
            raise SignInFailed(str(error.error or "server_error"), sign_in) from error
        except tokens.TokenRefused as error:
            log.warning("token refused: %s", error.reason)
            raise SignInFailed("token_refused", sign_in) from error

    def renew(
        self,
        refresh_token: str,
        before: Mapping[str, Any],
        nonce: str,
        now: int,
        *,
        id_token: str,
        organization: str | None = None,
    ) -> Tokens:
        """Today's tokens for a refresh token (Core §12). Raises `SignInFailed` (sign in anew), `Unreachable`."""
        return self._renew(
            refresh_token, before, nonce, now, id_token=id_token, resource=self.resource, organization=organization
        )[0]

    def renew_for_api(
        self, refresh_token: str, before: Mapping[str, Any], nonce: str, now: int, *, id_token: str
    ) -> tuple[Tokens, ApiToken]:
        """The same, but the access token is for the provider's API (RFC 8707 §2.2): it tells the API who the person is,
        and this application nothing. Raises as `renew` does."""
        resource = self.provider.api
        got, answer = self._renew(refresh_token, before, nonce, now, id_token=id_token, resource=resource)
        return got, ApiToken(bearer=answer["access_token"], ends_at=got.access["exp"])

    def _renew(
        self,
        refresh_token: str,
        before: Mapping[str, Any],
        nonce: str,
        now: int,
        *,
        id_token: str,
        resource: str,
        organization: str | None = None,
    ) -> tuple[Tokens, Mapping[str, Any]]:
        extra = {"organization": organization} if organization else {}
        try:
            answer = self._ask("refresh_token", refresh_token=refresh_token, resource=resource, **extra)
            got = self._judge(
                answer,
                now,
                nonce=nonce,
                before=before,
                id_token=id_token,
                refresh_token=refresh_token,
                resource=resource,
            )
            return got, answer
        except (OAuthError, OAuth2Error) as error:
            code = str(error.error or "server_error")
            if code in ("temporarily_unavailable", "server_error", "slow_down"):
                raise Unreachable(code) from error
            raise SignInFailed(code) from error
        except tokens.TokenRefused as error:
            log.warning("token refused at refresh: %s", error.reason)
            raise SignInFailed("token_refused") from error

    def end_session_url(self, id_token: str, back_to: str, language: str) -> str | None:
        """Where to send the browser to sign out at the provider too (RP-Initiated Logout 1.0), or None if unknown."""
        try:
            endpoint = self.provider.endpoint("end_session_endpoint")
        except Unreachable:
            return None
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": back_to, "ui_locales": language}
        query["client_id"] = self.client_id
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    def _judge(
        self,
        answer: Mapping[str, Any],
        now: int,
        *,
        nonce: str,
        before: Mapping[str, Any] | None = None,
        id_token: str | None = None,
        refresh_token: str | None = None,
        resource: str | None = None,
    ) -> Tokens:
        if str(answer.get("token_type", "")).lower() != "bearer":
            raise tokens.TokenRefused("token_type")
        access = tokens.check_access_token(
            answer.get("access_token"), self.provider, self.client_id, resource or self.resource, now
        )
        if answer.get("id_token") is None and before is not None and id_token is not None:
            identity, raw = dict(before), id_token  # a refresh may bring no ID token (Core §12.2)
        else:
            raw = answer.get("id_token", "")
            identity = tokens.check_id_token(
                raw,
                self.provider,
                self.client_id,
                now,
                nonce=nonce,
                access_token=answer["access_token"],
                before=before,
            )
            tokens.check_pair(access, identity)
            if before is not None:
                kept = {name: before[name] for name in NAMES if name in before and name not in identity}
                identity = {**kept, **identity}
        if access["sub"] != identity["sub"]:
            raise tokens.TokenRefused("sub")
        following = answer.get("refresh_token")
        return Tokens(
            access=access,
            identity=identity,
            id_token=raw,
            refresh_token=following if isinstance(following, str) and following else refresh_token,
        )

    def _ask(self, verb: str, **values: Any) -> Mapping[str, Any]:
        url = self.provider.endpoint("token_endpoint")
        with self._session() as session:
            session.trust_env = http_session(url).trust_env
            try:
                found = getattr(session, verb)(url, timeout=TIMEOUT, allow_redirects=False, **values)
            except (OAuthError, OAuth2Error):
                raise
            except (requests.RequestException, OSError, ValueError) as error:
                raise Unreachable("the token endpoint gave no usable answer") from error
        if not isinstance(found, Mapping):
            raise Unreachable("the token endpoint gave no usable answer")
        return found

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            client_id=self.client_id,
            client_secret=self.client_secret,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self.client_secret else "none",
        )


class RelyingParty:
    """A web application's sessions at the provider."""

    def __init__(self, client: Client, store: Store) -> None:
        self.client = client
        self.store = store

    def begin(
        self,
        browser: str,
        *,
        target: str,
        language: str | None = None,
        prompt: str | None = None,
        login_hint: str | None = None,
        organization: str | None = None,
    ) -> str:
        """Begin a sign-in for this browser (its random mark) and return the address to send it to."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        verifier += secrets.token_urlsafe(16)
        url = self.client.authorization_url(
            state=state,
            nonce=nonce,
            verifier=verifier,
            language=language,
            prompt=prompt,
            login_hint=login_hint,
            organization=organization,
        )
        self.store.remember_sign_in(
            state,
            browser,
            SignIn(nonce=nonce, verifier=verifier, target=target, organization=organization, silent=prompt == "none"),
        )
        return url

    def finish(
        self, answer: Mapping[str, list[str]], browser: str, *, replaces: str | None = None
    ) -> tuple[Session, SignIn]:
        """Turn the authorization response into a session. Raises `SignInFailed`, `Unreachable`."""
        states = answer.get("state", [])
        sign_in = self.store.take_sign_in(states[0], browser) if len(states) == 1 and browser else None
        if sign_in is None:
            raise SignInFailed("unknown_state")
        code = self.client.read_answer(answer, sign_in)
        now = clock.now()
        got = self.client.redeem(code, sign_in, now)
        session = self.store.open_session(**vars(got), nonce=sign_in.nonce, now=now, replaces=replaces)
        if session is None:
            raise SignInFailed("overtaken", sign_in)
        return session, sign_in

    def current(self, handle: str | None) -> Session | Ended | None:
        """The session as it may be used now, refreshed if its access token has run out.

        Raises `Unreachable` when it has run out and the provider cannot be asked: nothing is shown on old ground.
        """
        session = self.store.find_session(handle) if handle else None
        if not isinstance(session, Session) or not session.expired(clock.now()):
            return session
        return self.refresh(session)

    def recheck(self, session: Session) -> Session | Ended | None:
        """Today's truth although the token still runs; not more often than every few seconds. Never raises
        `Unreachable`: until it expires, the old truth stands."""
        if 0 <= clock.now() - session.refreshed_at < RECHECK_PAUSE or session.refresh_token is None:
            return session
        try:
            return self.refresh(session)
        except Unreachable:
            return session

    def api_token(self, session: Session, *, fresh: bool = False) -> str | None:
        """A token for the provider's API in the name of the person, from the one sign-in that there is; kept sealed in
        the session until it ends. None: the session is over. `fresh`: not the one that is kept. Raises `Unreachable`.
        """
        found = self.store.find_session(session.handle)  # another request may have renewed it since
        if not isinstance(found, Session):
            return None
        session, known = found, None if fresh else found.api
        for _ in range(3):  # somebody else may refresh at the same time, for the application itself
            if known is not None and known["ends_at"] > clock.now() + API_MARGIN:
                return str(known["bearer"])
            renewed = self._renew(session, self._for_api)
            if not isinstance(renewed, Session):
                return None
            session, known = renewed, renewed.api
        raise Unreachable("another refresh of this session does not end")

    def refresh(self, session: Session, organization: str | None = None) -> Session | Ended | None:
        """Refresh this session once, however many threads and processes ask at the same time; all get the result."""
        return self._renew(session, lambda held, now: self._for_itself(held, now, organization))

    def _renew(self, session: Session, ask: Ask) -> Session | Ended | None:
        give_up = time.monotonic() + sum(TIMEOUT) + 2
        while True:
            try:
                lease = self.store.lease(session)
                break
            except FailedLately as error:
                raise Unreachable("the provider failed a moment ago") from error
            except Busy:
                found = self.store.find_session(session.handle)
                if not isinstance(found, Session) or found.version != session.version:
                    return found
                if time.monotonic() > give_up:
                    raise Unreachable("another refresh of this session does not end") from None
                time.sleep(0.03)
        return self._use(session, lease, ask)

    def _for_itself(self, session: Session, now: int, organization: str | None) -> dict[str, Any]:
        got = self.client.renew(
            str(session.refresh_token),
            session.identity,
            session.nonce,
            now,
            id_token=session.id_token,
            organization=organization,
        )
        return {**vars(got), **({"api": None} if organization else {})}

    def _for_api(self, session: Session, now: int) -> dict[str, Any]:
        got, token = self.client.renew_for_api(
            str(session.refresh_token), session.identity, session.nonce, now, id_token=session.id_token
        )
        return {**vars(got), "access": session.access, "api": vars(token)}

    def _use(self, session: Session, lease: str, ask: Ask) -> Session | Ended | None:
        if session.refresh_token is None:
            self.store.end_session(session.handle, keep_trace=True)
            return self.store.find_session(session.handle)
        now = clock.now()
        try:
            changes = ask(session, now)
        except Unreachable:
            self.store.release(session, lease, FAILURE_PAUSE)
            raise
        except SignInFailed as error:
            log.info("refresh refused: %s", error.code)
            self.store.end_session(session.handle, keep_trace=True)
            return self.store.find_session(session.handle)
        except BaseException:
            self.store.release(session, lease, 0)
            raise
        self.store.renew(session, lease, now, **changes)
        return self.store.find_session(session.handle)

    def receive_logout(self, token: Any) -> int:
        """End what a logout token names and return how many sessions. Raises `TokenRefused`, `Unreachable`."""
        claims = tokens.check_logout_token(token, self.client.provider, self.client.client_id, clock.now())
        ended = self.store.log_out(claims["jti"], claims.get("sub"), claims.get("sid"), int(claims["iat"]))
        if ended is None:
            raise tokens.TokenRefused("jti")
        return ended
