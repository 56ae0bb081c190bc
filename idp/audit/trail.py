"""Reading the trail: an organization's entries as plain sentences, and how many of what happened on which day.

An organization reads what concerns it, never what its people do elsewhere: only entries that name it, and when a
sign-in of somebody who uses it failed, but not from where or why. Who acted is named when it is one of its own people;
anybody else is the platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import selectinload

from idp.accounts.models import Account
from idp.kernel import language
from idp.kernel.database import db
from idp.kernel.listing import Sought, contains
from idp.oidc.clients import cached_client
from idp.organizations.models import Company, License, Member, Role
from idp.organizations.people import shown_as
from idp.organizations.policy import CODES, WITHOUT_ORGANIZATION
from idp.organizations.sentences import VOICES
from idp.organizations.titles import app_name, edition_name, privilege_title, role_called, role_title

from .models import AuditEntry

FEW = 50
"""Of so many people, at most, the entries are found by index."""

_SIGN_INS = ("AuthorizationOpened", "VerdictTold")
FAILED = "failed"
"""The one kind whose entries name no organization."""


@dataclass(frozen=True, slots=True)
class Told:
    """One entry for a person: when, what happened as a sentence, and what changed, from what to what."""

    id: str
    at: int
    sentence: str
    changes: tuple[tuple[str, str, str], ...]
    member_id: str | None
    address: str | None
    request_id: str | None


def entries_of(
    organization_id: str,
    *,
    person: str = "",
    member_id: str | None = None,
    app_id: str | None = None,
    kind: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Sought:
    """What concerns an organization. `person`: words of a name or address, of whoever acted or was acted on.

    `kind` is one of `KINDS`; `since` and `until` are UTC seconds, the second excluded. Where the words mean a few
    people, or one is named, their entries are found by index; what many are meant by, and an app, is looked for in the
    trail. One statement where `person` is given.
    """
    failed = kind == FAILED
    scope = select(AuditEntry).where(
        _failed_here(organization_id) if failed else AuditEntry.organization_id == organization_id
    )
    if since is not None:
        scope = scope.where(AuditEntry.at >= since)
    if until is not None:
        scope = scope.where(AuditEntry.at < until)
    narrowing = [_may_be_told()]
    few = False
    if person:
        which, few = _of_people(organization_id, person)
        narrowing.append(which)
    if member_id and failed:
        account = select(Member.account_id).where(Member.id == member_id, Member.organization_id == organization_id)
        narrowing.append(AuditEntry.account_id.in_(account))
    elif member_id:
        narrowing.append(AuditEntry.member_id == member_id)
    if app_id:
        narrowing.append(AuditEntry.app_ids.like(f"% {app_id} %"))
    if kind:
        narrowing.append(AuditEntry.event.in_(KINDS[kind][1]))
    return Sought(scope, tuple(narrowing), quick=few or bool(member_id))


def _of_people(organization_id: str, words: str) -> tuple[ColumnElement[bool], bool]:
    """Whether one of the people that the words mean acted or was acted on; and whether they are few."""
    meant = Member.organization_id == organization_id, contains(Member.search_text, words)
    found = db.session.execute(select(Member.id, Member.account_id).where(*meant).limit(FEW + 1)).all()
    if len(found) <= FEW:
        ids, accounts = [row.id for row in found], [row.account_id for row in found if row.account_id]
        return or_(
            AuditEntry.member_id.in_(ids), AuditEntry.actor_id.in_(accounts), AuditEntry.account_id.in_(accounts)
        ), True
    them = select(Member.id).where(*meant)
    return or_(
        them.where(Member.id == AuditEntry.member_id).exists(),
        them.where(Member.account_id == AuditEntry.actor_id).exists(),
        them.where(Member.account_id == AuditEntry.account_id).exists(),
    ), False


def _may_be_told() -> ColumnElement[bool]:
    """What is the organization's to know.

    Not that a contact has an account, before the person shares its own data. Not where somebody signed in who is no
    user of it, whatever organization was asked for: a stranger can ask for any.
    """
    contact = Member.status.in_(("contact", "ended")) & Member.last_used_at.is_(None)
    unshared = select(Member.id).where(Member.id == AuditEntry.member_id, contact).exists()
    elsewhere = AuditEntry.event.in_(_SIGN_INS) & AuditEntry.result.in_(WITHOUT_ORGANIZATION)
    return ~elsewhere & or_(AuditEntry.event != "MemberLinked", ~unshared)


def told(organization_id: str, entries: Iterable[AuditEntry]) -> list[Told]:
    """Entries of one organization as sentences in the language of whoever reads; at most four statements for all."""
    rows = list(entries)
    names = _Names(organization_id, rows)
    return [
        Told(
            id=row.id,
            at=row.at,
            sentence=_sentence(row, names),
            changes=tuple(_changes(row)),
            member_id=row.member_id,
            address=row.address if names.shares_address(row) else None,
            request_id=row.request_id,
        )
        for row in rows
    ]


def per_day(organization_id: str, starts: Sequence[int]) -> list[tuple[int, int]]:
    """(apps opened, failed sign-ins) for each of these days, of which each lasts until the next. Two statements.

    `starts` are the moments at which they begin, in UTC seconds, the earliest first; the last day has no end.
    """
    first = starts[0]
    day = case(*((AuditEntry.at >= start, number) for number, start in reversed(list(enumerate(starts))))).label("day")
    opened = select(day, func.count()).where(
        AuditEntry.organization_id == organization_id,
        AuditEntry.event == "AuthorizationOpened",
        AuditEntry.at >= first,
        _may_be_told(),
    )
    failed = select(day, func.count()).where(_failed_here(organization_id), AuditEntry.at >= first)
    counted: list[dict[int, int]] = [
        {int(number): count for number, count in db.session.execute(statement.group_by("day"))}
        for statement in (opened, failed)
    ]
    return [(counted[0].get(number, 0), counted[1].get(number, 0)) for number in range(len(starts))]


def _failed_here(organization_id: str) -> ColumnElement[bool]:
    """The failed sign-ins of the organization's users; whoever never came here fails elsewhere."""
    people = select(Member.account_id).where(
        Member.organization_id == organization_id,
        Member.account_id.is_not(None),
        Member.status == "active",
        Member.last_used_at.is_not(None),
    )
    return and_(AuditEntry.event == "SignInFailed", AuditEntry.account_id.in_(people))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tokens of one authorization told from `since` on (UTC seconds) until the next one.

    `privileges`: each with the roles that gave it; the edition of the license is the other half of the path.
    """

    since: int
    code: str | None
    edition: str | None
    privileges: tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class TokenPath:
    """For a token's `jti`: who, with which client, and what its tokens told, newest first."""

    person: str
    member_id: str | None
    client: str
    app_ids: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


def path_of_token(organization_id: str, jti: str) -> TokenPath | None:
    """Where the privileges of a token came from; None for what is no token of this organization.

    The `jti` begins with the authorization; its tokens tell one verdict until another is told, and each is in the trail
    with its path. Which one a token had follows from its `iat`.
    """
    rows = db.session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.authorization_id == jti.partition(".")[0],
            AuditEntry.organization_id == organization_id,
            AuditEntry.event.in_(_SIGN_INS),
            _may_be_told(),
        )
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(100)
    ).all()
    if not rows:
        return None
    names = _Names(organization_id, rows)
    client = cached_client(rows[0].client_id or "")
    return TokenPath(
        person=names.person(rows[0]),
        member_id=rows[0].member_id,
        client=client.name(language.shown()) if client else (rows[0].client_id or ""),
        app_ids=tuple(rows[0].app_ids.split()),
        verdicts=tuple(_verdict(row) for row in rows),
    )


def _verdict(row: AuditEntry) -> Verdict:
    path = row.data.get("path") or {}
    given: dict[str, list[str]] = {}
    for role, privileges in sorted((path.get("roles") or {}).items()):
        for privilege in privileges:
            given.setdefault(privilege, []).append(role)
    return Verdict(
        since=row.at,
        code=row.result if row.result in CODES else None,
        edition=edition_name(path["edition"]) if path.get("edition") else None,
        privileges=tuple(
            (name, privilege_title(name), tuple(role_called(role, system=True) for role in roles))
            for name, roles in sorted(given.items())
        ),
    )


class _Names:
    """What the ids of some entries are called, read with one statement for each kind."""

    def __init__(self, organization_id: str, rows: Sequence[AuditEntry]) -> None:
        accounts = {row.actor_id for row in rows} | {row.account_id for row in rows}
        members = {row.member_id for row in rows}
        self._people: dict[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._sharing: set[str] = set()
        found = db.session.execute(
            select(Member, Account)
            .outerjoin(Account, Account.id == Member.account_id)
            .where(
                Member.organization_id == organization_id,
                or_(Member.id.in_(members - {None}), Member.account_id.in_(accounts - {None})),
            )
            .options(selectinload(Account.emails))
        )
        for member, account in found:
            name = shown_as(member, account).name
            self._people[member.id] = name
            if member.account_id:
                self._accounts[member.account_id] = name
            if member.account_id and member.last_used_at is not None:
                self._sharing.add(member.account_id)
        wanted = {kind: {str(row.data[kind]) for row in rows if kind in row.data} for kind in _ROWS}
        self._rows = {
            kind: self._read(model, label, wanted[kind], organization_id)
            for kind, (model, label) in _ROWS.items()
            if wanted[kind]
        }

    @staticmethod
    def _read(model: Any, label: Callable[[Any], str], ids: set[str], organization_id: str) -> dict[str, str]:
        rows = db.session.scalars(
            select(model).where(
                model.id.in_(ids), or_(model.organization_id == organization_id, model.organization_id.is_(None))
            )
        )
        return {row.id: label(row) for row in rows}

    def actor(self, row: AuditEntry) -> str:
        if row.actor_id is None:
            return "Onix Account"
        return self._accounts.get(row.actor_id) or "Onix Work"

    def shares_address(self, row: AuditEntry) -> bool:
        """Whether where somebody acted from concerns the organization: one of its own people did something there."""
        own = self._accounts if row.event not in ("MemberLinked", *_SIGN_INS) else self._sharing
        return row.actor_id in own

    def person(self, row: AuditEntry) -> str:
        found = self._people.get(row.member_id or "") or self._accounts.get(row.account_id or "")
        return found or _("someone who is no longer here")

    def of(self, kind: str, row: AuditEntry) -> str:
        found = self._rows.get(kind, {}).get(str(row.data.get(kind)))
        kept = edition_name(str(row.data["edition"])) if "edition" in row.data else row.data.get("name")
        return found or (str(kept) if kept else _("one that is no longer here"))


_ROWS: Mapping[str, tuple[Any, Callable[[Any], str]]] = {
    "role_id": (Role, role_title),
    "license_id": (License, lambda row: edition_name(row.edition)),
    "company_id": (Company, lambda row: row.name),
}

SENTENCES: Mapping[str, Any] = {
    "OrganizationCreated": _l("%(actor)s created the organization."),
    "OrganizationChanged": _l("%(actor)s changed the organization."),
    "OrganizationDeleted": _l("%(actor)s deleted the organization."),
    "OrganizationSuspended": _l("%(actor)s suspended the organization."),
    "OrganizationResumed": _l("%(actor)s lifted the suspension of the organization."),
    "SecondFactorRequired": _l("%(actor)s asked the organization's people for a second factor."),
    "SecondFactorNotRequired": _l("%(actor)s no longer asks the organization's people for a second factor."),
    "CompanyAdded": _l("%(actor)s added the company %(company)s."),
    "CompanyChanged": _l("%(actor)s changed the company %(company)s."),
    "CompanyDeleted": _l("%(actor)s deleted the company %(company)s."),
    "MemberAdded": _l("%(actor)s added %(person)s."),
    "UserAdded": _l("%(actor)s made %(person)s a user."),
    "MemberEdited": _l("%(actor)s changed what is recorded about %(person)s."),
    "MemberActivated": _l("%(actor)s set %(person)s as Active."),
    "MemberSetContactOnly": _l("%(actor)s set %(person)s as Contact only."),
    "MemberDisabled": _l("%(actor)s disabled %(person)s."),
    "MemberEnabled": _l("%(actor)s enabled %(person)s."),
    "MemberEnded": _l("%(actor)s ended the membership of %(person)s."),
    "MemberEnded.left": _l("%(person)s left the organization."),
    "MemberEnded.inactive": _l("The membership of %(person)s ended after a year without a sign-in."),
    "GuestKept": _l("%(actor)s kept %(person)s as an Express user."),
    "InvitationReminded": _l("%(person)s was reminded of the invitation."),
    "InactivityWarned": _l("%(person)s was told when the Express access ends."),
    "GuestRequested": _l("Somebody asked for Express access."),
    "GuestRequestApproved": _l("%(actor)s approved a request for Express access."),
    "GuestRequestRejected": _l("%(actor)s rejected a request for Express access."),
    "MemberLinked": _l("%(person)s was linked to an account by proving the address."),
    "MemberInvited": _l("%(actor)s invited %(person)s."),
    "InvitationWithdrawn": _l("%(actor)s withdrew the invitation of %(person)s."),
    "InvitationAccepted": _l("%(person)s accepted the invitation."),
    "RoleCreated": _l("%(actor)s created the role %(role)s."),
    "RoleChanged": _l("%(actor)s changed the role %(role)s."),
    "RoleDeleted": _l("%(actor)s deleted the role %(role)s."),
    "SignInFailed": _l("A sign-in as %(person)s failed."),
    "RoleAssigned": _l("%(actor)s assigned the role %(role)s to %(person)s."),
    "RoleUnassigned": _l("%(actor)s took the role %(role)s from %(person)s."),
    "LicenseSold": _l("%(actor)s sold the license %(license)s to the organization."),
    "LicenseChanged": _l("%(actor)s changed the license %(license)s."),
    "LicenseDeleted": _l("%(actor)s deleted the license %(license)s."),
    "SeatAssigned": _l("%(actor)s assigned the license %(license)s to %(person)s."),
    "SeatUnassigned": _l("%(actor)s took the license %(license)s from %(person)s."),
    "AccessRequested": _l("%(person)s asked for access to %(app)s."),
    "AccessGranted": _l("%(actor)s gave %(person)s the requested access to %(app)s."),
    "AccessDeclined": _l("%(actor)s declined the request of %(person)s for %(app)s."),
    "AccessRequestClosed.opened": _l("The request of %(person)s for %(app)s was closed: the app is open."),
    "AccessRequestClosed.withdrawn": _l("%(person)s took the request for %(app)s back."),
    "AuthorizationOpened": _l("%(person)s signed in to %(client)s."),
    "AuthorizationOpened.denied": _l("%(person)s signed in to %(client)s and was denied access: %(code)s."),
    "VerdictTold": _l("%(client)s was told anew what %(person)s may do."),
    "VerdictTold.denied": _l("%(client)s was told that %(person)s has no access any more: %(code)s."),
    "ClientRegistered": _l("%(actor)s registered the client %(client)s."),
}
"""A sentence for every event that names an organization; also for `<event>.<result>` where the result says more.

`denied` stands for every code of a denial."""

KINDS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "sign-ins": (_l("Sign-ins to apps"), ("AuthorizationOpened",)),
    FAILED: (_l("Failed sign-ins"), ("SignInFailed",)),
    "verdicts": (_l("What apps were told"), ("VerdictTold",)),
    "people": (
        _l("People"),
        (
            "MemberAdded", "UserAdded", "MemberEdited", "MemberActivated", "MemberSetContactOnly", "MemberDisabled",
            "MemberEnabled", "MemberEnded", "MemberLinked", "MemberInvited", "InvitationAccepted", "InvitationReminded",
            "InvitationWithdrawn", "InactivityWarned", "GuestKept",
        ),
    ),
    "roles": (_l("Roles"), ("RoleCreated", "RoleChanged", "RoleDeleted", "RoleAssigned", "RoleUnassigned")),
    "licenses": (
        _l("Licenses"), ("LicenseSold", "LicenseChanged", "LicenseDeleted", "SeatAssigned", "SeatUnassigned"),
    ),
    "requests": (
        _l("Requests"),
        (
            "AccessRequested", "AccessGranted", "AccessDeclined", "AccessRequestClosed", "GuestRequested",
            "GuestRequestApproved", "GuestRequestRejected",
        ),
    ),
    "organization": (
        _l("The organization"),
        (
            "OrganizationCreated", "OrganizationChanged", "OrganizationDeleted", "OrganizationSuspended",
            "OrganizationResumed", "SecondFactorRequired", "SecondFactorNotRequired", "CompanyAdded", "CompanyChanged",
            "CompanyDeleted", "ClientRegistered",
        ),
    ),
}  # fmt: skip
"""What kind of thing happened, as the list is narrowed by: the words, and the events."""


def _sentence(row: AuditEntry, names: _Names) -> str:
    kind = "denied" if row.result in CODES else row.result
    pattern = SENTENCES.get(f"{row.event}.{kind}") or SENTENCES.get(row.event) or row.event
    client = cached_client(row.client_id) if row.client_id else None
    values = {
        "actor": names.actor(row),
        "person": names.person(row),
        "role": names.of("role_id", row),
        "license": names.of("license_id", row),
        "company": names.of("company_id", row),
        "app": ", ".join(app_name(app_id) for app_id in row.app_ids.split()) or _("an app"),
        "code": VOICES[row.result].clause if row.result in VOICES else row.result,
        "client": client.name(language.shown()) if client else (row.client_id or ""),
    }
    return str(str(pattern) % values)


FIELDS: Mapping[str, Any] = {
    "name": _l("Name"),
    "given_name": _l("First name"),
    "family_name": _l("Last name"),
    "email": _l("E-mail"),
    "phone_number": _l("Phone"),
    "language": _l("Language"),
    "picture": _l("Picture"),
    "signature": _l("Signature"),
    "organization_number": _l("Organization number"),
    "link": _l("Linked organization"),
    "seats": _l("Licenses bought"),
    "starts_at": _l("Starts"),
    "ends_at": _l("Ends"),
    "privileges": _l("Privileges"),
}


def _changes(row: AuditEntry) -> Iterable[tuple[str, str, str]]:
    """What changed: (field, before, after). Of personal data only the field is kept, so both are empty."""
    for field, values in sorted((row.data.get("changes") or {}).items()):
        before, after = values if isinstance(values, list) and len(values) == 2 else ("", "")
        yield str(FIELDS.get(field, field)), _value(field, before), _value(field, after)


def _value(field: str, value: Any) -> str:
    if value is None:
        return str(_("none"))
    if isinstance(value, list):
        return ", ".join(privilege_title(str(name)) for name in value) or str(_("none"))
    if field.endswith("_at") and isinstance(value, int):
        return language.on_date(value, "UTC")
    return str(value)
