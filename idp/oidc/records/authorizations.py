"""Authorization, and what goes with an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, or_, select

from idp.accounts import records as accounts
from idp.kernel import clock, language
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import Action, Belonging, Column, Filter, Pairs, Scope, Table, by_id
from idp.organizations import records as organizations

from .. import authorizations
from ..models import Authorization, Client, Consent
from .rights import PLATFORM


@dataclass(frozen=True, slots=True)
class AuthorizationRow:
    """An authorization with the names of its person and organization. `alive`: it stands."""

    authorization: Authorization
    person: str
    place: str
    alive: bool


def _authorization_rows(found: Sequence[Authorization], _scope: Scope) -> list[AuthorizationRow]:
    people = accounts.named({one.account_id for one in found if one.account_id})
    places, now = organizations.names_of({one.organization_id for one in found if one.organization_id}), clock.now()
    return [
        AuthorizationRow(
            one,
            people.get(one.account_id or "", one.sub),
            places.get(one.organization_id or "", ""),
            one.withdrawn_at is None and (one.expires_at is None or one.expires_at > now),
        )
        for one in found
    ]


def _authorization_facts(row: AuthorizationRow) -> Pairs:
    grant = row.authorization
    return (
        (_l("Person"), row.person),
        (_l("Client"), grant.client_id),
        (_l("Organization"), row.place),
        (_l("Scopes"), grant.scope),
        (_l("Kind"), _l("offline") if grant.offline else _l("ends with the session")),
        (_l("Told last"), grant.told or ""),
        (_l("Opened"), language.at_time(grant.created_at)),
        (
            _l("Withdrawn"),
            f"{language.at_time(grant.withdrawn_at)}, {grant.withdrawn_reason}" if grant.withdrawn_at else "",
        ),
        (_l("Id"), grant.id),
    )


def _withdraw(authorization_id: str, *, actor_id: str | None) -> None:
    authorizations.withdraw([authorization_id], "by_admin", actor_id=actor_id)


def _authorizations_by(text: str, _scope: Scope) -> ColumnElement[bool]:
    """By person or client; the few clients are looked up first. Two statements."""
    clients = db.session.scalars(select(Client.id).where(contains(func.lower(Client.id), text))).all()
    of_people = accounts.found_in(text, Authorization.account_id)[0]
    return or_(Authorization.client_id.in_(clients), of_people) if clients else of_people


AUTHORIZATION = Table(
    zone="protocol",
    name="authorization",
    title=_l("Authorization"),
    key=Authorization.id,
    read=PLATFORM,
    select=lambda _scope: select(Authorization),
    rows=_authorization_rows,
    columns=(
        Column("person", _l("Person"), lambda row: row.person),
        Column("client", _l("Client"), lambda row: row.authorization.client_id, sort=Authorization.client_id),
        Column("organization", _l("Organization"), lambda row: row.place),
        Column(
            "opened", _l("Opened"), lambda row: row.authorization.created_at, kind="time", sort=Authorization.created_at
        ),
        Column(
            "state",
            _l("Status"),
            lambda row: ("good", _l("In force")) if row.alive else ("plain", _l("Ended")),
            kind="state",
        ),
    ),
    sort="-opened",
    search=_authorizations_by,
    search_label=_l("Search by person or client"),
    filters=(
        Filter(
            "state",
            _l("Status"),
            lambda: (("alive", _l("In force")), ("ended", _l("Ended"))),
            lambda value: (
                Authorization.withdrawn_at.is_(None)
                & (Authorization.expires_at.is_(None) | (Authorization.expires_at > clock.now()))
                if value == "alive"
                else Authorization.withdrawn_at.is_not(None) | (Authorization.expires_at <= clock.now())
            ),
        ),
    ),
    facts=_authorization_facts,
    name_of=lambda row: f"{row.person}, {row.authorization.client_id}",
    actions=(
        Action(
            "withdraw",
            _l("Withdraw"),
            by_id(_withdraw),
            _l("The authorization is withdrawn: its tokens count no more."),
            right=PLATFORM,
            shown=lambda row: bool(row.alive),
        ),
    ),
    empty=_l("No client has been granted anything yet."),
)


AUTHORIZATIONS = Belonging(
    lambda account_id: (
        db.session.scalar(
            select(func.count())
            .select_from(Authorization)
            .where(Authorization.account_id == account_id, Authorization.withdrawn_at.is_(None))
        )
        or 0
    ),
    _l("%(num)s authorization, whose tokens count no more"),
    _l("%(num)s authorizations, whose tokens count no more"),
)


CONSENTS = Belonging(
    lambda account_id: (
        db.session.scalar(select(func.count()).select_from(Consent).where(Consent.account_id == account_id)) or 0
    ),
    _l("%(num)s consent that is remembered"),
    _l("%(num)s consents that are remembered"),
)
