"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.accounts.models import EmailAddress
from idp.kernel.exports import Part, Taken, instant, walk
from idp.organizations.exports import places_told
from idp.organizations.models import Member, Organization

from .models import GuestRequest, LadderMail


def _requests(account_id: str) -> Iterator[Taken]:
    """What was typed into a supplier's form and confirmed by a mailbox that is the person's."""
    for row in walk(
        select(
            GuestRequest.id, Organization.name.label("supplier"), GuestRequest.given_name, GuestRequest.family_name,
            GuestRequest.address, GuestRequest.company_name, GuestRequest.company_number, GuestRequest.created_at,
            GuestRequest.confirmed_at, GuestRequest.decided_at, GuestRequest.outcome, GuestRequest.reason,
        )
        .join(Organization, Organization.id == GuestRequest.organization_id)
        .join(EmailAddress, EmailAddress.normalized == GuestRequest.normalized)
        .where(
            EmailAddress.account_id == account_id,
            EmailAddress.verified_at.is_not(None),
            GuestRequest.confirmed_at.is_not(None),
        ),
        GuestRequest.id,
    ):  # fmt: skip
        yield {
            "supplier": row.supplier,
            "given_name": row.given_name,
            "family_name": row.family_name,
            "address": row.address,
            "company": row.company_name,
            "company_number": row.company_number,
            "asked_at": instant(row.created_at),
            "confirmed_at": instant(row.confirmed_at),
            "answered_at": instant(row.decided_at),
            "answer": row.outcome,
            "reason": row.reason,
        }


def _mails(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    for row in walk(
        select(LadderMail.id, LadderMail.organization_id, LadderMail.kind, LadderMail.days, LadderMail.sent_at,
               LadderMail.ends_at)
        .join(Member, Member.id == LadderMail.member_id)
        .where(Member.account_id == account_id, LadderMail.organization_id.in_(list(places))),
        LadderMail.id,
    ):  # fmt: skip
        yield {
            "organization": places[row.organization_id],
            "about": row.kind,
            "days_before": row.days,
            "sent_at": instant(row.sent_at),
            "told_end": instant(row.ends_at),
        }


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
