"""Opening: one authorization for one answer to one request, and the code that is sent for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row

from idp.kernel import clock
from idp.kernel.database import db, new_id, write_both
from idp.kernel.events import emit
from idp.kernel.secrets import digest, random_handle
from idp.organizations.policy import Decision
from idp.settings import current_settings

from .. import statements
from ..claims import told, verdict_of
from ..clients import ClientInfo, resources
from ..events import AuthorizationOpened
from ..requests import Asked


def open_authorization(
    request: Asked,
    *,
    client: ClientInfo,
    account_id: str,
    member_id: str | None,
    organization_id: str | None,
    session: Any,
    scope: str,
    acr: str | None = None,
    resource: str | None = None,
    claims_request: Mapping[str, Any] | None = None,
    nonce: str | None = None,
    language: str = "en",
    offline: bool = False,
    decision: Decision | None = None,
) -> SimpleNamespace:
    """Grant a client access for a person, and the code for it; emits `AuthorizationOpened`. Call inside a unit of work.

    Gives the row's values and `code`: 256 random bits, kept as a digest, bound to its client and to the redirect and
    the challenge of the `request` that it answers (RFC 6749 §4.1.3, RFC 7636 §4.4).

    `session` is the signed-in browser's row (`id`, `expires_at`, `auth_time`, `acr`, `amr`): its sign-in is copied
    (`acr`: the class to tell, where the client asked for one that is less),
    and an online grant ends with it. `offline` ones live `refresh_absolute` seconds and outlive it. `member_id` is
    the member that the decision was about (`Decision.judged`), also for a denial, so that a gain shows at the next
    refresh. `decision`: what the first token is going to tell, unless something is lost or won before.
    """
    now = clock.now()
    about_its_app = resource is None or resource == next(iter(resources(client)))
    if not (client.family or "organization" in scope.split()):
        decision = None  # such a client is told of no organization
    lifetimes = current_settings().lifetimes
    values: dict[str, Any] = {
        "id": new_id(),
        "client_id": client.id,
        "account_id": account_id,
        "member_id": member_id,
        "organization_id": organization_id,
        "sid": session.id,
        "sub": account_id,
        "scope": scope,
        "resource": resource,
        "claims_request": dict(claims_request or {}),
        "nonce": nonce,
        "language": language,
        "offline": offline,
        "auth_time": session.auth_time,
        "acr": acr or session.acr,
        "amr": list(session.amr),
        "told": told(decision) if about_its_app else None,
        "created_at": now,
        "expires_at": now + lifetimes.refresh_absolute if offline else session.expires_at,
        "withdrawn_at": None,
        "withdrawn_reason": None,
    }
    handle = random_handle()
    code = {
        "code_digest": digest(handle),
        "authorization_id": values["id"],
        "client_id": client.id,
        "redirect_uri": request.parameters["redirect_uri"],
        "code_challenge": request.parameters.get("code_challenge") or None,
        "created_at": now,
        "expires_at": now + lifetimes.code,
        "spent_at": None,
    }
    both = {f"opened_{name}": value for name, value in values.items()}
    both |= {f"code_{name}": value for name, value in code.items()}
    write_both(statements.insert_opened, statements.insert_code, both)
    _tell_of(values, decision)
    return SimpleNamespace(**values, code=handle)


def _open(values: dict[str, Any], decision: Decision | None = None) -> SimpleNamespace:
    """Insert the row and tell of it; gives its values, since making an object of the mapper's costs half an insert."""
    db.session.connection().execute(statements.insert_authorization, values)
    _tell_of(values, decision)
    return SimpleNamespace(**values)


def _tell_of(values: dict[str, Any], decision: Decision | None) -> None:
    emit(
        AuthorizationOpened(
            at=values["created_at"],
            actor_id=values["account_id"],
            authorization_id=values["id"],
            client_id=values["client_id"],
            account_id=values["account_id"],
            organization_id=values["organization_id"],
            member_id=values["member_id"],
            **verdict_of(decision),
        )
    )


def open_sibling(
    grant: Row[Any], decision: Decision, organization: str, scope: str, *, about_its_app: bool
) -> SimpleNamespace:
    """An authorization like `grant`, made by the same sign-in, for another organization (DESIGN §4).

    `about_its_app`: the decision is about the client's own app, so it is what the client has been told.

    An organization that the person has nothing to do with is kept as it was asked, so that the answer stays the same.
    """
    member = decision.judged
    copied = {name: getattr(grant, name) for name in (
        "client_id", "account_id", "sid", "sub", "resource", "claims_request", "nonce", "language", "offline",
        "auth_time", "acr", "amr", "expires_at",
    )}  # fmt: skip
    return _open(
        copied
        | {
            "id": new_id(),
            "member_id": member.id if member else None,
            "organization_id": member.organization.id if member else organization[:36],
            "scope": scope,
            "told": told(decision) if about_its_app else None,
            "created_at": clock.now(),
            "withdrawn_at": None,
            "withdrawn_reason": None,
        },
        decision,
    )


def open_machine(client_id: str) -> str:
    """The standing authorization of a client for itself; gives its id. Call inside a unit of work."""
    values: dict[str, Any] = {
        "id": new_id(), "client_id": client_id, "account_id": None, "member_id": None, "organization_id": None,
        "sid": None, "sub": client_id, "scope": "", "resource": None, "claims_request": {}, "nonce": None,
        "language": "en", "offline": True, "auth_time": None, "acr": None, "amr": [], "told": None,
        "created_at": clock.now(), "expires_at": None, "withdrawn_at": None, "withdrawn_reason": None,
    }  # fmt: skip
    _open(values)
    return str(values["id"])
