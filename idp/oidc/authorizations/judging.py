"""Judging: what an authorization stands on (`fallen`), what it says today (`decide`), and how long a token counts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from idp.organizations.catalog import App
from idp.organizations.facts import judge, load_facts
from idp.organizations.policy import Choices, Decision, choose
from idp.sessions.policy import ACR_PASSWORD, acr_of
from idp.settings import current_settings

from ..claims import Ground
from ..clients import ClientInfo
from ..interaction import asks_second_factor

ENDED_FROM_ELSEWHERE = frozenset({"by_owner", "by_admin", "factor_added"})
"""Why a session ended that somebody else may have had: what it has opened ends with it, for use while away too."""
ENDS_OFFLINE_TOO = ENDED_FROM_ELSEWHERE | {"password_changed", "account_disabled", "account_closing"}
"""Why a session ended that takes its offline grants along: also one that was being opened at that very moment, and that
`_on_account` could not see yet."""


def fallen(row: Any, now: int) -> str | None:
    """Which part of its identity an authorization has lost, or None while it stands (DESIGN §3 *Loss*).

    `row` is of one of the `*_standing` statements. An online grant needs its session; an offline one only
    minds why it ended.
    """
    if row is None or row.withdrawn_at is not None:
        return "withdrawn"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    if row.client_status == "disabled":
        return "client"
    if row.account_id is not None and row.account_status != "active":
        return "account"
    if row.session_ended_reason in ENDS_OFFLINE_TOO:
        return "session"
    if not row.offline:
        idle = current_settings().lifetimes.session_idle
        if row.session_ended_at is not None or row.session_expires_at is None:
            return "session"
        if row.session_expires_at <= now or row.session_last_seen_at + idle <= now:
            return "session"
    return None


def too_weak(row: Any, decision: Decision | None) -> bool:
    """Whether the organization asks for two factors and the sign-in that this authorization stands on had one.

    The methods tell, not the class: a client that asked for less is told less (`interaction.told_acr`). Such an
    authorization gives nothing until its app has signed the person in anew (docs/decisions/0023).
    """
    return asks_second_factor(decision) and acr_of(row.amr or ()) == ACR_PASSWORD


def ground_of(row: Any, client: ClientInfo, app: App | None, scope: str | None = None) -> Ground:
    """An authorization's row as the plain values that claims are made of; `scope` where it was narrowed."""
    scope = row.scope if scope is None else scope
    return Ground(
        authorization_id=row.id,
        sub=row.sub,
        client_id=row.client_id,
        scope=scope,
        machine=row.account_id is None,
        organization=client.family or "organization" in scope.split(),
        app_id=app.id if app else None,
        app_name=app.name if app else None,
        sid=row.sid,
        auth_time=row.auth_time,
        acr=row.acr,
        amr=tuple(row.amr or ()),
        nonce=row.nonce,
        language=row.language,
        claims_request=row.claims_request or {},
    )


def decide(
    connection: Connection, row: Any, ground: Ground, app: App | None, now: int,
    *, organization: str | None = None, whom_to_ask: bool = True,
) -> Decision | None:  # fmt: skip
    """Today's decision about an authorization; None where none is told (machines, clients of no app without the scope).

    It is about the authorization's own member for life. One that was opened while no organization was to be had takes
    the first that allows. `organization` asks about another one of the same person. One statement.
    """
    if row.account_id is None or not ground.organization:
        return None
    if organization is None and row.member_id is not None:
        return judge(connection, row.account_id, app, row.member_id, now, whom_to_ask=whom_to_ask)
    facts = load_facts(connection, row.account_id, app.id if app else None, whom_to_ask=whom_to_ask)
    if facts is None:
        return None
    found = choose(facts, app, now, organization=organization or row.organization_id)
    return found.decisions[0] if isinstance(found, Choices) else found


def expiry(row: Any, decision: Decision | None, now: int) -> int:
    """When a token signed now ends: none outlives the ground it stands on. `exp` and `expires_in` both come of it."""
    ends = [now + current_settings().lifetimes.token]
    if decision is not None and decision.ends_at is not None:
        ends.append(decision.ends_at)
    if row.expires_at is not None:
        ends.append(row.expires_at)
    if not row.offline and row.session_expires_at is not None:
        ends.append(row.session_expires_at)
    return int(min(ends))
