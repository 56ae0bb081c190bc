"""Requests for Express access: typed by a stranger, confirmed by the mailbox, decided by the supplier's administrators.

Whatever is typed and whoever has that mailbox, the page answers the same; only the mailbox learns more, and nothing
that was typed stands in that mail. A request reaches nobody before its link is followed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, or_, select, update

from idp.accounts import addresses
from idp.accounts.events import AccountDeleted
from idp.accounts.models import EmailAddress
from idp.kernel import clock, counters
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import read_link, sign_link
from idp.organizations import service as organizations
from idp.organizations.models import Company, Member, Organization
from idp.organizations.numbers import key_of
from idp.organizations.service.typed import one_line, text_block
from idp.settings import current_settings

from . import policy
from .events import GuestRequestApproved, GuestRequested, GuestRequestRejected, GuestRequestTyped
from .models import GuestRequest

PURPOSE = "guest_request"
HANDLING = "account:companies.manage"
LONGEST = 500
MOST_RANKED = 2000
"""So many companies are compared with what was typed; a supplier with more of them searches."""
OFFERED = 8
LIKELY = 0.6
"""From this likeness on a company is offered by itself."""
KEPT = 365 * 86400
"""Seconds that a decided request stays to be looked at."""


def supplier(slug: str) -> Organization:
    """The supplier of this short name that can be asked for access. Raises `Refusal` (404) for everybody else alike."""
    return organizations.supplier_called(slug, active=True)


def admit_guest_request(address: str) -> None:
    """Count one more request from this network address. Call outside a unit of work.

    Raises `Refusal` (429) above the setting `express.requests_per_address` within an hour.
    """
    counters.admit(
        "guest_request",
        counters.network_of(address),
        window=3600,
        limit=current_settings().express.requests_per_address,
        code="too_many_requests",
        message=_l("Many requests came from your network lately. Try again later."),
    )


def ask(
    organization_id: str,
    *,
    given_name: str,
    family_name: str,
    email: str,
    company_name: str,
    company_number: str = "",
    language: str | None = None,
) -> GuestRequest:
    """Keep what was typed and mail the mailbox a link that confirms it. Raises `Refusal` for what can't be kept."""
    found = addresses.parse(email)
    now = clock.now()
    row = GuestRequest(
        organization_id=organization_id,
        given_name=one_line(given_name, "given_name", 100),
        family_name=one_line(family_name, "family_name", 100),
        address=found.address,
        normalized=found.normalized,
        company_name=one_line(company_name, "company_name", 200),
        company_number=one_line(company_number, "company_number", 20, required=False) or "",
        language=language,
        created_at=now,
        expires_at=now + current_settings().express.request_link,
    )
    db.session.add(row)
    db.session.flush()
    emit(GuestRequestTyped(at=now, guest_request_id=row.id, address=row.address, language=language))
    return row


def confirmation_link(row: GuestRequest) -> str:
    """The path that is mailed, signed now."""
    return f"/guest-request/{sign_link(PURPOSE, row.id)}"


@dataclass(frozen=True, slots=True)
class LinkState:
    """What a mailed link is worth; `row` is None for `unknown`."""

    state: Literal["open", "expired", "confirmed", "unknown"]
    row: GuestRequest | None = None


def read(token: str) -> LinkState:
    """What the link's token is worth today. Changes nothing: mail scanners follow links."""
    value = read_link(PURPOSE, token, max_age=366 * 86400)
    row = db.session.get(GuestRequest, value, populate_existing=True) if isinstance(value, str) else None
    if row is None:
        return LinkState("unknown")
    if row.confirmed_at is not None:
        return LinkState("confirmed", row)
    return LinkState("open" if row.expires_at > clock.now() else "expired", row)


def confirm(token: str) -> GuestRequest:
    """The mailbox confirms: the request waits for the supplier. An older open one of the mailbox gives way to it.

    Raises `Refusal` for a link that is spent, expired or unknown.
    """
    found = read(token)
    if found.row is None:
        raise Refusal("link_unknown", _l("This link is not known."), status=404)
    organizations.lock(found.row.organization_id)
    now = clock.now()
    change(
        update(GuestRequest)
        .where(
            GuestRequest.organization_id == found.row.organization_id,
            GuestRequest.normalized == found.row.normalized,
            GuestRequest.id != found.row.id,
            GuestRequest.confirmed_at.is_not(None),
            GuestRequest.decided_at.is_(None),
            select(GuestRequest.id)
            .where(GuestRequest.id == found.row.id, GuestRequest.confirmed_at.is_(None), GuestRequest.expires_at > now)
            .correlate(None)
            .exists(),
        )
        .values(decided_at=now, outcome="replaced")
        .execution_options(synchronize_session=False)
    )
    taken = change(
        update(GuestRequest)
        .where(GuestRequest.id == found.row.id, GuestRequest.confirmed_at.is_(None), GuestRequest.expires_at > now)
        .values(confirmed_at=now)
        .execution_options(synchronize_session=False)
    )
    if not taken:
        raise Refusal("link_spent", _l("This link can't be used any more."), status=410)
    row = db.session.get_one(GuestRequest, found.row.id, populate_existing=True)
    emit(GuestRequested(at=now, organization_id=row.organization_id, guest_request_id=row.id))
    return row


# Handling ------------------------------------------------------------------------------------------------------------


def approve(request_id: str, company_id: str | None, *, actor_id: str | None = None) -> Member:
    """Invite the person to the chosen company. Raises `Refusal`: none chosen, handled meanwhile, or no invitation.

    Whoever is a contact there is invited; an open invitation is sent again; a user needs nothing, and is refused.
    """
    seen = _open(request_id)  # looked at again behind the lock
    if not company_id:
        raise Refusal("company_required", _l("Choose the company first."), field="company")
    company = organizations.find_company(seen.organization_id, company_id)
    (result,) = organizations.invite_many(
        seen.organization_id,
        company.id,
        [organizations.GuestRow(seen.name, seen.address, seen.language)],
        actor_id=actor_id,
    )
    row = _open(request_id)
    if result.outcome == "already_invited" and result.member_id:
        organizations.resend_invitation(result.member_id, actor_id=actor_id)
    elif result.outcome == "already_user":
        raise Refusal(
            "already_user",
            _l("%(name)s is a user for %(company)s already. Reject the request and say so.", name=row.name,
               company=company.name),
            status=409,
        )  # fmt: skip
    elif not result.done or result.member_id is None:
        raise Refusal(result.outcome, result.message, status=409)
    _decide(row, "approved", actor_id, company_id=company.id)
    emit(
        GuestRequestApproved(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=row.organization_id,
            guest_request_id=row.id,
            company_id=company.id,
            member_id=result.member_id,
        )
    )
    return db.session.get_one(Member, result.member_id)


def reject(request_id: str, reason: str | None, *, actor_id: str | None = None) -> GuestRequest:
    """Say no, with a reason that the person reads. Raises `Refusal`."""
    organizations.lock(_open(request_id).organization_id)
    row = _open(request_id)
    said = text_block(reason, "reason", LONGEST)
    if not said:
        raise Refusal("required", _l("Say why: the person reads it."), field="reason")
    _decide(row, "rejected", actor_id, reason=said)
    emit(
        GuestRequestRejected(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=row.organization_id,
            guest_request_id=row.id,
            address=row.address,
            language=row.language,
        )
    )
    return row


def _seen(request_id: str) -> GuestRequest:
    row = db.session.get(GuestRequest, request_id, populate_existing=True)
    if row is None or row.confirmed_at is None:
        raise _unknown()
    return row


def _open(request_id: str) -> GuestRequest:
    """The request as it is now. Raises `Refusal` (409) when somebody has handled it meanwhile."""
    row = _seen(request_id)
    if row.decided_at is not None:
        raise Refusal("handled_meanwhile", _l("Somebody has handled this request meanwhile."), status=409)
    return row


def _decide(row: GuestRequest, outcome: str, actor_id: str | None, **values: str) -> None:
    row.decided_at, row.decided_by, row.outcome = clock.now(), actor_id, outcome
    for name, value in values.items():
        setattr(row, name, value)
    db.session.flush()


def _unknown() -> Refusal:
    return Refusal("request_unknown", _l("There is no such request."), status=404)


# Reading -------------------------------------------------------------------------------------------------------------


def find(organization_id: str, request_id: str) -> GuestRequest:
    """A confirmed request made to this supplier. Raises `Refusal` (404) for every other id alike."""
    row = _seen(request_id)
    if row.organization_id != organization_id:
        raise _unknown()
    return row


def on_account_deleted(event: AccountDeleted) -> None:
    """What was typed for a mailbox of the account goes with it; whom the supplier invited, its records say."""
    mine = select(EmailAddress.normalized).where(EmailAddress.account_id == event.account_id)
    change(delete(GuestRequest).where(GuestRequest.normalized.in_(mine)).execution_options(synchronize_session=False))


def count_waiting(organization_id: str) -> int:
    """How many requests wait for an answer."""
    return counts_waiting([organization_id]).get(organization_id, 0)


def counts_waiting(organization_ids: Collection[str]) -> dict[str, int]:
    """The same of several organizations, by their ids; those in which nobody waits are left out. One statement."""
    rows = db.session.execute(
        select(GuestRequest.organization_id, func.count().label("waiting"))
        .where(
            GuestRequest.organization_id.in_(organization_ids),
            GuestRequest.confirmed_at.is_not(None),
            GuestRequest.decided_at.is_(None),
        )
        .group_by(GuestRequest.organization_id)
    )
    return {row.organization_id: row.waiting for row in rows}


@dataclass(frozen=True, slots=True)
class Likely:
    """A company that may be the one that was typed. likeness: 0 to 1; `same_number`: it has that very number."""

    company: Company
    likeness: float
    same_number: bool


def likely_companies(row: GuestRequest, query: str = "") -> list[Likely]:
    """The companies most like what was typed, best first; with `query` those that it finds, in the same order."""
    statement = select(Company).where(Company.organization_id == row.organization_id)
    key = key_of(row.company_number)
    if query:
        statement = statement.where(organizations.searched(query))
    elif key:
        statement = statement.order_by(func.coalesce(Company.number_key, "") != key)
    companies: Sequence[Company] = db.session.scalars(
        statement.order_by(Company.search_text, Company.id).limit(MOST_RANKED)
    ).all()
    ranked = sorted(
        (
            Likely(
                company,
                policy.likeness(row.company_name, row.company_number, company.name, company.number_key),
                bool(key) and company.number_key == key,
            )
            for company in companies
        ),
        key=lambda one: (-one.likeness, one.company.search_text, one.company.id),
    )
    return [one for one in ranked if query or one.likeness >= LIKELY][:OFFERED]


def tidy(now: int) -> int:
    """Delete what nobody confirmed in time, and what was decided long ago."""
    return change(
        delete(GuestRequest).where(
            or_(
                GuestRequest.confirmed_at.is_(None) & (GuestRequest.expires_at <= now - 7 * 86400),
                GuestRequest.decided_at <= now - KEPT,
            )
        )
    )
