"""Asking for access: a person's request, and what the administrators of the organization answer.

A request is about the member that the person's denial was about, whether or not that denial may name the organization.
One is open per member and app. It closes when an administrator grants or declines it, when the person takes it back,
and by itself once the app is open to the person, whoever did that and for whatever reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts.models import Account
from idp.kernel import clock, counters
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from ..catalog import current_catalog
from ..events import (
    AccessDeclined,
    AccessGranted,
    AccessRequestClosed,
    AccessRequested,
    AccessRequestEvent,
    EntitlementChanged,
)
from ..facts import load_facts, load_members_facts
from ..models import AccessRequest, Member, MemberRole, RolePrivilege
from ..policy import NOBODY_TO_ASK, Choices, Decision, choose, entitlement
from ..simulations import Simulation
from .access import apply_changes
from .locking import fresh, lock
from .typed import text_block

HANDLING = "account:requests.manage"
MOST_A_DAY = 10
"""So many requests may one person make within a day, so that administrators are not flooded."""

LONGEST = 500
MOST_MAILED = 20
MOST_CLOSED = 200
"""So many open requests are looked at when something changed; a job looks at the others."""


def denial_of(account_id: str, app_id: str, organization: str | None = None) -> Decision:
    """Today's denial of the person at this app, which a request would be about. Raises `Refusal`.

    `organization` is a slug or id. One that is not the person's answers as an unknown one does.
    """
    app = current_catalog().apps.get(app_id)
    if app is None:
        raise Refusal("app_unknown", _l("There is no such app."), status=404)
    facts = load_facts(db.session(), account_id, app_id)
    found = choose(facts, app, clock.now(), organization=organization) if facts else None
    if isinstance(found, Choices) or (found is not None and found.allowed):
        raise Refusal("already_open", _l("This app is open to you already."), status=409)
    if found is None or found.judged is None or found.code in NOBODY_TO_ASK:
        raise Refusal(
            "nobody_to_ask", _l("No organization has you as a user, so there is nobody who could be asked."), status=404
        )
    return found


def open_request(member_id: str, app_id: str) -> AccessRequest | None:
    """The request that waits for this member and app."""
    return db.session.scalar(
        select(AccessRequest).where(
            AccessRequest.member_id == member_id, AccessRequest.app_id == app_id, AccessRequest.decided_at.is_(None)
        )
    )


def admit_request(account_id: str) -> None:
    """Count one more request of this person. Call outside a unit of work. Raises `Refusal` (429) above the limit."""
    counters.admit(
        "access_request",
        account_id,
        window=86400,
        limit=MOST_A_DAY,
        code="too_many_requests",
        message=_l("You have asked for access many times today. Try again tomorrow."),
    )


def request_access(
    account_id: str, app_id: str, *, organization: str | None = None, message: str | None = None
) -> AccessRequest:
    """Ask the administrators to be let into an app. One that waits already is given back. Raises `Refusal`."""
    denial = denial_of(account_id, app_id, organization)
    assert denial.judged is not None and denial.code is not None
    said = text_block(message, "message", LONGEST)
    waiting = open_request(denial.judged.id, app_id)
    if waiting is not None:
        return waiting
    row = AccessRequest(
        organization_id=denial.judged.organization.id,
        member_id=denial.judged.id,
        account_id=account_id,
        app_id=app_id,
        code=denial.code,
        detail=denial.detail,
        message=said,
        created_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:  # two at the same moment: the other one waits
        return _open_one(denial.judged.id, app_id)
    emit(_told(AccessRequested, row, account_id, reason=row.code))
    return row


def _open_one(member_id: str, app_id: str) -> AccessRequest:
    found = open_request(member_id, app_id)
    if found is None:
        raise Refusal(
            "conflict", _l("Someone else changed this at the same moment. Look again and repeat."), status=409
        )
    return found


def withdraw(request_id: str, account_id: str) -> AccessRequest:
    """The person takes its own request back; one that is closed already is no error. Raises `Refusal` (404)."""
    row = fresh(AccessRequest, request_id)
    if row.account_id != account_id:
        raise _unknown()
    if row.decided_at is None:
        _close(row, "withdrawn", account_id)
        emit(_told(AccessRequestClosed, row, account_id, outcome="withdrawn"))
    return row


def decline(request_id: str, reason: str | None, *, actor_id: str | None = None) -> AccessRequest:
    """Say no, with a reason that the person reads. Raises `Refusal`, also when another has handled it meanwhile."""
    row = _lock(request_id)
    said = text_block(reason, "reason", LONGEST)
    if not said:
        raise Refusal("required", _l("Say why: the person reads it."), field="reason")
    _close(row, "declined", actor_id, said)
    emit(_told(AccessDeclined, row, actor_id))
    return row


def grant(
    request_id: str, keys: Iterable[str], *, held: Collection[str], actor_id: str | None = None
) -> tuple[AccessRequest, Simulation]:
    """Make the proposed changes and close the request as granted. Raises `Refusal` (see `access.apply_changes`).

    All or nothing: changes that would leave the app closed are refused.
    """
    row = _lock(request_id)
    _close(row, "granted", actor_id)
    after = apply_changes(row.member_id, row.app_id, keys, held=held, actor_id=actor_id)
    if not after.path.decision.allowed:
        raise Refusal("still_closed", _l("This alone does not open the app. Apply all of it."), status=409)
    emit(_told(AccessGranted, row, actor_id))
    return row, after


def _lock(request_id: str) -> AccessRequest:
    """The request behind its organization's lock. Raises `Refusal` when it waits no longer."""
    lock(fresh(AccessRequest, request_id).organization_id)
    return fresh(AccessRequest, request_id)


def _close(row: AccessRequest, outcome: str, actor_id: str | None, reason: str | None = None) -> None:
    closed = change(
        update(AccessRequest)
        .where(AccessRequest.id == row.id, AccessRequest.decided_at.is_(None))
        .values(decided_at=clock.now(), decided_by=actor_id, outcome=outcome, reason=reason)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(row)
    if not closed:
        raise Refusal("handled_meanwhile", _l("This request has been handled meanwhile."), status=409)


def _told(
    kind: type[AccessRequestEvent], row: AccessRequest, actor_id: str | None, **values: str
) -> AccessRequestEvent:
    return kind(
        at=clock.now(),
        actor_id=actor_id,
        organization_id=row.organization_id,
        member_id=row.member_id,
        account_id=row.account_id,
        app_ids=(row.app_id,),
        request_id=row.id,
        **values,
    )


def _unknown() -> Refusal:
    return Refusal("request_unknown", _l("There is no such request."), status=404)


# Closing by itself ---------------------------------------------------------------------------------------------------


def is_open_now(row: AccessRequest) -> bool:
    """Whether the app is open to the person today, whatever became of the request."""
    facts = load_members_facts(db.session(), row.organization_id, [row.member_id], row.app_id, ask=False)
    found = facts.get(row.member_id)
    app = current_catalog().apps.get(row.app_id)
    return bool(
        found and app and found.id == row.account_id and entitlement(found, found.members[0], app, clock.now()).allowed
    )


def on_entitlement_changed(event: EntitlementChanged) -> None:
    """Requests that the change has answered close in its own transaction."""
    close_opened(event.organization_id, event.member_ids, actor_id=event.actor_id)


def close_opened(organization_id: str, member_ids: Sequence[str] | None = None, *, actor_id: str | None = None) -> int:
    """Close, as `opened`, the requests of these members (None: of all) whose app is open now; gives how many."""
    waiting = select(AccessRequest).where(
        AccessRequest.organization_id == organization_id, AccessRequest.decided_at.is_(None)
    )
    if member_ids is not None:
        if not member_ids:
            return 0
        waiting = waiting.where(AccessRequest.member_id.in_(member_ids))
    rows = list(db.session.scalars(waiting.order_by(AccessRequest.created_at, AccessRequest.id).limit(MOST_CLOSED)))
    apps, now, closed = current_catalog().apps, clock.now(), 0
    members = sorted({row.member_id for row in rows})
    facts = load_members_facts(db.session(), organization_id, members, ask=False)
    for row in rows:
        found, app = facts.get(row.member_id), apps.get(row.app_id)
        if found and app and found.id == row.account_id and entitlement(found, found.members[0], app, now).allowed:
            row.decided_at, row.outcome = now, "opened"
            closed += 1
            emit(_told(AccessRequestClosed, row, actor_id, outcome="opened"))
    return closed


def members_waiting() -> dict[str, list[str]]:
    """Who waits, by organization: ids of members."""
    found: dict[str, list[str]] = {}
    rows = db.session.execute(
        select(AccessRequest.organization_id, AccessRequest.member_id)
        .where(AccessRequest.decided_at.is_(None))
        .distinct()
        .order_by(AccessRequest.organization_id, AccessRequest.member_id)
    )
    for organization_id, member_id in rows:
        found.setdefault(organization_id, []).append(member_id)
    return found


# Reading -------------------------------------------------------------------------------------------------------------


def find_request(organization_id: str, request_id: str) -> AccessRequest:
    """A request made to this organization. Raises `Refusal` (404) for every other id alike."""
    row = db.session.get(AccessRequest, request_id, populate_existing=True)
    if row is None or row.organization_id != organization_id:
        raise _unknown()
    return row


def own_request(account_id: str, request_id: str) -> AccessRequest:
    """A request that this person made. Raises `Refusal` (404) for every other id alike."""
    row = db.session.get(AccessRequest, request_id, populate_existing=True)
    if row is None or row.account_id != account_id:
        raise _unknown()
    return row


def waiting_for(account_id: str) -> dict[tuple[str, str], str]:
    """The person's open requests: (member, app) to the request's id."""
    rows = db.session.execute(
        select(AccessRequest.member_id, AccessRequest.app_id, AccessRequest.id).where(
            AccessRequest.account_id == account_id, AccessRequest.decided_at.is_(None)
        )
    )
    return {(member_id, app_id): request_id for member_id, app_id, request_id in rows}


def count_waiting(organization_id: str) -> int:
    """How many requests wait for an answer."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(AccessRequest)
            .where(AccessRequest.organization_id == organization_id, AccessRequest.decided_at.is_(None))
        )
        or 0
    )


def counts_waiting(organization_ids: Collection[str]) -> dict[str, int]:
    """The same of several organizations, by their ids; those in which nobody waits are left out. One statement."""
    rows = db.session.execute(
        select(AccessRequest.organization_id, func.count().label("waiting"))
        .where(AccessRequest.organization_id.in_(organization_ids), AccessRequest.decided_at.is_(None))
        .group_by(AccessRequest.organization_id)
    )
    return {row.organization_id: row.waiting for row in rows}


def handlers_of(organization_id: str, *, but: str) -> list[Account]:
    """Those who may handle requests there, by name, at most `MOST_MAILED`; `but` is the account that asks."""
    return list(
        db.session.scalars(
            select(Account)
            .join(Member, Member.account_id == Account.id)
            .where(
                Member.organization_id == organization_id,
                Member.status == "active",
                Member.type != "express",
                Account.status == "active",
                Account.id != but,
                select(MemberRole.role_id)
                .join(RolePrivilege, RolePrivilege.role_id == MemberRole.role_id)
                .where(MemberRole.member_id == Member.id, RolePrivilege.privilege == HANDLING)
                .exists(),
            )
            .distinct()
            .order_by(Account.family_name, Account.given_name, Account.id)
            .limit(MOST_MAILED)
        )
    )
