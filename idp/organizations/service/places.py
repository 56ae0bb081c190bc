"""Organizations: made, named, suspended."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from ..events import (
    OrganizationChanged,
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationResumed,
    OrganizationSuspended,
    SecondFactorNotRequired,
    SecondFactorRequired,
)
from ..models import License, Member, Organization
from .locking import expect, lock
from .telling import changes_of
from .typed import one_line

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def find_organization(slug_or_id: str) -> Organization | None:
    """The organization of this slug or id."""
    return db.session.scalar(
        select(Organization).where(or_(Organization.slug == slug_or_id, Organization.id == slug_or_id))
    )


def own_organization() -> Organization | None:
    """The platform owner's own organization (`self`), once it has been made."""
    return db.session.scalar(select(Organization).where(Organization.kind == "self"))


def create_organization(
    slug: str,
    name: str,
    *,
    kind: str = "customer",
    directory: str | None = None,
    organization_number: str | None = None,
    actor_id: str | None = None,
) -> Organization:
    """Make a tenant. `directory` names the outside directory that owns it. Raises `Refusal`."""
    if len(slug) > 60 or not _SLUG.fullmatch(slug):
        raise Refusal("slug_invalid", _l("Use small letters, digits and single hyphens."), field="slug")
    if kind not in ("customer", "self"):
        raise Refusal("kind_invalid", _l("There is no such kind of organization."), field="kind")
    if db.session.scalar(select(Organization.id).where(Organization.slug == slug)):
        raise Refusal("slug_taken", _l("Another organization has this short name."), status=409, field="slug")
    if kind == "self" and db.session.scalar(select(Organization.id).where(Organization.kind == "self")):
        raise Refusal("self_taken", _l("The platform already has an organization of its own."), status=409)
    now = clock.now()
    organization = Organization(
        slug=slug,
        name=one_line(name, "name", 200),
        kind=kind,
        directory=directory,
        organization_number=one_line(organization_number, "organization_number", 20, required=False),
        created_at=now,
    )
    db.session.add(organization)
    db.session.flush()
    emit(OrganizationCreated(at=now, actor_id=actor_id, organization_id=organization.id))
    return organization


def change_organization(
    organization_id: str,
    *,
    name: str,
    organization_number: str | None = None,
    version: int | None = None,
    actor_id: str | None = None,
) -> Organization:
    """Give it another name or number; its short name stays, for addresses are made of it. Raises `Refusal`.

    `version`: of the row that the editor saw.
    """
    organization = lock(organization_id)
    expect(organization, version)
    before = _named(organization)
    organization.name = one_line(name, "name", 200)
    organization.organization_number = one_line(organization_number, "organization_number", 20, required=False)
    changes = changes_of(before, _named(organization))
    if changes:
        db.session.flush()
        emit(OrganizationChanged(at=clock.now(), actor_id=actor_id, organization_id=organization_id, changes=changes))
    return organization


def _named(organization: Organization) -> dict[str, Any]:
    return {"name": organization.name, "organization_number": organization.organization_number}


def delete_organization(organization_id: str, *, actor_id: str | None = None) -> None:
    """Delete an organization that nobody ever used: one with members or licenses is refused and can be suspended."""
    organization = lock(organization_id)
    if organization.kind == "self":
        raise Refusal("self_needed", _l("The platform's own organization can't be deleted."), status=409)
    kept = (
        select(func.count()).select_from(model).where(model.organization_id == organization_id).scalar_subquery()
        for model in (Member, License)
    )
    if any(db.session.execute(select(*kept)).one()):
        raise Refusal(
            "organization_in_use",
            _l("The organization has people or licenses. Suspend it instead."),
            status=409,
        )
    emit(OrganizationDeleted(at=clock.now(), actor_id=actor_id, organization_id=organization_id))
    db.session.delete(organization)
    db.session.flush()


def suspend_organization(organization_id: str, *, why: str = "", actor_id: str | None = None) -> Organization:
    """Nobody can use it until it is resumed. `why` goes to the audit trail. Raises `Refusal` for the platform's own."""
    organization = lock(organization_id)
    why = one_line(why, "why", 300, required=False) or ""
    if organization.kind == "self":
        raise Refusal("self_needed", _l("The platform's own organization can't be suspended."), status=409)
    if organization.status != "suspended":
        organization.status = "suspended"
        db.session.flush()
        emit(OrganizationSuspended(at=clock.now(), actor_id=actor_id, organization_id=organization_id, why=why or None))
    return organization


def resume_organization(organization_id: str, *, why: str = "", actor_id: str | None = None) -> Organization:
    """Lift a suspension. `why` goes to the audit trail."""
    organization = lock(organization_id)
    why = one_line(why, "why", 300, required=False) or ""
    if organization.status != "active":
        organization.status = "active"
        db.session.flush()
        emit(OrganizationResumed(at=clock.now(), actor_id=actor_id, organization_id=organization_id, why=why or None))
    return organization


def require_second_factor(organization_id: str, required: bool, *, actor_id: str | None = None) -> Organization:
    """Ask the organization's people for two factors, or no longer. Doing it twice is no error.

    Sign-ins that were done with one stop counting for its apps (`oidc.authorizations.too_weak`); each app signs its
    people in anew, who show the second factor or set one up. Raises `Refusal` (404).
    """
    organization = lock(organization_id)
    if organization.second_factor_required != required:
        organization.second_factor_required = required
        db.session.flush()
        event = SecondFactorRequired if required else SecondFactorNotRequired
        emit(event(at=clock.now(), actor_id=actor_id, organization_id=organization_id))
    return organization
