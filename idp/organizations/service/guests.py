"""Express guests: contacts at a supplier's customers, invited one by one or several in one act, kept and warned.

`invite_many` gives one result per row and never fails for one row what it can do for another. The same key means the
same act: sent twice, it is done once and answers alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from json import dumps
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from idp.accounts import addresses
from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.refusal import Refusal

from ..events import GuestKept
from ..models import Company, Invitation, InvitationBatch, Member
from .companies import Customer, check_supplier, customers_of, express_status, find_company, work_customer
from .invitations import invite
from .linking import same_address
from .locking import fresh, lock, lock_address, lock_of
from .members import LANGUAGES, add_member
from .telling import tell
from .typed import one_line

MOST_ROWS = 200
"""So many rows may one act have; no customer has that many places."""

KEPT = 7 * 86400
"""Seconds for which an act is known by its key."""

DONE = frozenset({"invited", "duplicate", "already_invited", "already_user"})
"""Outcomes after which nothing is left to do about a row."""

_SAID = {
    "invited": _l("Invited."),
    "already_invited": _l("Has an open invitation already."),
    "already_user": _l("Is a user already."),
}


@dataclass(frozen=True, slots=True)
class GuestRow:
    """Somebody to invite, as it was typed. `name` is the full name."""

    name: str = ""
    email: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RowResult:
    """What came of one row; `number` counts from 1. outcome: one of `DONE`, or the code of a refusal.

    `field`: what of the row is wrong (`name`, `email`), if anything. `same_as`: the row that a duplicate repeats.
    """

    number: int
    outcome: str
    message: Any
    field: str | None = None
    member_id: str | None = None
    same_as: int | None = None

    @property
    def done(self) -> bool:
        return self.outcome in DONE


def split_name(name: str) -> tuple[str, str]:
    """A full name as given and family name: the last word is the family's."""
    given, _blank, family = " ".join(name.split()).rpartition(" ")
    return (given, family) if given else (family, "")


def add_contact(
    company_id: str, *, name: str, email: str | None = None, language: str | None = None, actor_id: str | None = None
) -> Member:
    """Record a contact at a company: the name is required, the e-mail to invite. Raises `Refusal`."""
    company = fresh(Company, company_id)
    check_supplier(company.organization_id)
    given, family = split_name(one_line(name, "name", 200))
    return add_member(
        company.organization_id,
        email=email or None,
        given_name=given,
        family_name=family,
        type="express",
        company_id=company_id,
        language=language,
        actor_id=actor_id,
    )


def invite_guest(member_id: str, *, actor_id: str | None = None) -> Invitation:
    """Invite a contact of a company, or again somebody whose access has ended. Raises `Refusal`: for others too."""
    if fresh(Member, member_id).type != "express":
        raise Refusal("member_unknown", _l("There is no such person."), status=404)
    return invite(member_id, actor_id=actor_id)


def invite_many(
    organization_id: str,
    company_id: str,
    rows: Sequence[GuestRow],
    *,
    key: str | None = None,
    actor_id: str | None = None,
) -> list[RowResult]:
    """Invite several people at a company in one act; one result per row, in their order.

    Rows of one address are one person. Contacts that carry an address are invited, others are added first; whoever has
    an open invitation is not mailed again. `key` names the act (128 random bits): the same act again answers with what
    it did, another one under its key is refused (409). Raises `Refusal` when no row can be done: not this supplier's
    company, no license of Onix Express, an Onix Work customer.
    """
    if len(rows) > MOST_ROWS:
        raise Refusal("too_many_rows", _l("These are too many people at once."), status=413)
    for normalized in sorted({address for row in rows if (address := addresses.normalized_or_none(row.email))}):
        lock_address(normalized)
    lock(organization_id)
    company = find_company(organization_id, company_id)
    asked = sha256(dumps([company_id, [asdict(row) for row in rows]]).encode()).hexdigest()
    batch_key = sha256(key.encode("utf-8", "surrogatepass")).hexdigest() if key else None
    if batch_key and (known := _known(organization_id, batch_key, asked)) is not None:
        return known
    check_supplier(organization_id)
    if express_status(company).work_customer:
        raise work_customer(company)
    customer = customers_of([company])[company.id]
    first: dict[str, int] = {}
    results = [_invite_row(number, row, company, customer, first, actor_id) for number, row in enumerate(rows, start=1)]
    if batch_key:
        db.session.add(
            InvitationBatch(
                organization_id=organization_id,
                key=batch_key,
                asked=asked,
                results={"rows": [_stored(result) for result in results]},
                created_at=clock.now(),
            )
        )
        db.session.flush()
    return results


def _invite_row(
    number: int, row: GuestRow, company: Company, customer: Customer, first: dict[str, int], actor_id: str | None
) -> RowResult:
    """One row, in a savepoint of its own: what is refused leaves nothing of it."""
    try:
        name = one_line(row.name, "name", 200, required=False) or ""
        normalized = addresses.parse(row.email).normalized
        if normalized in first:
            same_as = first[normalized]
            return RowResult(number, "duplicate", _said("duplicate", same_as), same_as=same_as)
        there = _there(company, customer, normalized)
        if there is not None and (outcome := _standing(there)):
            first[normalized] = number
            return RowResult(number, outcome, _said(outcome), member_id=there.id)
        if there is None and not name:
            raise Refusal("name_required", _l("Fill in the name."), field="name")
        with db.session.begin_nested():
            if there is None:
                there = add_contact(
                    company.id, name=name, email=row.email,
                    language=row.language if row.language in LANGUAGES else None, actor_id=actor_id,
                )  # fmt: skip
            invite(there.id, actor_id=actor_id)
    except Refusal as refusal:
        field = {"address": "email", "given_name": "name"}.get(refusal.field or "", refusal.field)
        message = _l("There is no place left.") if refusal.code == "no_place_left" else refusal.message
        return RowResult(number, refusal.code, message, field)
    first[normalized] = number
    return RowResult(number, "invited", _said("invited"), member_id=there.id)


def _there(company: Company, customer: Customer, normalized: str) -> Member | None:
    """The member of the customer that has this address: of this record before another one of the same customer."""
    if found := same_address(company.organization_id, company.id, normalized):
        return fresh(Member, found)
    for other in sorted(customer.company_ids - {company.id}):
        found = same_address(company.organization_id, other, normalized)
        if found and _standing(member := fresh(Member, found)) in ("already_user", "already_invited"):
            return member
    return None


def _standing(member: Member) -> str | None:
    """Why nothing is to be done about a member; None where it can be invited. Raises `Refusal` for a disabled one."""
    now = clock.now()
    if member.status == "disabled":
        raise Refusal(
            "member_disabled", _l("Is a user who was disabled. Enable the person instead."), status=409, field="email"
        )
    if member.status == "active":
        return None if member.terminates_at is not None and member.terminates_at <= now else "already_user"
    invited = select(Invitation.id).where(
        Invitation.member_id == member.id,
        Invitation.open_at(now),
    )
    return "already_invited" if member.status == "contact" and db.session.scalar(invited.limit(1)) else None


def _said(outcome: str, number: int | None = None) -> Any:
    if number is None:
        return _SAID[outcome]
    return _l("The same address as in row %(number)s: invited once.", number=number)


def _stored(result: RowResult) -> dict[str, Any]:
    return {**asdict(result), "message": str(result.message)}


def _known(organization_id: str, key: str, asked: str) -> list[RowResult] | None:
    """What this act has done already, or None. Raises `Refusal` for another act under its key."""
    row = db.session.scalar(
        select(InvitationBatch)
        .where(InvitationBatch.organization_id == organization_id, InvitationBatch.key == key)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    if row.asked != asked:
        raise Refusal("key_reused", _l("This was sent before with other people. Load the page again."), status=409)
    return [RowResult(**result) for result in row.results["rows"]]


def tidy(now: int) -> int:
    """Forget acts that are too old to be sent again."""
    return change(delete(InvitationBatch).where(InvitationBatch.created_at <= now - KEPT))


# The year without a sign-in ------------------------------------------------------------------------------------------


def counts_from(member: Member) -> int:
    """Since when a guest has not come, UTC seconds: its last use, or when it became a user or was kept."""
    return max(member.last_used_at or 0, member.active_since or member.created_at)


def keep_guest(member_id: str, *, actor_id: str | None = None) -> Member:
    """Keep a guest that has not come for long: its year begins anew. Raises `Refusal` for one that is no user."""
    member = lock_of(Member, member_id)
    now = clock.now()
    over = member.terminates_at is not None and member.terminates_at <= now
    if member.type != "express" or member.status != "active" or over:
        raise Refusal(
            "not_active", _l("The access of this person has ended. Invite the person again instead."), status=409
        )
    member.active_since, member.terminates_at, member.updated_at = now, None, now
    db.session.flush()
    tell(GuestKept, member, actor_id)
    return member


def announce_end(member_id: str, ends_at: int) -> None:
    """The last warning says when the guest ends; from then on that is so, whether or not a job comes by.

    Called behind the organization's lock, which the caller holds.
    """
    change(
        update(Member)
        .where(Member.id == member_id)
        .values(terminates_at=ends_at)
        .execution_options(synchronize_session=False)
    )
