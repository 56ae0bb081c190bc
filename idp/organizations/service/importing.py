"""Many people from a table: what each row would do, and doing it. Repeating a table changes nothing.

An import adds people and completes those who are there: it fills in what is empty, invites, sets Active and assigns
roles. It takes nothing away from anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.accounts import addresses
from idp.accounts.models import EmailAddress
from idp.accounts.policy import phone_number
from idp.kernel import clock, language
from idp.kernel.database import db
from idp.kernel.listing import fold
from idp.kernel.refusal import Refusal

from ..models import Invitation, Member, MemberRole
from .holdings import add_person, change_holdings
from .invitations import invite
from .locking import lock_of
from .members import edit_member
from .typed import one_line

Verdict = Literal["new", "changed", "same", "merged", "bad"]
PORTION = 500
FILLED = ("given_name", "family_name", "phone_number", "language")
"""What a row fills in where the member has nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table, understood. `state`: contact, active, invite, another state's name, or None: not said.

    `problem` is the sentence why the row can't be imported.
    """

    number: int
    given_name: str = ""
    family_name: str = ""
    email: str | None = None
    normalized: str | None = None
    phone_number: str | None = None
    language: str | None = None
    state: str | None = None
    role_ids: frozenset[str] = frozenset()
    problem: Any = None

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.given_name, self.family_name) if part)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a row would do. `merged`: it is the same person as the row on line `same_as`, which has taken it in.

    `member_id`: whom it is about, if that person is there already.
    """

    line: Line
    verdict: Verdict
    problem: Any = None
    member_id: str | None = None
    same_as: int | None = None


def understand(number: int, cells: Mapping[str, str], states: Mapping[str, str], roles: Mapping[str, str]) -> Line:
    """Read one row's cells. `states` and `roles` give by folded word the state's name and the role's id."""
    try:
        return _understood(number, cells, states, roles)
    except Refusal as refusal:
        email, names = cells.get("email", "")[:254], [cells.get(name, "")[:100] for name in FILLED[:2]]
        return Line(number, given_name=names[0], family_name=names[1], email=email, problem=refusal.message)


def _understood(number: int, cells: Mapping[str, str], states: Mapping[str, str], roles: Mapping[str, str]) -> Line:
    given = one_line(cells.get("given_name"), "given_name", 100, required=False) or ""
    family = one_line(cells.get("family_name"), "family_name", 100, required=False) or ""
    found = addresses.parse(cells["email"]) if cells.get("email") else None
    if not (given or family or found):
        raise Refusal("required", _l("There is no name and no e-mail."))
    try:
        phone = phone_number(cells.get("phone_number"))
    except ValueError:
        raise Refusal("phone_invalid", _l("Enter a phone number, like +47 22 33 44 55.")) from None
    return Line(
        number=number,
        given_name=given,
        family_name=family,
        email=found.address if found else None,
        normalized=found.normalized if found else None,
        phone_number=phone,
        language=_language(cells.get("language", "")),
        state=_state(cells.get("state", ""), states),
        role_ids=_roles(cells.get("roles", ""), roles),
    )


def _state(typed: str, states: Mapping[str, str]) -> str | None:
    if not typed:
        return None
    if fold(typed) not in states:
        raise Refusal("status_invalid", _l("The state has to be Contact only, Active or Invite."))
    return states[fold(typed)]


def _language(typed: str) -> str | None:
    if not typed:
        return None
    names = {fold(name): code for code, name in language.LANGUAGES.items()}
    names |= {"engelsk": "en", "norwegian": "nb", "norsk": "nb", "bokmål": "nb"}
    found = names.get(fold(typed)) or language.match(typed)
    if found is None:
        raise Refusal("language_unknown", _l("The language has to be English or Norsk (bokmål)."))
    return found


def _roles(typed: str, roles: Mapping[str, str]) -> frozenset[str]:
    """Names of roles, separated by semicolons, lines or commas; a comma may also stand in a name."""
    found: set[str] = set()
    for part in typed.replace("|", ";").replace("\n", ";").split(";"):
        for name in [part] if fold(part) in roles else part.split(","):
            if not name.strip():
                continue
            if fold(name) not in roles:
                message = _l("There is no role named %(name)s.", name=name.strip()[:100])
                raise Refusal("role_unknown", message, field="role")
            found.add(roles[fold(name)])
    return frozenset(found)


def judge(organization_id: str, lines: Sequence[Line]) -> list[Judged]:
    """What each row would do, in their order. Writes nothing."""
    merged, taken = _merged(lines)
    members = _known_members(organization_id, merged.values())
    invited, held = _invited(members.values()), _held(members.values())
    judged = []
    for line in lines:
        if line.problem is not None:
            judged.append(Judged(line, "bad", line.problem))
        elif line.number in taken:
            judged.append(Judged(line, "merged", same_as=taken[line.number]))
        else:
            judged.append(_judged(merged[line.number], members, invited, held))
    return judged


def _merged(lines: Iterable[Line]) -> tuple[dict[int, Line], dict[int, int]]:
    """Rows of one person made one: the rows by number, and which rows went into which."""
    kept: dict[int, Line] = {}
    first: dict[str, int] = {}
    taken: dict[int, int] = {}
    for line in lines:
        if line.problem is not None:
            continue
        key = _key(line)
        if key not in first:
            first[key], kept[line.number] = line.number, line
            continue
        earlier = kept[first[key]]
        filled = {name: getattr(earlier, name) or getattr(line, name) for name in FILLED}
        state = _further(earlier.state, line.state)
        kept[first[key]] = replace(earlier, **filled, state=state, role_ids=earlier.role_ids | line.role_ids)
        taken[line.number] = first[key]
    return kept, taken


def _further(first: str | None, second: str | None) -> str | None:
    """Of two states that are asked for one person the one that asks for more."""
    order = ("contact", None, "invite", "active")
    return max(first, second, key=order.index) if first in order and second in order else first


def _key(line: Line) -> str:
    return line.normalized or fold(line.family_name, line.given_name)


def _known_members(organization_id: str, lines: Iterable[Line]) -> dict[str, Member]:
    """The members that the rows are about: by address, also one that the member's account has proven if the person
    has shared its own data (`members.same_address`), or by name where neither has an address."""
    found: dict[str, Member] = {}
    here = select(Member).where(Member.organization_id == organization_id, Member.company_id.is_(None))
    for keys in _portions([line.normalized for line in lines if line.normalized]):
        owned = db.session.execute(
            select(EmailAddress.account_id, EmailAddress.normalized).where(
                EmailAddress.normalized.in_(keys), EmailAddress.verified_at.is_not(None)
            )
        ).all()
        of_accounts = here.where(
            Member.account_id.in_([account_id for account_id, _address in owned]), Member.last_used_at.is_not(None)
        )
        by_account = {member.account_id: member for member in db.session.scalars(of_accounts)}
        found |= {address: by_account[account_id] for account_id, address in owned if account_id in by_account}
        ordered = here.where(Member.email_normalized.in_(keys)).order_by(Member.status == "ended", Member.id)
        for member in db.session.scalars(ordered):
            found.setdefault(member.email_normalized or "", member)
    for keys in _portions([_key(line) for line in lines if not line.normalized]):
        nameless = here.where(Member.search_text.in_(keys), Member.email.is_(None))
        for member in db.session.scalars(nameless.order_by(Member.id)):
            found.setdefault(member.search_text, member)
    return found


def _portions(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (keys[start : start + PORTION] for start in range(0, len(keys), PORTION))


def _invited(members: Iterable[Member]) -> set[str]:
    """Those with an invitation that can still be accepted."""
    found: set[str] = set()
    for ids in _portions([member.id for member in members]):
        found.update(
            db.session.scalars(
                select(Invitation.member_id).where(
                    Invitation.member_id.in_(ids),
                    Invitation.open_at(clock.now()),
                )
            )
        )
    return found


def _held(members: Iterable[Member]) -> set[tuple[str, str]]:
    """(member, role) of what is held."""
    found: set[tuple[str, str]] = set()
    for ids in _portions([member.id for member in members]):
        rows = db.session.execute(select(MemberRole.member_id, MemberRole.role_id).where(MemberRole.member_id.in_(ids)))
        found.update((member_id, role_id) for member_id, role_id in rows)
    return found


def _judged(line: Line, members: Mapping[str, Member], invited: set[str], held: set[tuple[str, str]]) -> Judged:
    member = members.get(_key(line))
    problem = _problem(line, member)
    if problem is not None:
        return Judged(line, "bad", problem, member.id if member else None)
    if member is None:
        return Judged(line, "new")
    changes = (
        any(getattr(line, name) and not getattr(member, name) for name in FILLED)
        or (line.state == "active" and member.status == "contact")
        or (line.state == "invite" and member.status == "contact" and member.id not in invited)
        or any((member.id, role_id) not in held for role_id in line.role_ids)
    )
    return Judged(line, "changed" if changes else "same", member_id=member.id)


def _problem(line: Line, member: Member | None) -> Any:
    """Why a row can't be imported, or None."""
    status = member.status if member else "contact"
    if line.state not in ("contact", "active", "invite", None) and line.state != status:
        return _l("An import makes contacts, users and invitations. Do this on the person's page.")
    if line.state in ("active", "invite") and not line.email and status == "contact":
        return _l("Active and an invitation need an e-mail address.")
    if status == "ended":
        return (
            None if line.state == "ended" else _l("This person's membership is ended. Invite them again on their page.")
        )
    if line.state == "contact" and status != "contact":
        return _l("This person is a user already. An import takes nothing away.")
    if line.role_ids and line.state != "active" and status == "contact":
        return _l("A contact has no role. Write Active as the status, or leave the roles out.")
    return None


def import_line(organization_id: str, judged: Judged, *, actor_id: str | None = None) -> None:
    """Do what a row was judged to do. Raises `Refusal`."""
    line = judged.line
    if judged.verdict == "new":
        add_person(
            organization_id,
            state=line.state or "contact",
            given_name=line.given_name,
            family_name=line.family_name,
            email=line.email,
            phone_number=line.phone_number,
            language=line.language,
            role_ids=line.role_ids,
            actor_id=actor_id,
        )
    elif judged.verdict == "changed" and judged.member_id is not None:
        _complete(judged.member_id, line, actor_id)


def _complete(member_id: str, line: Line, actor_id: str | None) -> None:
    member = lock_of(Member, member_id)
    filled = {name: getattr(member, name) or getattr(line, name) for name in FILLED}
    if any(filled[name] != getattr(member, name) for name in FILLED):
        edit_member(member_id, **filled, email=member.email, actor_id=actor_id)
    activate = line.state == "active" and member.status == "contact"
    if activate or line.role_ids:
        change_holdings(member_id, assign_roles=line.role_ids, activate=activate, actor_id=actor_id)
    if line.state == "invite" and member.status == "contact" and not _invited([member]):
        invite(member_id, actor_id=actor_id)
