"""What tokens say. Pure: `claims_for` is the only maker of claims, for every kind of token (idea 5 of DESIGN §5).

Its mirror is `decide()` in `clients/relying_party`. Names that carry meaning of ours or of a specification come from
here alone: whatever a person or administrator typed arrives under the standard profile names and can't reach others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from idp.organizations.catalog import signature_privilege
from idp.organizations.policy import Decision
from idp.organizations.sentences import explain

Kind = Literal["access_token", "id_token", "userinfo"]

SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "profile": (
        "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
    "signature": ("signature",),
}  # fmt: skip
"""OpenID Connect Core §5.4, and `signature`, which is ours: it also takes a privilege (`gives_signature`)."""

SIGNATURE = "signature"
_OF_PROFILE = tuple(name for name in SCOPE_CLAIMS["profile"] if name not in ("name", "updated_at"))
PERSON_CLAIMS = frozenset(name for names in SCOPE_CLAIMS.values() for name in names) - {SIGNATURE}
ADDRESS_MEMBERS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
ORGANIZATION_CLAIMS = ("org_id", "org_name", "member_id", "member_type", "company_id", "company_name", "onix_access")
RIGHTS = ("roles", "entitlements", "privileges")
PROTOCOL_CLAIMS = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "at_hash", "c_hash", "s_hash", "auth_time", "acr",
    "amr", "sid", "client_id", "scope", "cnf", "act", "may_act", "events", "typ", "active", "token_type", "username",
    "sub_jwk", "_claim_names", "_claim_sources", "onix_access",
})  # fmt: skip
RESERVED = PROTOCOL_CLAIMS | frozenset(ORGANIZATION_CLAIMS) | frozenset(RIGHTS) | {SIGNATURE}
"""Names that nothing typed by a person or an administrator ever reaches (security P08)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every token of one authorization stands on: its row as plain values, and the client's.

    `app_name` is the name of the app that the token is about, for its sentences. `organization` tells whether the
    organization may be spoken of: clients of an app, and others with the scope of that name.
    """

    authorization_id: str
    sub: str
    client_id: str
    scope: str
    machine: bool = False
    organization: bool = False
    app_id: str | None = None
    app_name: str | None = None
    sid: str | None = None
    auth_time: int | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    nonce: str | None = None
    language: str = "en"
    claims_request: Mapping[str, Any] = field(default_factory=dict)


def claims_for(
    kind: Kind,
    ground: Ground,
    decision: Decision | None,
    *,
    issuer: str,
    audience: str,
    now: int,
    expires_at: int,
    jti: str | None = None,
    at_hash: str | None = None,
    person: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
    signature: Callable[[], Mapping[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """The claims of one token or UserInfo answer (DESIGN §4).

    `decision` is today's, about this account, member and app; None for machines and for clients that are told nothing
    of organizations. `person` are the account's standard claims (`person_claims`), or a way to get them, asked only
    when some are wanted; `signature` is a way to get a reference to the person's signature, asked only when the client
    may have it. UserInfo answers carry no `iss`, `aud` or times: who signs one adds the first two.
    """
    told = decision if ground.organization and not ground.machine else None
    if kind == "access_token":
        return _access_token(ground, told, issuer, audience, now, expires_at, jti)
    if kind == "id_token":
        claims: dict[str, Any] = {
            "iss": issuer,
            "sub": ground.sub,
            "aud": ground.client_id,
            "iat": now,
            "exp": expires_at,
        }
        claims |= _sign_in(ground)
        if ground.nonce:
            claims["nonce"] = ground.nonce
        if at_hash:
            claims["at_hash"] = at_hash
        claims |= _organization(ground, told, brief=True)
        claims |= _signature(ground, told, signature) if _is_asked(ground, "id_token", SIGNATURE) else {}
        return _with_person(claims, _asked(ground, "id_token"), person)
    claims = {"sub": ground.sub, **_organization(ground, told, brief=False)}
    if told is not None and ground.app_id is not None:
        claims["privileges"] = list(told.privileges)
    claims |= _signature(ground, told, signature)
    return _with_person(claims, _of_scope(ground.scope) | _asked(ground, "userinfo"), person)


def _access_token(
    ground: Ground, told: Decision | None, issuer: str, audience: str, now: int, expires_at: int, jti: str | None
) -> dict[str, Any]:
    """RFC 9068 §2.2. The three arrays are always there: an absent claim never means "all"."""
    app_rights = told if told is not None and ground.app_id is not None else None
    return {
        "iss": issuer,
        "sub": ground.sub,
        "aud": audience,
        "client_id": ground.client_id,
        "iat": now,
        "exp": expires_at,
        "jti": jti,
        **_sign_in(ground),
        **({"scope": ground.scope} if ground.scope else {}),
        **_organization(ground, told, brief=False),
        "roles": list(app_rights.roles) if app_rights else [],
        "entitlements": list(app_rights.entitlements) if app_rights else [],
        "privileges": list(app_rights.privileges) if app_rights else [],
    }


def _sign_in(ground: Ground) -> dict[str, Any]:
    values = {"sid": ground.sid, "auth_time": ground.auth_time, "acr": ground.acr, "amr": list(ground.amr)}
    return {name: value for name, value in values.items() if value}


def _organization(ground: Ground, told: Decision | None, *, brief: bool) -> dict[str, Any]:
    """`org_*`, `member_*`, `company_*` and `onix_access`; `brief` is the ID Token's part of them."""
    if told is None:
        return {}
    claims: dict[str, Any] = {}
    access: dict[str, Any] = {"v": 1}
    member = told.member
    if member is not None:
        claims |= {"org_id": member.organization.id, "org_name": member.organization.name}
        access["rev"] = member.organization.rev
        if not brief:
            claims |= {"member_id": member.id, "member_type": member.type}
            if member.company_id is not None:
                claims |= {"company_id": member.company_id, "company_name": member.company_name or ""}
    if told.code is None:
        access["decision"] = "allow"
        if told.license is not None:
            access["license"] = {
                name: value
                for name, value in (
                    ("id", told.license.id), ("edition", told.license.edition), ("ends_at", told.license.ends_at)
                )
                if value is not None
            }  # fmt: skip
    else:
        words = explain(
            told.code,
            told.detail,
            app_name=ground.app_name,
            organization_name=member.organization.name if member else None,
            language=ground.language,
        )
        access |= {
            "decision": "deny",
            "reason": told.code,
            "reason_user": words.cause,
            "remedy_user": words.remedy,
            "ask": list(told.ask),
        }
    claims["onix_access"] = access
    return claims


@lru_cache(maxsize=256)
def _of_scope(scope: str) -> frozenset[str]:
    return frozenset(name for word in scope.split() for name in SCOPE_CLAIMS.get(word, ()))


def gives_signature(ground: Ground, decision: Decision | None) -> bool:
    """Whether the client may have the person's signature: it was granted the scope, and the person holds the app's
    privilege for it today."""
    if decision is None or not decision.allowed or ground.app_id is None or SIGNATURE not in ground.scope.split():
        return False
    return signature_privilege(ground.app_id) in decision.privileges


def _signature(
    ground: Ground, told: Decision | None, signature: Callable[[], Mapping[str, Any] | None] | None
) -> dict[str, Any]:
    found = signature() if signature is not None and gives_signature(ground, told) else None
    return {SIGNATURE: dict(found)} if found else {}


def _is_asked(ground: Ground, target: str, name: str) -> bool:
    wanted = ground.claims_request.get(target) if isinstance(ground.claims_request, Mapping) else None
    return isinstance(wanted, Mapping) and name in wanted


def _asked(ground: Ground, target: str) -> frozenset[str]:
    """Standard claims asked by the `claims` parameter for this place (Core §5.5); unknown names are ignored."""
    wanted = ground.claims_request.get(target) if isinstance(ground.claims_request, Mapping) else None
    return frozenset(wanted) & PERSON_CLAIMS if isinstance(wanted, Mapping) else frozenset()


def _with_person(
    claims: dict[str, Any],
    wanted: frozenset[str],
    person: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None,
) -> dict[str, Any]:
    if wanted and person is not None:
        known = person() if callable(person) else person
        for name, value in known.items():
            if name in wanted and name not in RESERVED and value is not None and value != "":
                claims.setdefault(name, value)
    return claims


def person_claims(account: Mapping[str, Any], email: str | None, email_verified: bool) -> dict[str, Any]:
    """An account's row as standard claims of the right types; what is absent is left out (Core §5.1, §5.3.2)."""
    name = " ".join(part for part in (account["given_name"], account["middle_name"], account["family_name"]) if part)
    claims: dict[str, Any] = {
        "name": name,
        **{member: account[member] for member in _OF_PROFILE},
        "updated_at": account["updated_at"],
    }
    if email:
        claims |= {"email": email, "email_verified": email_verified}
    if account["phone_number"]:
        claims |= {
            "phone_number": account["phone_number"],
            "phone_number_verified": bool(account["phone_number_verified"]),
        }
    if isinstance(account["address"], Mapping):
        address = {
            member: account["address"][member]
            for member in ADDRESS_MEMBERS
            if isinstance(account["address"].get(member), str) and account["address"][member]
        }
        if address:
            claims["address"] = address
    return {claim: value for claim, value in claims.items() if value is not None and value != ""}


LOST = "lost"
"""In the place of a verdict: the client was told that it lost something; its next token tells what is left."""


def told(decision: Decision | None) -> str | None:
    """What a client was told, short enough to keep and to compare: `allow <member> <privileges…>` or `deny <code>`."""
    if decision is None:
        return None
    if decision.code is not None:
        return f"deny {decision.code}"
    return " ".join(("allow", decision.member.id if decision.member else "-", *decision.privileges))


def verdict_of(decision: Decision | None) -> dict[str, Any]:
    """What the events of an authorization tell of a decision: `app_ids`, `reason` (a denial's code) and `path`.

    `path` is where the privileges came from, `{"edition": …, "roles": {name: [privileges]}}`, empty for a denial. The
    audit trail keeps it, so that it can be told later of a token what gave it each privilege.
    """
    path: dict[str, Any] = {}
    if decision is not None and decision.allowed and decision.member is not None:
        granted = set(decision.privileges)
        roles = {
            role.name: sorted(role.privileges & granted) for role in decision.member.roles if role.privileges & granted
        }
        path = {"edition": decision.license.edition if decision.license else None, "roles": roles}
    return {
        "app_ids": (decision.app_id,) if decision and decision.app_id else (),
        "reason": decision.code if decision else None,
        "path": path,
    }


def lost(before: str | None, today: Decision | None) -> bool:
    """Whether today's decision gives less than the client was told before; a gain is no loss (DESIGN §3 *Loss*)."""
    if before is None or not before.startswith("allow "):
        return False
    now = told(today)
    if now is None or not now.startswith("allow "):
        return True
    _, member_before, *held = before.split(" ")
    _, member_now, *holds = now.split(" ")
    return member_before != member_now or not set(held) <= set(holds)
