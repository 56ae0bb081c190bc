"""Authorizations: opened once, judged at every use, withdrawn for life; and what a loss does to them.

An authorization is one grant to one client for one account and one member. Codes, refresh and access tokens are its
shadows: they count while `fallen` finds nothing wrong with what it stands on, and they say what `decide` finds today.
Start reading: `fallen` (identity), `decide` (entitlement), then the subscribers at the end (DESIGN §3 *Loss*).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, Table, Text, and_, delete, insert, null, or_, select, tuple_, update
from sqlalchemy import cast as sql_cast

from idp.accounts.events import AccountClosing, AccountDisabled, PasswordChanged
from idp.kernel import clock
from idp.kernel.database import change, db, new_id
from idp.kernel.events import Bus, emit
from idp.kernel.secrets import digest, random_handle
from idp.organizations.catalog import App, current_catalog
from idp.organizations.events import EntitlementChanged, SystemRoleReduced
from idp.organizations.facts import judge, load_facts, load_members_facts
from idp.organizations.models import Member, MemberRole
from idp.organizations.policy import AccountFacts, Choices, Decision, choose, entitlement
from idp.sessions.events import SessionEnded, SignedOutElsewhere
from idp.sessions.policy import ACR_PASSWORD, acr_of
from idp.settings import current_settings

from . import statements
from .claims import LOST, Ground, lost, told, verdict_of
from .clients import ClientInfo, cached_client, find_client, resources
from .events import AuthorizationOpened, AuthorizationWithdrawn, ClientDisabled, ConsentWithdrawn, LogoutDue
from .interaction import asks_second_factor
from .models import Authorization, LossCheck

if TYPE_CHECKING:
    from .requests import Asked

PAGE = 200  # authorizations compared at once
TAKEN = 50  # checks of named members taken together
KEPT = 90 * 86400  # seconds that an authorization stays after its end, with everything that hangs on it
PORTION = 5000  # rows deleted in one transaction
ENDED_ON_PURPOSE = frozenset({"by_owner", "by_admin", "factor_added"})
"""Why a session ended that somebody else may have had: what it has opened ends with it, for use while away too."""
ENDS_OFFLINE_TOO = ENDED_ON_PURPOSE | {"password_changed", "account_disabled", "account_closing"}
"""Why a session ended that takes its offline grants along: also one that was being opened at that very moment, and that
`_on_account` could not see yet."""

_table = cast("Table", Authorization.__table__)


def open_authorization(
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
    """Grant a client access for a person; emits `AuthorizationOpened`. Call inside a unit of work.

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
    return _open(values, decision)


def _open(values: dict[str, Any], decision: Decision | None = None) -> SimpleNamespace:
    """Insert the row and tell of it; gives its values, since making an object of the mapper's costs half an insert."""
    db.session.connection().execute(statements.insert_authorization, values)
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
    return SimpleNamespace(**values)


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


def issue_code(authorization: SimpleNamespace, request: Asked) -> str:
    """A code for an authorization just opened: 256 random bits, kept as a digest, bound to its client.

    The redirect and the challenge are those of the request that was answered (RFC 6749 §4.1.3, RFC 7636 §4.4).
    """
    now = clock.now()
    code = random_handle()
    db.session.connection().execute(
        statements.insert_code,
        {
            "code_digest": digest(code),
            "authorization_id": authorization.id,
            "client_id": authorization.client_id,
            "redirect_uri": request.parameters["redirect_uri"],
            "code_challenge": request.parameters.get("code_challenge") or None,
            "created_at": now,
            "expires_at": now + current_settings().lifetimes.code,
            "spent_at": None,
        },
    )
    return code


def withdraw(authorization_ids: Iterable[str], reason: str, *, actor_id: str | None = None) -> tuple[str, ...]:
    """End authorizations for life; gives those that were still alive. Their clients hear of it.

    reason: `code_reused`, `refresh_reused`, `revoked`, `session_ended`, `account_disabled`, `account_closing`,
    `password_changed`, `consent_withdrawn`, `client_disabled`, `by_admin`, `by_owner`, `factor_added`. Emits
    `AuthorizationWithdrawn` and a `LogoutDue` per client and session.
    """
    ids = tuple(authorization_ids)
    return _withdraw(_table.c.id.in_(ids), reason, actor_id) if ids else ()


def withdraw_kin(row: Row[Any], reason: str) -> tuple[str, ...]:
    """End an authorization together with its siblings: whoever stole a token of it could have opened them."""
    same = [_table.c[name].is_not_distinct_from(getattr(row, name)) for name in (
        "client_id", "account_id", "sid", "auth_time", "nonce",
    )]  # fmt: skip
    return _withdraw(_table.c.id == row.id if row.sid is None else and_(*same), reason)


def _withdraw(which: Any, reason: str, actor_id: str | None = None) -> tuple[str, ...]:
    now = clock.now()
    rows = db.session.execute(
        update(_table)
        .where(which, _table.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_reason=reason)
        .returning(_table.c.id, _table.c.client_id, _table.c.sub, _table.c.sid, _table.c.account_id),
        execution_options={"synchronize_session": False},
    ).all()
    if not rows:
        return ()
    ids = tuple(row.id for row in rows)
    emit(AuthorizationWithdrawn(at=now, actor_id=actor_id, authorization_ids=ids, reason=reason))
    _logout(now, {(row.client_id, row.sub, row.sid) for row in rows if row.account_id})
    return ids


def _logout(now: int, ended: Iterable[tuple[str, str, str | None]]) -> None:
    known: dict[str, ClientInfo | None] = {}
    for client_id, sub, sid in sorted(ended, key=str):
        if client_id not in known:
            known[client_id] = find_client(client_id)
        client = known[client_id]
        if client is not None and client.backchannel_logout_uri:
            emit(LogoutDue(at=now, client_id=client_id, sub=sub, sid=sid))


# Judging ------------------------------------------------------------------------------------------------------------


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


def app_of(client: ClientInfo, resource: str | None) -> App | None:
    """The app that a token for this resource (None: the client's default) speaks about; None for clients of no app."""
    known = resources(client)
    app_id = known.get(resource) if resource else next(iter(known.values()))
    return current_catalog().apps.get(app_id) if app_id else None


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


# Loss ---------------------------------------------------------------------------------------------------------------


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
    _withdraw(_table.c.account_id == account_id, reason)


def _on_password_changed(event: PasswordChanged) -> None:
    if event.everywhere:
        _on_account(event.account_id, "password_changed")


def _on_consent_withdrawn(event: ConsentWithdrawn) -> None:
    which = (_table.c.account_id == event.account_id) & (_table.c.client_id == event.client_id)
    _withdraw(which, "consent_withdrawn")


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
    that was ended on purpose takes the offline ones along (docs/decisions/0036)."""
    clients = db.session.execute(
        select(_table.c.client_id, _table.c.sub, _table.c.sid).where(
            _table.c.sid == event.sid, _table.c.offline, _table.c.withdrawn_at.is_(None)
        )
    ).all()
    which = _table.c.sid == event.sid
    if event.reason not in ENDED_ON_PURPOSE:
        which &= ~_table.c.offline
    rows = db.session.execute(
        update(_table)
        .where(which, _table.c.withdrawn_at.is_(None))
        .values(withdrawn_at=event.at, withdrawn_reason="session_ended")
        .returning(_table.c.id, _table.c.client_id, _table.c.sub, _table.c.sid),
        execution_options={"synchronize_session": False},
    ).all()
    if rows:
        ids = tuple(row.id for row in rows)
        emit(AuthorizationWithdrawn(at=event.at, authorization_ids=ids, reason="session_ended"))
    _logout(event.at, {(row.client_id, row.sub, row.sid) for row in (*clients, *rows)})


def _on_signed_out_elsewhere(event: SignedOutElsewhere) -> None:
    """What sessions of before have left behind ends too, whatever has become of them since."""
    which = _table.c.account_id == event.account_id
    if event.sid is not None:
        which &= _table.c.sid.is_distinct_from(event.sid)
    if event.weaker:
        which &= sql_cast(_table.c.amr, Text).not_like('%"mfa"%')
    _withdraw(which, event.reason, event.actor_id)


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
    _logout(now, {(row.client_id, row.sub, row.sid) for row in map(fewer.__getitem__, ids)})


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


# Tidying ------------------------------------------------------------------------------------------------------------


def tidy(now: int) -> int:
    """Delete a portion of what has been dead for `KEPT` seconds; gives how many rows. A job calls this in a unit.

    Codes and refresh tokens go with their authorization, never before it: a spent one that is shown again is seen as
    long as anything can still be withdrawn for it. Machine grants do not end.
    """
    ended = now - KEPT
    dead = list(
        db.session.scalars(
            select(_table.c.id)
            .where(or_(_table.c.expires_at <= ended, _table.c.withdrawn_at <= ended))
            .limit(PORTION // 5)
            .with_for_update(skip_locked=True)
        )
    )
    left = PORTION if dead else 0
    for shadows in (statements.refresh, statements.code):
        if left:
            (key,) = shadows.primary_key
            portion = select(key).where(shadows.c.authorization_id.in_(dead)).limit(left)
            left -= change(delete(shadows).where(key.in_(portion)))
    if left:
        left -= change(delete(_table).where(_table.c.id.in_(dead[:left])))
    return PORTION - left if dead else 0
