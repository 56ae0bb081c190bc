"""May this person use this application, here and now? Decided from the access token's claims and nothing else.

`decide` is pure and closed by default: what is absent, unknown or of the wrong type denies. It trusts the claims to be
verified already (`tokens.check_access_token`), yet looks again at audience and expiry, because those two decide *this*
application and *now*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlencode

from clients.relying_party import words

RESOURCE_PREFIX = "urn:onix:"
VERSION = 1
ASKABLE = frozenset(
    {
        "invitation_expired", "invitation_pending", "contact_only", "membership_ended", "terminated_inactive",
        "member_disabled", "organization_suspended", "license_expired", "seat_limit_reached", "license_missing",
        "privilege_missing",
    }
)  # fmt: skip
"""Denials about which somebody in an organization can be asked; the person asks at the provider."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    """The application is open to this member of this organization, for these privileges, until `expires_at`."""

    account_id: str
    member_id: str
    member_type: str
    organization_id: str
    organization_name: str
    company_id: str | None
    company_name: str | None
    roles: tuple[str, ...]
    entitlements: tuple[str, ...]
    privileges: frozenset[str]
    edition: str | None
    license_ends_at: int | None
    expires_at: int

    @property
    def allowed(self) -> bool:
        return True

    def may(self, privilege: str) -> bool:
        """Whether the person holds exactly this privilege. There are no wildcards."""
        return privilege in self.privileges


@dataclass(frozen=True, kw_only=True)
class Denied:
    """The application stays closed. `code` is stable; the sentences are for the person, `ask` names whom to turn to."""

    code: str
    headline: str
    cause: str
    remedy: str
    ask: tuple[str, ...] = ()
    organization_id: str | None = None
    organization_name: str | None = None
    expires_at: int = 0

    @property
    def allowed(self) -> bool:
        return False

    def may(self, privilege: str) -> bool:
        """A denied person holds no privilege."""
        return False


def app_id(app: str) -> str:
    """`tag` for both `tag` and `urn:onix:tag`."""
    return app.removeprefix(RESOURCE_PREFIX)


def decide(claims: Mapping[str, Any], app: str, now: int, language: str = "en") -> Granted | Denied:
    """The verdict of a verified access token for `app` (its id or its resource URI) at the instant `now` (seconds).

    Local codes beside the provider's own: `token_expired`, `wrong_application`, `machine`, `token_unreadable`.
    """
    name = app_id(app)
    resource = RESOURCE_PREFIX + name
    organization_id, organization_name = _text(claims.get("org_id")), _text(claims.get("org_name"))
    expires_at = claims.get("exp")

    def no(code: str, cause: str | None = None, remedy: str | None = None, ask: tuple[str, ...] = ()) -> Denied:
        said = words.denial(code, language, organization_name)
        return Denied(
            code=code,
            headline=said.headline,
            cause=cause or said.cause,
            remedy=remedy or said.remedy,
            ask=ask,
            organization_id=organization_id,
            organization_name=organization_name,
            expires_at=expires_at if _instant(expires_at) else 0,
        )

    if not _instant(expires_at) or expires_at <= now:
        return no("token_expired")
    audience = claims.get("aud")
    if audience != resource and audience != [resource]:
        return no("wrong_application")
    subject = _text(claims.get("sub"))
    if subject is None:
        return no("token_unreadable")
    if subject == claims.get("client_id"):
        return no("machine")

    access = claims.get("onix_access")
    if not isinstance(access, Mapping) or type(access.get("v")) is not int or access["v"] != VERSION:
        return no("token_unreadable")
    if access.get("decision") == "deny":
        reason = _text(access.get("reason"))
        if reason is None:
            return no("token_unreadable")
        cause, remedy = _text(access.get("reason_user")), _text(access.get("remedy_user"))
        return no(reason, cause, remedy, _texts(access.get("ask")) or ())
    if access.get("decision") != "allow":
        return no("token_unreadable")

    roles, entitlements, privileges = (_texts(claims.get(key)) for key in ("roles", "entitlements", "privileges"))
    member_id, member_type = _text(claims.get("member_id")), _text(claims.get("member_type"))
    if roles is None or entitlements is None or privileges is None:
        return no("token_unreadable")
    if member_id is None or member_type is None or organization_id is None or organization_name is None:
        return no("token_unreadable")
    held = frozenset(privilege for privilege in privileges if privilege.startswith(f"{name}:"))
    if f"{name}:access" not in held:
        return no("privilege_missing")

    license_ = access.get("license")
    license_ = license_ if isinstance(license_, Mapping) else {}
    ends_at = license_.get("ends_at")
    return Granted(
        account_id=subject,
        member_id=member_id,
        member_type=member_type,
        organization_id=organization_id,
        organization_name=organization_name,
        company_id=_text(claims.get("company_id")),
        company_name=_text(claims.get("company_name")),
        roles=roles,
        entitlements=entitlements,
        privileges=held,
        edition=_text(license_.get("edition")),
        license_ends_at=ends_at if _instant(ends_at) else None,
        expires_at=expires_at,
    )


def request_address(verdict: Denied, issuer: str, resource: str) -> str | None:
    """Where the person asks the administrators for access; None where nobody can be asked, or asking helps nothing."""
    if verdict.code not in ASKABLE:
        return None
    values = {"app": app_id(resource)}
    if verdict.organization_id:
        values["organization"] = verdict.organization_id
    return f"{issuer}/access/request?{urlencode(values)}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _instant(value: Any) -> TypeGuard[int]:
    return type(value) is int
