"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l

from idp.accounts.models import EmailAddress
from idp.kernel.exports import Part, Taken, instant, taken
from idp.organizations.exports import places_told
from idp.organizations.models import Member, Organization

from .models import GuestRequest, LadderMail


def _requests(account_id: str) -> Iterator[Taken]:
    """What was typed into a supplier's form and confirmed by a mailbox that is the person's."""
    return taken(
        GuestRequest.id,
        {
            "supplier": Organization.name,
            "given_name": GuestRequest.given_name,
            "family_name": GuestRequest.family_name,
            "address": GuestRequest.address,
            "company": GuestRequest.company_name,
            "company_number": GuestRequest.company_number,
            "asked_at": GuestRequest.created_at,
            "confirmed_at": GuestRequest.confirmed_at,
            "answered_at": GuestRequest.decided_at,
            "answer": GuestRequest.outcome,
            "reason": GuestRequest.reason,
        },
        lambda rows: (
            rows.select_from(GuestRequest)
            .join(Organization, Organization.id == GuestRequest.organization_id)
            .join(EmailAddress, EmailAddress.normalized == GuestRequest.normalized)
            .where(
                EmailAddress.account_id == account_id,
                EmailAddress.verified_at.is_not(None),
                GuestRequest.confirmed_at.is_not(None),
            )
        ),
    )


def _mails(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    return taken(
        LadderMail.id,
        {
            "organization": LadderMail.organization_id,
            "about": LadderMail.kind,
            "days_before": LadderMail.days,
            "sent_at": LadderMail.sent_at,
            "told_end": LadderMail.ends_at,
        },
        lambda rows: (
            rows.select_from(LadderMail)
            .join(Member, Member.id == LadderMail.member_id)
            .where(Member.account_id == account_id, LadderMail.organization_id.in_(list(places)))
        ),
        organization=places.get,
        told_end=instant,
    )


PARTS = (
    Part(
        "express_requests", _l("What you asked suppliers of Onix Express for."), frozenset({"guest_request"}), _requests
    ),
    Part(
        "express_reminders",
        _l("Mails that reminded you of an invitation, or warned you of an end."),
        frozenset({"ladder_mail"}),
        _mails,
    ),
)
