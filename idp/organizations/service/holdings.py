"""What a member holds, roles and seats together: everything of one act goes, or nothing does."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select

from idp.kernel.database import db
from idp.kernel.refusal import Refusal

from ..models import License, Member, Role
from ..titles import edition_name
from .invitations import invite
from .licenses import assign_seat, unassign_seat
from .locking import lock_of
from .members import add_member
from .roles import assign_role, unassign_role
from .standing import set_active

STATES = ("contact", "active", "invite")
"""What a person can be added as: Contact only, Active, or a contact who is invited at once."""


def add_person(
    organization_id: str,
    *,
    state: str = "contact",
    given_name: str = "",
    family_name: str = "",
    email: str | None = None,
    phone_number: str | None = None,
    language: str | None = None,
    role_ids: Iterable[str] = (),
    license_ids: Iterable[str] = (),
    actor_id: str | None = None,
) -> Member:
    """Record a person as a contact, as a user with roles and seats, or as a contact who is invited. Raises `Refusal`.

    A contact has person information, no seat and no role: asking for them is refused, not passed over.
    """
    roles, licenses = list(role_ids), list(license_ids)
    if state not in STATES:
        raise Refusal("status_invalid", _l("A new member is Contact only or Active."), field="state")
    if state != "active" and (roles or licenses):
        raise Refusal(
            "contact_holds_nothing",
            _l("A contact has no role and no license. Choose Active, or leave roles and licenses out."),
            field="state",
        )
    if state == "invite" and not email:
        raise Refusal("email_required", _l("An invitation needs an e-mail address."), field="email")
    member = add_member(
        organization_id,
        given_name=given_name,
        family_name=family_name,
        email=email,
        phone_number=phone_number,
        language=language,
        status="active" if state == "active" else "contact",
        actor_id=actor_id,
    )
    if roles or licenses:
        change_holdings(member.id, assign_roles=roles, assign_seats=licenses, actor_id=actor_id)
    if state == "invite":
        invite(member.id, actor_id=actor_id)
    return member


def change_holdings(
    member_id: str,
    *,
    assign_roles: Iterable[str] = (),
    take_roles: Iterable[str] = (),
    assign_seats: Iterable[str] = (),
    take_seats: Iterable[str] = (),
    activate: bool = False,
    actor_id: str | None = None,
) -> Member:
    """Give and take roles (by id) and seats (by license id) in one act; `activate`: a contact becomes Active first.

    What is asked to be given and is there already, or to be taken and is not, is no error: two administrators who
    change different things both get what they wanted. Raises `Refusal`; an id of another organization's answers as one
    that does not exist.
    """
    member = lock_of(Member, member_id)
    roles = _known_roles(member.organization_id, [*assign_roles], [*take_roles])
    licenses = _known_licenses(member.organization_id, [*assign_seats], [*take_seats])
    if activate:
        set_active(member_id, actor_id=actor_id)
    for role_id in roles[0]:
        assign_role(member_id, role_id, actor_id=actor_id)
    for role_id in roles[1]:
        unassign_role(member_id, role_id, actor_id=actor_id)
    for license_id in licenses[1]:
        unassign_seat(license_id, member_id, actor_id=actor_id)
    for license_id in licenses[0]:
        _assign_seat(license_id, member_id, actor_id)
    return member


def _known_roles(organization_id: str, given: list[str], taken: list[str]) -> tuple[list[str], list[str]]:
    """What to give and what to take, of the roles that members here can hold. Raises `Refusal`."""
    known = set(
        db.session.scalars(
            select(Role.id).where(
                Role.id.in_([*given, *taken]),
                or_(Role.organization_id == organization_id, Role.organization_id.is_(None)),
            )
        )
    )
    if not known.issuperset(given):
        raise Refusal("role_unknown", _l("There is no such role."), status=404, field="role")
    return sorted(set(given)), sorted(known & set(taken) - set(given))


def _known_licenses(organization_id: str, given: list[str], taken: list[str]) -> tuple[list[str], list[str]]:
    """The same of the organization's licenses."""
    known = set(
        db.session.scalars(
            select(License.id).where(License.id.in_([*given, *taken]), License.organization_id == organization_id)
        )
    )
    if not known.issuperset(given):
        raise Refusal("license_unknown", _l("There is no such license."), status=404, field="license")
    return sorted(set(given)), sorted(known & set(taken) - set(given))


def _assign_seat(license_id: str, member_id: str, actor_id: str | None) -> None:
    """Assign it; a refusal names the license, for it may be one of several."""
    try:
        assign_seat(license_id, member_id, actor_id=actor_id)
    except Refusal as refusal:
        license_ = db.session.get(License, license_id)
        if license_ is None or refusal.code == "not_active":
            raise
        name = edition_name(license_.edition)
        message = _l("%(license)s: %(reason)s", license=name, reason=refusal.message)
        raise Refusal(refusal.code, message, status=refusal.status, field="license") from None
