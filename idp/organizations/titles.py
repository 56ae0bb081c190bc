"""What apps, editions, privileges and roles are called in the language of whoever reads.

What the catalog no longer has is called by its id, so that old rows still read.
"""

from __future__ import annotations

from collections.abc import Iterable

from idp.kernel import language

from .catalog import current_catalog
from .models import Role


def app_name(app_id: str) -> str:
    """An app by its name."""
    app = current_catalog().apps.get(app_id)
    return app.name if app else app_id


def edition_name(edition_id: str) -> str:
    """An edition by the name that it is sold under."""
    found = current_catalog().edition(edition_id)
    return found[1].name if found else edition_id


def privilege_title(name: str) -> str:
    """A privilege as people call it."""
    known = current_catalog().privilege(name)
    return known.title(language.shown()) if known else name


def role_title(role: Role) -> str:
    """A role as people call it: the system's have a title in the catalog."""
    return role_called(role.name, system=role.organization_id is None)


def role_called(name: str, *, system: bool) -> str:
    """The same of a role that is known by name alone."""
    known = current_catalog().roles.get(name) if system else None
    return known.title(language.shown()) if known else name


def roles_called(names: Iterable[str]) -> str:
    """Several roles of one organization, whose own roles never bear the name of one of the system's."""
    return ", ".join(role_called(name, system=True) for name in names)
