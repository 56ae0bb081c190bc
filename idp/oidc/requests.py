"""Authorization requests: read, judged, and kept until they are answered (idea 2 of DESIGN §5).

`Asked` is a request that passed every check; `keep` puts it at rest, bound to this browser, and `find` gives it back
to that browser alone. A request that needs no page is never stored. What the steps in between establish is written
by one conditional update each, so a request that was answered stays answered.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from sqlalchemy import Table, delete, func, or_, select, update
from werkzeug.datastructures import MultiDict

from idp.accounts import events as people
from idp.accounts.models import EmailAddress
from idp.kernel import clock, continuation
from idp.kernel.database import change, db
from idp.kernel.secrets import digest
from idp.organizations.catalog import App
from idp.sessions import events as signing_in
from idp.sessions.models import Session
from idp.settings import current_settings

from .claims import SCOPE_CLAIMS
from .clients import ClientInfo, app_of
from .extensions.issuer import Destination
from .extensions.openid import acr_values, essential_acr, prompt_words, read_claims, subjects
from .interaction import RequestFacts
from .models import AuthorizationRequest

PATH = "/oauth2/authorize"
_table = cast(Table, AuthorizationRequest.__table__)


@dataclass(frozen=True, eq=False)
class Asked:
    """A validated request: what the token side needs to open an authorization and to bind a code.

    `scope` is the part of the asked scope that this client gets, in the order asked (unknown words are ignored, Core
    §3.1.2.1). `hint_sub`: the subject of a genuine `id_token_hint`.
    """

    client: ClientInfo
    parameters: Mapping[str, str]
    scope: str
    hint_sub: str | None = None

    @property
    def redirect_uri(self) -> str:
        return self.parameters["redirect_uri"]

    @property
    def destination(self) -> Destination:
        mode = self.parameters.get("response_mode", "query")
        return Destination(self.redirect_uri, mode, self.parameters.get("state"))

    @property
    def code_challenge(self) -> str | None:
        return self.parameters.get("code_challenge")

    @property
    def nonce(self) -> str | None:
        return self.parameters.get("nonce")

    @property
    def resource(self) -> str | None:
        return self.parameters.get("resource")

    @property
    def organization(self) -> str | None:
        """The slug or id of the organization that the client asked for."""
        return self.parameters.get("organization")

    @property
    def ui_locales(self) -> str | None:
        return self.parameters.get("ui_locales")

    @property
    def login_hint(self) -> str | None:
        return self.parameters.get("login_hint")

    @property
    def on_this_device(self) -> bool:
        """Whether neither a secret nor the address tells who asks: a public client on a loopback port or behind a
        private scheme, which any program could take (RFC 8252 §8.6)."""
        return not self.client.confidential and not self.redirect_uri.startswith("https://")

    @property
    def offline(self) -> bool:
        return "offline_access" in self.scope.split()

    @cached_property
    def claims(self) -> dict[str, dict[str, Any]]:
        """The `claims` parameter, without what the client's registered scopes would not give it anyway."""
        allowed = {name for word in self.client.scopes for name in SCOPE_CLAIMS.get(word, ())}
        standard = {name for names in SCOPE_CLAIMS.values() for name in names}
        return {
            place: {name: wish for name, wish in asked.items() if name in allowed or name not in standard}
            for place, asked in read_claims(self.parameters).items()
        }

    @property
    def app(self) -> App | None:
        """The app that the token will speak about: that of the resource asked for, else the client's."""
        return app_of(self.client, self.resource)

    @property
    def wants_organization(self) -> bool:
        """Clients of an app are told the organization, others with the scope of that name (DESIGN §4)."""
        return self.client.family or "organization" in self.scope.split()

    @property
    def max_age(self) -> int | None:
        """Seconds; the client's registered default when the request says nothing (OpenID Registration §2)."""
        text = self.parameters.get("max_age")
        default = self.client.metadata.get("default_max_age")
        return int(text) if text is not None else default if isinstance(default, int) else None

    @cached_property
    def consent_scope(self) -> frozenset[str]:
        """What the person has to agree to: the scopes, and those whose claims are asked for one by one."""
        single = {name for asked in self.claims.values() for name in asked}
        return frozenset(self.scope.split()) | {
            word for word, names in SCOPE_CLAIMS.items() if single.intersection(names)
        }

    def facts(self, row: AuthorizationRequest | None) -> RequestFacts:
        """What `next_step()` looks at; `row` is None for a request that is not stored."""
        return RequestFacts(
            prompt=prompt_words(self.parameters),
            max_age=self.max_age,
            hint_sub=self.hint_sub,
            subjects=subjects(read_claims(self.parameters)),
            essential_acr=essential_acr(read_claims(self.parameters)),
            acr_values=acr_values(
                self.parameters, read_claims(self.parameters), self.client.metadata.get("default_acr_values")
            ),
            family=self.client.family,
            on_this_device=self.on_this_device,
            deny_mode=self.client.deny_mode,
            consent_scope=self.consent_scope,
            signed_in_sid=row.signed_in_sid if row else None,
            signup_offered=row.signup_offered if row else False,
            account_confirmed_sid=row.account_confirmed_sid if row else None,
            consented_sid=row.consented_sid if row else None,
            denied=row.denied if row else False,
        )


def granted_scope(client: ClientInfo, data: Mapping[str, str]) -> str:
    """The scope this request can end with; the rest is ignored silently.

    `offline_access` needs a client that may refresh, and outside the family `prompt=consent` (Core §11).
    """
    words = client.get_allowed_scope(data.get("scope", "")).split()
    may_stay = client.check_grant_type("refresh_token") and (client.family or "consent" in prompt_words(data))
    return " ".join(word for word in words if word != "offline_access" or may_stay)


def path_of(handle: str) -> str:
    """Where the browser comes back to for this stored request."""
    return f"{PATH}/{handle}"


def keep(client_id: str, parameters: Mapping[str, str], *, bound: bool = True) -> AuthorizationRequest:
    """Put a validated request at rest. Inside a unit of work.

    `bound` False is for a POST from the client's site: our cookie did not come along (SameSite=Lax, security P22), so
    the first browser that shows the handle gets the request; it was told to that browser alone, a moment ago.
    """
    now = clock.now()
    row = AuthorizationRequest(
        id=secrets.token_urlsafe(27),  # 36 characters, 216 bits
        browser_digest=digest(continuation.browser()) if bound else "",
        client_id=client_id,
        parameters=dict(parameters),
        signup_offered=False,
        denied=False,
        created_at=now,
        expires_at=now + current_settings().lifetimes.authorization_request,
    )
    db.session.add(row)
    db.session.flush()
    return row


def find(handle: str) -> AuthorizationRequest | None:
    """This browser's stored request, also an answered one; None for unknown, expired and other browsers' handles."""
    return db.session.scalar(
        select(AuthorizationRequest)
        .where(
            _table.c.id == handle,
            or_(_table.c.browser_digest == digest(continuation.browser()), _table.c.browser_digest == ""),
            _table.c.expires_at > clock.now(),
        )
        .execution_options(populate_existing=True)
    )


def bind(row: AuthorizationRequest) -> bool:
    """Give an unbound request to this browser; False when another was first. Inside a unit of work."""
    return _change(row, _table.c.browser_digest == "", browser_digest=digest(continuation.browser()))


def note(row: AuthorizationRequest, **established: Any) -> bool:
    """Write down what a step has established; False when the request was answered meanwhile. Inside a unit of work."""
    return _change(row, _table.c.answered_at.is_(None), **established)


def answer(row: AuthorizationRequest) -> bool:
    """Spend the request: exactly one of two parallel answers gets True. Inside a unit of work."""
    return _change(row, _table.c.answered_at.is_(None), answered_at=clock.now())


def as_another(row: AuthorizationRequest) -> bool:
    """Ask for a sign-in as somebody else: from now on the request wants one. Inside a unit of work."""
    words = {word for word in row.parameters.get("prompt", "").split() if word != "select_account"} | {"login"}
    return note(
        row,
        parameters={**row.parameters, "prompt": " ".join(sorted(words))},
        signed_in_sid=None,
        account_confirmed_sid=None,
        chosen_member_id=None,
        consented_sid=None,
    )


def on_signed_in(event: signing_in.SignedIn) -> None:
    """A sign-in was done for a stored request: note whose session it is."""
    _of_path(event.path, signed_in_sid=event.sid)


def on_account_confirmed(event: signing_in.AccountConfirmed) -> None:
    """The person goes on as themselves (`prompt=select_account`)."""
    _of_path(event.path, account_confirmed_sid=event.sid)


def on_account_deleted(event: people.AccountDeleted) -> None:
    """A request at rest may name the person: it goes with the account that it waits for or hints at."""
    own = select(EmailAddress.normalized).where(EmailAddress.account_id == event.account_id)
    sids = select(Session.id).where(Session.account_id == event.account_id)
    hint = func.lower(AuthorizationRequest.parameters["login_hint"].as_string())
    change(
        delete(AuthorizationRequest)
        .where(
            or_(
                hint.in_(own),
                AuthorizationRequest.signed_in_sid.in_(sids),
                AuthorizationRequest.account_confirmed_sid.in_(sids),
                AuthorizationRequest.consented_sid.in_(sids),
            )
        )
        .execution_options(synchronize_session=False)
    )


def values_of(row: AuthorizationRequest) -> MultiDict[str, str]:
    """The stored parameters in the shape in which requests are read."""
    return MultiDict(row.parameters)


def tidy(now: int) -> int:
    """Delete the expired ones; returns how many. A job calls this inside a unit of work."""
    return change(delete(_table).where(_table.c.expires_at <= now))


def _of_path(path: str | None, **established: Any) -> None:
    if path and path.startswith(f"{PATH}/"):
        handle = path.removeprefix(f"{PATH}/")
        db.session.execute(
            update(_table)
            .where(
                _table.c.id == handle,
                _table.c.browser_digest == digest(continuation.browser()),
                _table.c.answered_at.is_(None),
            )
            .values(**established)
        )


def _change(row: AuthorizationRequest, condition: Any, **values: Any) -> bool:
    if change(update(_table).where(_table.c.id == row.id, condition).values(**values)) != 1:
        return False
    db.session.expire(row)
    return True
