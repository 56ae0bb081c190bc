"""Organizations as a column, a search and a field of every table of the zone Core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, select

from idp.accounts import records as accounts
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import (
    Field,
    Scope,
)
from idp.kernel.refusal import Refusal

from .. import service
from ..models import Organization
from .rights import ADDED

OWN = "client/self"
"""How *Records* calls the platform owner's own organization (the seed's word)."""


def called(organization: Organization) -> str:
    """The organization's name, or the seed's word for the platform's own."""
    return OWN if organization.kind == "self" else organization.name


def organizations_by_id(ids: set[str]) -> dict[str, Organization]:
    return {one.id: one for one in db.session.scalars(select(Organization).where(Organization.id.in_(ids)))}


def names_of(ids: set[str]) -> dict[str, str]:
    """What these organizations are called; one statement."""
    rows = db.session.execute(select(Organization.id, Organization.name).where(Organization.id.in_(ids)))
    return {str(one): str(name) for one, name in rows}


def found_in(text: str, column: Any) -> tuple[ColumnElement[bool], bool]:
    """Whether a column, the id of an organization, is of one that `text` means; and whether they are few.

    Rows of a few organizations are found by the column's index. One statement.
    """
    meant = select(Organization.id).where(contains(Organization.search_text, text))
    ids = db.session.scalars(meant.limit(accounts.FEW + 1)).all()
    if len(ids) <= accounts.FEW:
        return column.in_(ids), True
    return meant.where(Organization.id == column).exists(), False


def counted(column: Any, ids: Sequence[str], *where: Any) -> dict[str, int]:
    """How many rows there are for each id of the page; one statement."""
    rows = db.session.execute(select(column, func.count()).where(column.in_(ids), *where).group_by(column))
    return {str(one): int(count) for one, count in rows}


def place_of(typed: str, scope: Scope) -> str:
    """The id of an organization as it is typed: its short name, or client/self. Raises `Refusal` on the field."""
    text = typed.strip()
    found = service.own_organization() if text == OWN else service.find_organization(text)
    if found is None or scope.within not in (None, found.id):
        raise Refusal("organization_unknown", _l("There is no such organization."), status=404, field="organization")
    return found.id


PLACE = Field(
    "organization",
    _l("Organization"),
    required=True,
    hint=_l("The short name, as in its address; client/self is the platform's own."),
    initial=lambda _scope: OWN,
    kept=True,
    on=ADDED,
    longest=60,
)
