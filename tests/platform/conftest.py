"""The platform's own organization, its administrators, and a browser that is signed in as one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from idp.kernel.database import unit_of_work
from idp.organizations import service
from idp.organizations.catalog import current_catalog
from tests.support.forms import form_with, forms_of, log_in, text_of

ADMIN, LICENSES, KEYS = "account:platform.admin", "account:platform.licenses", "account:platform.keys"
READS, WRITES = "oneoffice:admin.read", "oneoffice:admin.write"


@dataclass
class Office:
    """`own` is the platform's own organization, `connex` a directory's; `roles` the system's by name."""

    app: Any
    world: Any
    own: str
    connex: str
    license: str
    roles: dict[str, str] = field(default_factory=dict)

    def operator(self, *privileges: str, seat: bool = True) -> Any:
        """Somebody of the platform's own organization with exactly these privileges, and a seat of OneOffice."""
        person = self.world.account()
        member = self.world.member(self.own, person.account_id, email=person.address)
        self.world.role(self.own, {"account:access", "oneoffice:access", *privileges}, members=[member])
        if seat:
            self.world.license(self.own, "oneoffice:standard", holders=[member])
        return person

    def browser(self, person: Any) -> Browser:
        made = Browser(self.app.test_client())
        log_in(made.client, person.address, self.world.password)
        return made

    def signed_in(self, *privileges: str) -> Browser:
        """A browser in which somebody with these privileges is signed in."""
        return self.browser(self.operator(*privileges))


class Browser:
    """A person's hands: pages are read, their forms filled in and sent."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def reads(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("Location"))
        return text_of(answer.get_data(as_text=True))

    def token(self) -> str:
        page = self.client.get("/logout").get_data(as_text=True)
        return form_with(page, "csrf_token").fields["csrf_token"]

    def post(self, path: str, **values: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.token(), **values})

    def sends(self, path: str, action: str | None = None, **values: Any) -> Any:
        """Fills in the form of this page that posts to `action` (by default the page's own address) and sends it."""
        page = self.client.get(path).get_data(as_text=True)
        form = next(
            one for one in forms_of(page, path) if one.method == "post" and one.action == (action or path.split("?")[0])
        )
        return self.client.post(form.action, data={**form.fields, **values})


@pytest.fixture
def office(app: Any, world: Any) -> Office:
    with app.app_context(), unit_of_work():
        service.sync_system_roles(current_catalog())
    own = world.organization("onix-works", name="Onix Works AS", kind="self")
    connex = world.organization("connex", name="ConneX", directory="connex")
    with app.app_context():
        roles = {name: service.find_role(name).id for name in current_catalog().roles}  # type: ignore[union-attr]
    return Office(app, world, own, connex, world.license(own, "oneoffice:standard", seats=5), roles)


@pytest.fixture
def inside(app: Any) -> Callable[..., Any]:
    """`inside(verb, …)` calls a service in a unit of its own."""

    def call(verb: Callable[..., Any], *args: Any, **values: Any) -> Any:
        with app.app_context(), unit_of_work():
            return verb(*args, **values)

    return call
