"""What of this room's rows a person takes along (`idp.kernel.exports`): as far as a decision tells of an organization.

An organization that keeps the person as a contact is told of nowhere (DESIGN §3, codes 1 to 4), so not here either.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.exports import PAGE, Part, Taken, instant, taken, walk

from .facts import load_facts_of_all_apps
from .models import AccessRequest, Company, Invitation, License, Member, MemberImage, MemberRole, Role, Seat
from .policy import tellable
from .titles import app_name, edition_name


def places_told(account_id: str) -> dict[str, str]:
    """The organizations that may be told of to this person: their names by id."""
    facts = load_facts_of_all_apps(db.session(), account_id)
    told = tellable(facts, clock.now()) if facts else {}
    return {place: members[0].organization.name for place, members in told.items()}


def _memberships(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    rows = list(
        walk(
            select(
                Member.id, Member.organization_id, Company.name.label("company"), Member.type, Member.status,
                Member.given_name, Member.family_name, Member.email, Member.phone_number, Member.language,
                Member.last_used_at, Member.created_at, Member.disabled_at, Member.ended_at, Member.ended_reason,
            )
            .join(Company, Company.id == Member.company_id, isouter=True)
            .where(Member.account_id == account_id, Member.organization_id.in_(list(places))),
            Member.id,
        )
    )  # fmt: skip
    for start in range(0, len(rows), PAGE):
        page = rows[start : start + PAGE]
        ids = [row.id for row in page]
        roles: dict[str, list[str]] = {}
        for member_id, name in db.session.execute(
            select(MemberRole.member_id, Role.name).join(Role).where(MemberRole.member_id.in_(ids)).order_by(Role.name)
        ):
            roles.setdefault(member_id, []).append(name)
        licenses: dict[str, list[Taken]] = {}
        for member_id, edition, assigned_at in db.session.execute(
            select(Seat.member_id, License.edition, Seat.assigned_at).join(License).where(Seat.member_id.in_(ids))
        ):
            held = {"license": edition_name(edition), "assigned_at": instant(assigned_at)}
            licenses.setdefault(member_id, []).append(held)
        for row in page:
            yield {
                "organization": places[row.organization_id],
                "company": row.company,
                "type": row.type,
                "status": row.status,
                "written_by_the_organization": {
                    "given_name": row.given_name,
                    "family_name": row.family_name,
                    "email": row.email,
                    "phone_number": row.phone_number,
                    "language": row.language,
                },
                "roles": roles.get(row.id, []),
                "licenses": licenses.get(row.id, []),
                "added_at": instant(row.created_at),
                "last_used_at": instant(row.last_used_at),
                "disabled_at": instant(row.disabled_at),
                "ended_at": instant(row.ended_at),
                "ended_because": row.ended_reason,
            }


def _invitations(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    return taken(
        Invitation.id,
        {
            "organization": Member.organization_id,
            "invited_at": Invitation.created_at,
            "expires_at": Invitation.expires_at,
            "accepted_at": Invitation.accepted_at,
            "withdrawn_at": Invitation.revoked_at,
        },
        lambda rows: (
            rows.select_from(Invitation)
            .join(Member, Member.id == Invitation.member_id)
            .where(Member.account_id == account_id, Member.organization_id.in_(list(places)))
        ),
        organization=places.get,
    )


def _requests(account_id: str) -> Iterator[Taken]:
    return taken(
        AccessRequest.id,
        {
            "organization": AccessRequest.organization_id,
            "app": AccessRequest.app_id,
            "message": AccessRequest.message,
            "asked_at": AccessRequest.created_at,
            "answered_at": AccessRequest.decided_at,
            "answer": AccessRequest.outcome,
            "reason": AccessRequest.reason,
        },
        lambda rows: rows.where(AccessRequest.account_id == account_id),
        organization=places_told(account_id).get,
        app=app_name,
    )


def _uploaded(account_id: str) -> Iterator[tuple[str, bytes]]:
    """What those organizations have uploaded of the person, one file at a time."""
    held = select(MemberImage.member_id, MemberImage.kind).join(Member, Member.id == MemberImage.member_id)
    mine = held.where(Member.account_id == account_id, Member.organization_id.in_(list(places_told(account_id))))
    for member_id, kind in db.session.execute(mine).all():
        here = (MemberImage.member_id == member_id, MemberImage.kind == kind)
        image = db.session.scalar(select(MemberImage.image).where(*here))
        if image is not None:
            yield f"{member_id}-{kind}.{'jpg' if kind == 'picture' else 'png'}", bytes(image)


PARTS = (
    Part(
        "organizations",
        _l("The organizations that you are a user of: roles, licenses, and what they have written about you."),
        frozenset({"member", "member_role", "seat", "member_image"}),
        _memberships,
        _uploaded,
    ),
    Part("invitations", _l("Invitations to become a user."), frozenset({"invitation"}), _invitations),
    Part("access_requests", _l("What you asked access to, and the answers."), frozenset({"access_request"}), _requests),
)
