"""Opening an app to a member: the changes that the simulator proposes, made together or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flask_babel import lazy_gettext as _l

from idp.kernel.database import db
from idp.kernel.refusal import Refusal

from ..models import Member
from ..simulations import Simulation, simulate
from ..simulator import Change
from .invitations import invite
from .licenses import assign_seat, unassign_seat
from .locking import lock_of
from .roles import assign_role
from .standing import bring_back, enable_member, set_active


def apply_changes(
    member_id: str, app_id: str, keys: Iterable[str], *, held: Collection[str], actor_id: str | None = None
) -> Simulation:
    """Make the changes of these keys (`simulator.Change.key`) for a member; gives what the member is told then.

    Behind the lock the proposal is made again: what it does not offer today is refused (409), whatever was offered when
    the page was shown. `held`: the actor's privileges of app `account`; every change asks its own.
    """
    organization_id = lock_of(Member, member_id).organization_id
    today = _simulate(organization_id, member_id, app_id)
    changes = today.proposal.offers(keys)
    if changes is None:
        raise Refusal(
            "proposal_changed",
            _l("Something changed since this page was shown. This is what would help now: look again and apply."),
            status=409,
        )
    if any(change.demands is None for change in changes):
        raise Refusal("platform_only", _l("Only the platform, Onix Work, can do this."), status=403)
    if any(change.demands not in held for change in changes):
        raise Refusal("privilege_missing", _l("Your role does not include one of these changes."), status=403)
    for change in changes:
        _make(change, member_id, actor_id)
    return _simulate(organization_id, member_id, app_id)


def _simulate(organization_id: str, member_id: str, app_id: str) -> Simulation:
    found = simulate(db.session(), organization_id, [(member_id, app_id)]).get((member_id, app_id))
    if found is None:
        raise Refusal("app_unknown", _l("There is no such app."), status=404)
    return found


def _make(change: Change, member_id: str, actor_id: str | None) -> None:
    match change.kind:
        case "set_active":
            set_active(member_id, actor_id=actor_id)
        case "enable":
            enable_member(member_id, actor_id=actor_id)
        case "bring_back":
            bring_back(member_id, actor_id=actor_id)
        case "invite":
            invite(member_id, actor_id=actor_id)
        case "take_seat":
            unassign_seat(str(change.target), str(change.holder), actor_id=actor_id)
        case "assign_seat":
            assign_seat(str(change.target), member_id, actor_id=actor_id)
        case "assign_role":
            assign_role(member_id, str(change.target), actor_id=actor_id)
        case _:
            raise ValueError(f"no change of an administrator: {change.kind}")
