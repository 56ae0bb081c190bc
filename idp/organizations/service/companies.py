"""Companies: a supplier's customers, and how many users each of them may have.

The limit is per customer, not per record: records that are linked to the same organization or carry the same
organization number count together, the linked organization's number too. It is looked at behind the supplier's lock,
by every way to become a user or to be invited, so that forty at once never get a place too many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select

from idp.kernel import clock, counters
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.listing import contains, fold
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from ..events import CompanyAdded, CompanyChanged, CompanyDeleted
from ..models import Company, Invitation, License, Member, Organization
from ..numbers import is_wrong, key_of, tidy
from .locking import expect, fresh, lock, lock_of
from .places import find_organization
from .telling import changes_of
from .typed import one_line

MOST_NUMBERS_A_DAY = 500
"""So many numbers and short names of companies may one supplier type in a day."""

EXPRESS, WORK = "express", "work"
MOST_ALIKE = 100
"""So many records whose names begin alike are looked through for one of the same name."""


@dataclass(frozen=True, slots=True)
class ExpressStatus:
    """How a company stands: whether it is an Onix Work customer, and its places with Onix Express.

    active and pending count the whole customer, which may have several records.
    """

    work_customer: bool
    active: int
    pending: int
    limit: int

    @property
    def taken(self) -> int:
        return self.active + self.pending

    @property
    def left(self) -> int:
        return max(self.limit - self.taken, 0)

    @property
    def without_users(self) -> bool:
        """Whether an order or inspection for it should offer to invite: no Work customer, and nobody active."""
        return not self.work_customer and self.active == 0


def is_supplier(organization_id: str) -> bool:
    """Whether the organization holds a current license of Onix Express."""
    return bool(db.session.scalar(select(_licensed(organization_id, EXPRESS))))


def supplier_called(slug: str, *, active: bool) -> Organization:
    """The supplier of this short name, exactly as it is written; `active`: only one that is not suspended. Raises
    `Refusal` (404) for everybody else alike."""
    found = find_organization(slug)
    if found is None or found.slug != slug or (active and found.status != "active") or not is_supplier(found.id):
        raise Refusal(
            "organization_unknown",
            _l("The address may be mistyped, or the link may be old. Ask whoever gave it to you for a new one."),
            status=404,
        )
    return found


def suppliers_among(organization_ids: Collection[str]) -> set[str]:
    """Those of these organizations that hold a current license of Onix Express; one statement."""
    supplies = select(Organization.id).where(Organization.id.in_(organization_ids), _licensed(Organization.id, EXPRESS))
    return set(db.session.scalars(supplies))


def check_supplier(organization_id: str) -> None:
    """Raises `Refusal` (403) for whoever has no current license of Onix Express."""
    if not is_supplier(organization_id):
        raise Refusal(
            "not_a_supplier", _l("This organization has no license of Onix Express at the moment."), status=403
        )


def _licensed(organization_id: Any, app_id: str) -> ColumnElement[bool]:
    now = clock.now()
    return exists().where(
        License.organization_id == organization_id,
        License.app_id == app_id,
        License.starts_at <= now,
        or_(License.ends_at.is_(None), License.ends_at > now),
    )


# Which records are one customer --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of a supplier: its records there, and the organizations that it is."""

    company_ids: frozenset[str]
    organization_ids: frozenset[str]


def customers_of(companies: Iterable[Company]) -> dict[str, Customer]:
    """The customer that each of these companies, of one supplier, is a record of; the same few statements for all."""
    found = {company.id: company for company in companies}
    organizations: dict[str, str | None] = {}
    supplier_ids = {company.organization_id for company in found.values()}
    if not found:
        return {}
    while True:  # each round adds what shares a number or a link with what is known; two are enough but for chains
        numbers = {company.number_key for company in found.values()} | set(organizations.values())
        numbers.discard(None)
        linked = {company.linked_organization_id for company in found.values() if company.linked_organization_id}
        more = dict(
            db.session.execute(
                select(Organization.id, Organization.number_key).where(
                    or_(Organization.id.in_(linked), Organization.number_key.in_(numbers)),
                    Organization.id.not_in(list(organizations)),
                )
            ).all()
        )
        organizations |= more
        known = set(numbers)
        numbers |= {number for number in more.values() if number}
        others = db.session.scalars(
            select(Company).where(
                Company.organization_id.in_(supplier_ids),
                or_(Company.linked_organization_id.in_(list(organizations)), Company.number_key.in_(numbers)),
                Company.id.not_in(list(found)),
            )
        ).all()
        found |= {company.id: company for company in others}
        if not others and numbers == known:
            return _grouped(found.values(), organizations)


def _grouped(companies: Iterable[Company], organizations: Mapping[str, str | None]) -> dict[str, Customer]:
    """Pure: those that are tied to one another by links and numbers."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for company in companies:
        top(f"company:{company.id}")
        for tie in (company.linked_organization_id and f"org:{company.linked_organization_id}",
                    company.number_key and f"number:{company.number_key}"):  # fmt: skip
            if tie:
                above[top(f"company:{company.id}")] = top(tie)
    for organization_id, number in organizations.items():
        if number:
            above[top(f"org:{organization_id}")] = top(f"number:{number}")
    members: dict[str, set[str]] = defaultdict(set)
    for name in list(above):
        members[top(name)].add(name)
    made = {
        root: Customer(
            frozenset(name.removeprefix("company:") for name in names if name.startswith("company:")),
            frozenset(name.removeprefix("org:") for name in names if name.startswith("org:")),
        )
        for root, names in members.items()
    }
    return {company_id: customer for customer in made.values() for company_id in customer.company_ids}


# Places --------------------------------------------------------------------------------------------------------------


def limit() -> int:
    """How many users and open invitations one customer may have."""
    return current_settings().express.users_per_customer


def express_statuses(companies: Sequence[Company]) -> dict[str, ExpressStatus]:
    """How each of these companies of one supplier stands, by id; a fixed number of statements."""
    customers = customers_of(companies)
    counts = _counts({one for customer in customers.values() for one in customer.company_ids})
    at_work = _work_customers({one for customer in customers.values() for one in customer.organization_ids})
    statuses = {}
    for company in companies:
        customer = customers[company.id]
        active, pending = (sum(counts.get(one, (0, 0))[place] for one in customer.company_ids) for place in (0, 1))
        statuses[company.id] = ExpressStatus(bool(customer.organization_ids & at_work), active, pending, limit())
    return statuses


def express_status(company: Company) -> ExpressStatus:
    """How one company stands."""
    return express_statuses([company])[company.id]


def _counts(company_ids: Collection[str], besides: str = "") -> dict[str, tuple[int, int]]:
    """Active users and open invitations by company; `besides`: a member who does not count."""
    now = clock.now()
    active = and_(Member.status == "active", or_(Member.terminates_at.is_(None), Member.terminates_at > now))
    invited = and_(
        Member.status == "contact",
        exists().where(
            Invitation.member_id == Member.id,
            Invitation.open_at(now),
        ),
    )
    rows = db.session.execute(
        select(Member.company_id, func.sum(case((active, 1), else_=0)), func.sum(case((invited, 1), else_=0)))
        .where(
            Member.company_id.in_(list(company_ids)),
            Member.type == "express",
            Member.status.in_(("active", "contact")),
            Member.id != besides,
        )
        .group_by(Member.company_id)
    )
    return {company_id: (int(users), int(waiting)) for company_id, users, waiting in rows}


def _work_customers(organization_ids: Collection[str]) -> set[str]:
    """Those of these organizations that have a current license of Onix Work."""
    if not organization_ids:
        return set()
    return set(
        db.session.scalars(
            select(Organization.id).where(Organization.id.in_(list(organization_ids)), _licensed(Organization.id, WORK))
        )
    )


def check_place(member: Member, *, invites: bool = True) -> None:
    """Refuse (409) one more user or invitation of a customer that has them all. Behind the supplier's lock.

    The member's own place is not counted. `invites`: it is offered access now, so a company that uses Onix Work itself
    is refused too, and so is an organization that is no supplier. Who is no Express guest needs no place.
    """
    if member.type == "express" and member.company_id is not None:
        if invites:
            check_supplier(member.organization_id)
        _check_room(fresh(Company, member.company_id), besides=member.id, invites=invites)


def _check_room(company: Company, *, besides: str, invites: bool) -> None:
    customer = customers_of([company])[company.id]
    if invites and _work_customers(customer.organization_ids):
        raise work_customer(company)
    taken = sum(users + waiting for users, waiting in _counts(customer.company_ids, besides).values())
    if taken >= limit():
        raise no_place_left(company)


def work_customer(company: Company) -> Refusal:
    return Refusal(
        "work_customer",
        _l(
            "%(company)s is an Onix Work customer. Its people get access in Onix Work, so they are not invited to "
            "Onix Express.",
            company=company.name,
        ),
        status=409,
        field="company",
    )


def no_place_left(company: Company) -> Refusal:
    return Refusal(
        "no_place_left",
        _l(
            "%(company)s has %(limit)s users and open invitations, and that is the most a customer can have. Withdraw "
            "an invitation or end a user first.",
            company=company.name,
            limit=limit(),
        ),
        status=409,
    )


# Changing ------------------------------------------------------------------------------------------------------------


def add_company(
    organization_id: str,
    name: str,
    *,
    organization_number: str | None = None,
    linked_organization_id: str | None = None,
    actor_id: str | None = None,
) -> Company:
    """Record a customer of a supplier; its organization number, if any, is unique per supplier. Raises `Refusal`."""
    lock(organization_id)
    number = _number(organization_number)
    _check_number(organization_id, number)
    if linked_organization_id is not None:
        _check_link(organization_id, linked_organization_id)
    now = clock.now()
    company = Company(
        organization_id=organization_id,
        name=one_line(name, "name", 200),
        organization_number=number,
        linked_organization_id=linked_organization_id,
        created_at=now,
    )
    db.session.add(company)
    db.session.flush()
    emit(CompanyAdded(at=now, actor_id=actor_id, organization_id=organization_id, company_id=company.id))
    return company


def create_company(
    organization_id: str, name: str, *, organization_number: str | None = None, actor_id: str | None = None
) -> Company:
    """Record a customer as a person types it: a Norwegian number has to be right, and it is no second record of one.

    Raises `Refusal`.
    """
    lock(organization_id)
    _check_typed(organization_number)
    number = _number(organization_number)
    _check_number(organization_id, number)
    _check_name(organization_id, one_line(name, "name", 200), number)
    return add_company(organization_id, name, organization_number=number, actor_id=actor_id)


def edit_company(
    company_id: str,
    *,
    name: str,
    organization_number: str | None = None,
    version: int | None = None,
    actor_id: str | None = None,
) -> Company:
    """Give a company another name or number. Raises `Refusal`. `version`: of the row that the editor saw."""
    company = lock_of(Company, company_id)
    expect(company, version)
    number, name = _number(organization_number), one_line(name, "name", 200)
    if number != company.organization_number:
        _check_typed(number)
        _check_number(company.organization_id, number, but=company_id)
    if number != company.organization_number or fold(name) != fold(company.name):
        _check_name(company.organization_id, name, number, but=company_id)
    before, was = _written(company), express_status(company).taken
    company.name = name
    company.organization_number = number
    return _changed(company, before, was, actor_id)


def link_company(
    company_id: str, linked_organization_id: str | None, *, version: int | None = None, actor_id: str | None = None
) -> Company:
    """Say which organization of the platform a company is; None: it is none. Raises `Refusal`."""
    company = lock_of(Company, company_id)
    expect(company, version)
    if linked_organization_id is not None:
        _check_link(company.organization_id, linked_organization_id)
    before, was = _written(company), express_status(company).taken
    company.linked_organization_id = linked_organization_id
    return _changed(company, before, was, actor_id)


def _changed(company: Company, before: Mapping[str, Any], was: int, actor_id: str | None) -> Company:
    """Write it down, unless two records became one customer that has more users than one may have."""
    changes = changes_of(before, _written(company))
    db.session.flush()
    if not changes:
        return company
    together = express_status(company)
    if together.taken > max(was, together.limit):
        raise Refusal(
            "too_many_together",
            _l(
                "With this, several of your companies are one customer, which would have %(taken)s users and open "
                "invitations together. The most is %(limit)s: withdraw or end some first.",
                taken=together.taken,
                limit=together.limit,
            ),
            status=409,
        )
    emit(
        CompanyChanged(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=company.organization_id,
            company_id=company.id,
            changes=changes,
        )
    )
    return company


def delete_company(company_id: str, *, version: int | None = None, actor_id: str | None = None) -> None:
    """Delete a company that nobody is or was a user for. Its contacts and their open invitations go with it.

    Raises `Refusal` (409) for one with users, also disabled and ended ones: documents were read in its name.
    """
    company = lock_of(Company, company_id)
    expect(company, version)
    used = select(Member.id).where(Member.company_id == company_id, Member.status != "contact").limit(1)
    if db.session.scalar(used):
        raise Refusal(
            "company_in_use",
            _l("%(company)s has or had users, so it can't be deleted.", company=company.name),
            status=409,
        )
    emit(
        CompanyDeleted(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=company.organization_id,
            company_id=company.id,
            name=company.name,
        )
    )
    db.session.delete(company)
    db.session.flush()


def _number(typed: str | None) -> str | None:
    number = one_line(typed, "organization_number", 40, required=False)
    return one_line(tidy(number), "organization_number", 20) if number else None


def _check_typed(number: str | None) -> None:
    if number and is_wrong(number):
        raise Refusal(
            "number_wrong",
            _l("This is not a Norwegian organization number: its nine digits don't fit together. Look again."),
            field="organization_number",
        )


def _check_number(organization_id: str, number: str | None, *, but: str = "") -> None:
    key = key_of(number)
    if key and db.session.scalar(
        select(Company.id).where(
            Company.organization_id == organization_id, Company.number_key == key, Company.id != but
        )
    ):
        raise Refusal(
            "company_exists",
            _l("There already is a company with this organization number."),
            status=409,
            field="organization_number",
        )


def _check_name(organization_id: str, name: str, number: str | None, *, but: str = "") -> None:
    """Two customers may have one name where their numbers tell them apart; otherwise it is a second record of one."""
    wanted = fold(name)
    alike = db.session.scalars(
        select(Company)
        .where(
            Company.organization_id == organization_id,
            Company.id != but,
            or_(Company.search_text == wanted, Company.search_text.startswith(f"{wanted} ", autoescape=True)),
        )
        .order_by(Company.search_text, Company.id)
        .limit(MOST_ALIKE)
    )
    if any(fold(one.name) == wanted and not (key_of(number) and one.number_key) for one in alike):
        raise Refusal(
            "company_exists",
            _l(
                "There already is a company of this name. If this is another one, give both their organization numbers."
            ),
            status=409,
            field="name",
        )


def _check_link(organization_id: str, linked_organization_id: str) -> None:
    if fresh(Organization, linked_organization_id).id == organization_id:
        raise Refusal("linked_to_itself", _l("A company can't be your own organization."), status=409, field="link")


def _written(company: Company) -> dict[str, Any]:
    linked = db.session.get(Organization, company.linked_organization_id) if company.linked_organization_id else None
    return {
        "name": company.name,
        "organization_number": company.organization_number,
        "link": linked.name if linked else None,
    }


# Finding -------------------------------------------------------------------------------------------------------------


def find_company(organization_id: str, company_id: str) -> Company:
    """A company of this supplier. Raises `Refusal` (404) for every other id alike."""
    company = db.session.get(Company, company_id, populate_existing=True)
    if company is None or company.organization_id != organization_id:
        raise Refusal("company_unknown", _l("There is no such company."), status=404, field="company")
    return company


def searched(query: str) -> ColumnElement[bool]:
    """Companies whose name or number holds every word of `query`; a number may be typed with blanks or without."""
    by_text = contains(Company.search_text, query)
    key = key_of(query)
    return or_(by_text, Company.number_key == key) if key and key.isdecimal() else by_text


def find_to_link(company: Company, typed: str) -> Organization:
    """The organization of exactly this organization number or short name: nobody may browse the platform's customers.

    Raises `Refusal` (404), the same whether there is none or it is the platform's own.
    """
    wanted = one_line(typed, "link", 60)
    key = key_of(wanted)
    found = db.session.scalars(
        select(Organization)
        .where(
            or_(Organization.slug == wanted.lower(), Organization.number_key == key if key else false()),
            Organization.kind == "customer",
            Organization.id != company.organization_id,
        )
        .order_by(Organization.slug != wanted.lower(), Organization.created_at, Organization.id)
        .limit(1)
    ).first()
    if found is None:
        raise Refusal(
            "organization_unknown",
            _l("No organization has this organization number or short name."),
            status=404,
            field="link",
        )
    return found


def admit_number(organization_id: str, typed: str | None) -> None:
    """Count one more number or short name that this supplier types of a company; nothing where none is typed.

    The answer may tell that this company is a customer of the platform (docs/decisions/0039). Call it outside a unit.
    Raises `Refusal` (429) above `MOST_NUMBERS_A_DAY`.
    """
    if (typed or "").strip():
        counters.admit(
            "company_number",
            organization_id,
            window=86400,
            limit=MOST_NUMBERS_A_DAY,
            code="too_many_numbers",
            message=_l("Many organization numbers were typed today. Go on tomorrow, or leave the number out for now."),
        )
