"""Losing: what each loss does to authorizations, at once or a page at a time (DESIGN §3 *Loss*)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Text, cast, delete, insert, null, or_, select, tuple_, update

from idp.accounts.events import AccountClosing, AccountDisabled, PasswordChanged
from idp.kernel import clock
from idp.kernel.database import db, new_id
from idp.kernel.events import Bus, emit
from idp.organizations.catalog import App, current_catalog
from idp.organizations.events import EntitlementChanged, SystemRoleReduced
from idp.organizations.facts import load_members_facts
from idp.organizations.models import Member, MemberRole
from idp.organizations.policy import AccountFacts, Decision, entitlement
from idp.sessions.events import SessionEnded, SignedOutElsewhere
from idp.settings import current_settings

from ..claims import LOST, Ground, lost
from ..clients import app_of, cached_client
from ..events import AuthorizationWithdrawn, ClientDisabled, ConsentWithdrawn
from ..models import LossCheck
from ..statements import authorization as _table
from .judging import ENDED_FROM_ELSEWHERE, decide, ground_of, too_weak
from .withdrawing import tell_clients, withdraw_where

PAGE = 200  # authorizations compared at once
TAKEN = 50  # checks of named members taken together


def subscribe(bus: Bus) -> None:
    """Hear of everything that can be lost."""
    bus.subscribe(EntitlementChanged, _on_entitlement_changed)
    bus.subscribe(SystemRoleReduced, _on_system_role_reduced)
    bus.subscribe(SessionEnded, _on_session_ended)
    bus.subscribe(SignedOutElsewhere, _on_signed_out_elsewhere)
    bus.subscribe(AccountDisabled, lambda event: _on_account(event.account_id, "account_disabled"))
    bus.subscribe(AccountClosing, lambda event: _on_account(event.account_id, "account_closing"))
    bus.subscribe(PasswordChanged, _on_password_changed)
    bus.subscribe(ConsentWithdrawn, _on_consent_withdrawn)
    bus.subscribe(ClientDisabled, _on_client_disabled)


def _on_account(account_id: str, reason: str) -> None:
    withdraw_where(_table.c.account_id == account_id, reason)


def _on_password_changed(event: PasswordChanged) -> None:
    if event.everywhere:
        _on_account(event.account_id, "password_changed")


def _on_consent_withdrawn(event: ConsentWithdrawn) -> None:
    which = (_table.c.account_id == event.account_id) & (_table.c.client_id == event.client_id)
    withdraw_where(which, "consent_withdrawn")


def _on_client_disabled(event: ClientDisabled) -> None:
    """One statement and no notices: the client is gone, and how many grants it had is anybody's guess."""
    db.session.execute(
        update(_table)
        .where(_table.c.client_id == event.client_id, _table.c.withdrawn_at.is_(None))
        .values(withdrawn_at=event.at, withdrawn_reason="client_disabled"),
        execution_options={"synchronize_session": False},
    )


def _on_session_ended(event: SessionEnded) -> None:
    """Online grants of the session end; each client of it is told, offline ones too (Back-Channel Logout §2.7). One
    that was ended from elsewhere takes the offline ones along (docs/decisions/0032)."""
    clients = db.session.execute(
        select(_table.c.client_id, _table.c.sub, _table.c.sid).where(
            _table.c.sid == event.sid, _table.c.offline, _table.c.withdrawn_at.is_(None)
        )
    ).all()
    which, reason = _table.c.sid == event.sid, event.reason
    if reason not in ENDED_FROM_ELSEWHERE:
        which, reason = which & ~_table.c.offline, "session_ended"
    rows = db.session.execute(
        update(_table)
        .where(which, _table.c.withdrawn_at.is_(None))
        .values(withdrawn_at=event.at, withdrawn_reason=reason)
        .returning(_table.c.id, _table.c.client_id, _table.c.sub, _table.c.sid),
        execution_options={"synchronize_session": False},
    ).all()
    if rows:
        ids = tuple(row.id for row in rows)
        emit(AuthorizationWithdrawn(at=event.at, authorization_ids=ids, reason=reason))
    tell_clients(event.at, {(row.client_id, row.sub, row.sid) for row in (*clients, *rows)})


def _on_signed_out_elsewhere(event: SignedOutElsewhere) -> None:
    """Withdraw the account's other authorizations, also of sessions that ended long ago; `weaker`: only those that were
    opened without a second factor."""
    which = _table.c.account_id == event.account_id
    if event.sid is not None:
        which &= _table.c.sid.is_distinct_from(event.sid)
    if event.weaker:
        which &= cast(_table.c.amr, Text).not_like('%"mfa"%')
    withdraw_where(which, event.reason, event.actor_id)


def _on_entitlement_changed(event: EntitlementChanged) -> None:
    """Compare the members' authorizations now; a whole organization's later, by the worker (idea 7).

    Either is compared once more: a token that was being issued meanwhile, on facts of before, writes down what it told
    only after this comparison, or opens an authorization that it can't see (docs/decisions/0006).
    """
    db.session.flush()
    members = event.member_ids
    if members == ():
        return
    if members is not None:
        rows = _alive(_table.c.member_id.in_(members), limit=PAGE + 1)
        if len(rows) <= PAGE:
            _compare(rows)
        else:
            members = None
    _look_later([event.organization_id], members)


def _on_system_role_reduced(event: SystemRoleReduced) -> None:
    """Compare every organization in which somebody holds the role: a small row or two for each, the rest is later."""
    holders = select(Member.organization_id).join(MemberRole, MemberRole.member_id == Member.id)
    _look_later(db.session.scalars(holders.where(MemberRole.role_id == event.role_id).distinct()).all())


def _look_later(organization_ids: Iterable[str], member_ids: Iterable[str] | None = None) -> None:
    """Queue comparisons for the worker: a whole organization's now and later, of members just compared only later."""
    now = clock.now()
    later = now + current_settings().lifetimes.loss_recheck
    rows = [
        {
            "id": new_id(),
            "organization_id": organization_id,
            "member_ids": None if member_ids is None else list(member_ids),
            "cursor": "",
            "due_at": due_at,
            "created_at": now,
        }
        for organization_id in organization_ids
        for due_at in ((now, later) if member_ids is None else (later,))
    ]
    if rows:
        db.session.execute(insert(LossCheck), rows)


def losses_due() -> bool:
    """Whether a comparison has fallen due."""
    return db.session.scalar(select(LossCheck.id).where(LossCheck.due_at <= clock.now()).limit(1)) is not None


def expand_losses() -> int | None:
    """One page of comparisons that have fallen due; gives how many authorizations it had. For the worker, in a unit.

    None when there is nothing due that is not in another worker's hands.
    """
    due = (
        select(LossCheck)
        .where(LossCheck.due_at <= clock.now())
        .order_by(LossCheck.due_at, LossCheck.id)
        .with_for_update(skip_locked=True)
    )
    check = db.session.scalar(due.limit(1))
    if check is None:
        return None
    if check.member_ids is None:
        return _compare_page(check, _table.c.organization_id == check.organization_id)
    checks = list(db.session.scalars(due.where(LossCheck.member_ids.is_not(null())).limit(TAKEN)))
    named = {member_id for one in checks for member_id in one.member_ids or ()}
    rows = _alive(_table.c.member_id.in_(named), limit=PAGE + 1)
    if len(rows) > PAGE:
        return _compare_page(check, _table.c.member_id.in_(check.member_ids))
    _compare(rows)
    db.session.execute(delete(LossCheck).where(LossCheck.id.in_([one.id for one in checks])))
    return len(rows)


def _compare_page(check: LossCheck, which: Any) -> int:
    rows = _alive(which & (_table.c.id > check.cursor), limit=PAGE)
    _compare(rows)
    if len(rows) < PAGE:
        db.session.execute(delete(LossCheck).where(LossCheck.id == check.id))
    else:
        check.cursor = rows[-1].id
        db.session.flush()
    return len(rows)


def _alive(which: Any, *, limit: int) -> list[Row[Any]]:
    """Authorizations in force that were told something to lose."""
    now = clock.now()
    return list(
        db.session.execute(
            select(_table)
            .where(
                which,
                _table.c.withdrawn_at.is_(None),
                or_(_table.c.expires_at.is_(None), _table.c.expires_at > now),
                _table.c.told.like("allow %"),
            )
            .order_by(_table.c.id)
            .limit(limit)
        )
    )


def _compare(rows: Iterable[Row[Any]]) -> None:
    """Tell the clients of those whose verdict or privileges shrank, and nobody else.

    The facts of all are read with one statement for each organization and app, and what was told is written down with
    two for all.
    """
    now = clock.now()
    grounds = []
    for row in rows:
        client = cached_client(row.client_id)
        if client is not None:
            app = app_of(client, None)  # what `told` is about, whatever else this grant may ask
            grounds.append((row, ground_of(row, client, app), app))
    decisions = _decide_all(grounds, now)
    fewer = {}
    for row, _ground, _app in grounds:
        today = decisions[row.id]
        if lost(row.told, None if too_weak(row, today) else today):
            fewer[row.id] = row
    if not fewer:
        return
    as_it_was = tuple_(_table.c.id, _table.c.told).in_([(row.id, row.told) for row in fewer.values()])
    still = select(_table.c.id).where(as_it_was).order_by(_table.c.id).with_for_update()
    ids = db.session.scalars(still).all()  # of the others another comparison, or a newer token, was quicker
    db.session.execute(
        update(_table).where(_table.c.id.in_(ids)).values(told=LOST), execution_options={"synchronize_session": False}
    )
    tell_clients(now, {(row.client_id, row.sub, row.sid) for row in map(fewer.__getitem__, ids)})


Grounds = Iterable[tuple[Row[Any], Ground, App | None]]


def _decide_all(grounds: Grounds, now: int) -> dict[str, Decision | None]:
    """What `decide` says of each of these authorizations, by id; those of one organization and app are read at once."""
    connection = db.session.connection()
    found: dict[str, Decision | None] = {}
    alike: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row, ground, app in grounds:
        if app is not None and row.member_id and row.organization_id and row.account_id and ground.organization:
            alike[row.organization_id, app.id].append(row)
        else:
            found[row.id] = decide(connection, row, ground, app, now, whom_to_ask=False)
    for (organization_id, app_id), same in alike.items():
        app = current_catalog().apps[app_id]
        members = sorted({row.member_id for row in same})
        facts = load_members_facts(connection, organization_id, members, app_id, ask=False)
        for row in same:
            account = facts.get(row.member_id)
            if account is None or account.id != row.account_id:  # the record is gone, or no longer this person's
                found[row.id] = entitlement(AccountFacts(id=row.account_id), None, app, now)
            else:
                found[row.id] = entitlement(account, account.members[0], app, now)
    return found
