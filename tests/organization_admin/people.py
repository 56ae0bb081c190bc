"""An administrator of an organization in a browser without JavaScript, and what such a person does again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.forms import form_with, log_in, text_of

EVERYTHING = (
    "account:people.read", "account:people.manage", "account:licenses.read", "account:licenses.manage",
    "account:roles.manage",
)  # fmt: skip


@dataclass
class Desk:
    """A signed-in administrator (`account_id`, `member_id`) of the organization with this slug and id."""

    client: Any
    slug: str
    organization_id: str
    account_id: str
    member_id: str
    token: str

    def path(self, path: str = "people") -> str:
        return f"/org/{self.slug}/{path}"

    def reads(self, path: str = "people", status: int = 200) -> str:
        """The text of a page of the administration."""
        answer = self.client.get(self.path(path))
        assert answer.status_code == status, answer.status_code
        return text_of(answer.get_data(as_text=True))

    def sends(self, path: str, **values: Any) -> Any:
        """Posts to a page, as its form does; a list is a field that is sent several times."""
        return self.client.post(self.path(path), data={"csrf_token": self.token, **values})


def desk(app: Any, world: Any, slug: str = "here", *privileges: str, **organization: Any) -> Desk:
    """Makes the organization, if it is not there, and signs an administrator with these privileges in (all of them)."""
    from sqlalchemy import select

    from idp.kernel.database import db
    from idp.organizations.models import Organization

    with app.app_context():
        found = db.session.scalar(select(Organization.id).where(Organization.slug == slug))
    place = found or world.organization(slug, **organization)
    person = world.account()
    member = world.member(place, person.account_id, given_name="Ada", family_name="Berg", search_text="berg ada")
    world.role(place, {"account:access", *(privileges or EVERYTHING)}, members=[member])
    browser = app.test_client()
    log_in(browser, person.address, world.password)
    token = form_with(browser.get("/logout").get_data(as_text=True), "csrf_token").fields["csrf_token"]
    return Desk(browser, slug, place, person.account_id, member, token)
