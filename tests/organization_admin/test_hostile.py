"""What a hostile administrator might try: to learn whose an address is, or what people do elsewhere; to mail somebody
without end; to act on others than it was shown."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts.models import EmailAddress
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.oidc.events import AuthorizationOpened
from idp.organizations import service
from idp.organizations.models import AccessRequest, Member
from idp.organizations.service.standing import TOGETHER
from idp.outbox.models import Delivery
from tests.support.forms import form_with, text_of

from .people import EVERYTHING, Desk, desk

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def here(app: Any, world: Any) -> Desk:
    return desk(app, world, "here", *EVERYTHING, "account:audit.read")


def _second_address(app: Any, account_id: str, address: str) -> None:
    with app.app_context(), unit_of_work() as session:
        session.add(
            EmailAddress(
                account_id=account_id,
                address=address,
                normalized=address,
                is_primary=False,
                verified_at=1,
                created_at=1,
            )
        )


def _added(app: Any, here: Desk, email: str, state: str = "contact") -> str:
    answer = here.sends("people/new", given_name="Typed", email=email, state=state)
    assert answer.status_code == 303, text_of(answer.get_data(as_text=True))
    return str(answer.headers["Location"].rpartition("/")[2])


def test_nothing_tells_whether_a_contact_s_address_has_an_account(app: Any, world: Any, here: Desk) -> None:
    """Not the pages, the reports, the exports or the trail: they say the same of both, but for ids and the address."""
    known = world.account("known@work.example", given_name="Truthfully", family_name="Name").address
    told = {}
    for address in (known, "nobody@work.example"):
        member_id = _added(app, here, address)
        paths = (
            f"people/{member_id}", f"people?q={address}", f"people/export.csv?q={address}", f"audit?member={member_id}",
            f"audit.csv?member={member_id}", f"access/people/{member_id}", f"access/people/{member_id}/tag",
            f"access/people/{member_id}.json", f"access/apps/tag?people=all&q={address}",
            f"access/apps/tag.json?people=all&q={address}", f"access/apps/tag.csv?people=all&q={address}",
        )  # fmt: skip
        for number, path in enumerate(paths):
            answer = here.client.get(here.path(path))
            text = text_of(answer.get_data(as_text=True)) if answer.mimetype == "text/html" else answer.text
            assert answer.status_code == 200 and "Truthfully" not in text, path
            seen = text.replace(member_id, "ID").replace(address.partition("@")[0], "WHO")
            told.setdefault(paths.index(path) if number else 0, []).append((path, seen))
    for (path, one), (_path, other) in told.values():
        drop = lambda text: [word for word in text.split() if not _reference(word)]  # noqa: E731
        assert drop(one) == drop(other), path


def _reference(word: str) -> bool:
    """Times and ids of requests, which differ between any two."""
    return any(sign.isdigit() for sign in word)


def test_two_addresses_are_one_person_s_only_when_the_person_has_told(app: Any, world: Any, here: Desk) -> None:
    person = world.account("victim@work.example")
    _second_address(app, person.account_id, "secret@private.example")
    first = _added(app, here, person.address)
    second = _added(app, here, "secret@private.example")
    assert world.get(Member, first).account_id == person.account_id
    assert world.get(Member, second).account_id is None, "one person is one member: the other stays what was typed"
    world.change(Member, first, last_used_at=clock.now())
    _second_address(app, person.account_id, "third@private.example")
    answer = here.sends("people/new", given_name="X", email="third@private.example", state="contact")
    assert answer.status_code == 400 and "This person is there already." in text_of(answer.get_data(as_text=True))
    page = here.client.get(here.path(f"people/{first}")).get_data(as_text=True)
    form = form_with(page, "given_name")
    changed = here.client.post(form.action, data=form.filled(email="third@private.example"))
    assert changed.status_code == 303, "a person does not stand in its own way"


def test_what_strangers_and_contacts_do_elsewhere_is_not_in_the_trail(app: Any, world: Any, here: Desk) -> None:
    """Anybody can name an organization in a request; a contact's denials are no business of who typed the contact."""
    stranger, contact = world.account(), world.account("c@work.example")
    member_id = _added(app, here, contact.address)
    here.reads("")
    before = here.reads("audit")
    with app.app_context(), unit_of_work():
        for account_id, member, code in (
            (stranger.account_id, None, "no_organization"), (contact.account_id, member_id, "contact_only"),
        ):  # fmt: skip
            emit(
                AuthorizationOpened(
                    at=clock.now(), actor_id=account_id, authorization_id=f"of-{code}", client_id="c",
                    account_id=account_id, organization_id=here.organization_id, member_id=member, reason=code,
                )
            )  # fmt: skip
    assert here.reads("audit") == before
    assert "Nobody has signed in to an app" in here.reads("")
    for jti in ("of-no_organization.x", "of-contact_only.x"):
        assert "Typed" not in here.reads(f"audit/token?jti={jti}")


def test_where_the_platform_acts_from_is_not_told(app: Any, world: Any, here: Desk) -> None:
    operator = world.account()
    with app.test_request_context(environ_base={"REMOTE_ADDR": "203.0.113.77"}), unit_of_work():
        from idp.organizations import service

        service.suspend_organization(here.organization_id, actor_id=operator.account_id)
        service.resume_organization(here.organization_id, actor_id=operator.account_id)
    answer = here.client.get(here.path("audit.csv"))
    assert "lifted the suspension" in answer.text and "203.0.113.77" not in answer.text
    _added(app, here, "x@work.example")
    assert "127.0.0.1" in here.client.get(here.path("audit.csv")).text, "where its own people acted from is"


def test_a_list_that_is_narrowed_by_what_is_gone_is_not_everybody(app: Any, world: Any, here: Desk) -> None:
    """Between the look and the button somebody deleted the role: ending all its holders is not ending everybody."""
    members = [world.member(here.organization_id, given_name=f"P{number}") for number in range(3)]
    answer = here.sends("people/many?role=deleted-meanwhile", what="disable", whom="found", confirmed="1")
    assert answer.status_code == 409 and "is not there any more" in text_of(answer.get_data(as_text=True))
    assert all(world.get(Member, member).status == "active" for member in members)


def _mails(app: Any, address: str) -> int:
    with app.app_context():
        return sum(1 for mail in db.session.query(Delivery) if mail.payload.get("address") == address)


def test_nobody_is_mailed_without_end(app: Any, world: Any, here: Desk) -> None:
    """Inviting, inviting again and the welcome: above the limit of a mailbox the button says so and nothing is sent."""
    limit = app.extensions["onix_settings"].throttle.mails_per_address
    member_id = _added(app, here, "victim@elsewhere.example")
    answers = [here.sends(f"people/{member_id}/state", action="invite") for _ in range(limit + 3)]
    assert [answer.status_code for answer in answers[:limit]] == [303] * limit
    assert answers[-1].status_code == 429 and int(answers[-1].headers["Retry-After"]) > 0
    assert "was mailed often lately" in text_of(answers[-1].get_data(as_text=True))
    for action in ("resend", "activate"):
        assert here.sends(f"people/{member_id}/state", action=action).status_code == 429
    assert world.get(Member, member_id).status == "contact"
    for _ in range(3):
        here.sends("people/many", what="invite", whom="ticked", member=member_id, confirmed="1")
        here.sends("people/import", text="E-mail,State\nvictim@elsewhere.example,Active", **{"import": "1"})
        here.sends(f"people/{member_id}/holdings", activate="1")
    assert _mails(app, "victim@elsewhere.example") == limit

    def asks(times: int) -> None:
        other = world.organization()
        address = "victim@elsewhere.example"
        member = world.member(other, status="contact", email=address, email_normalized=address)
        actor = world.user(other, privileges=["account:people.manage"]).account_id
        for _ in range(times):
            with app.app_context(), unit_of_work():
                service.invite(member, actor_id=actor)

    for _ in range(TOGETHER - 1):
        asks(limit)  # what one organization sends keeps no other one from sending
    with pytest.raises(Refusal) as refused:
        asks(1)  # but there is an end to all of them
    assert refused.value.code == "too_many_mails"
    other = desk(app, world, "other")
    sent = other.sends("people/new", given_name="V", email="victim@elsewhere.example", state="invite")
    assert sent.status_code == 400 and _mails(app, "victim@elsewhere.example") == TOGETHER * limit


def test_only_a_post_deletes_a_role(app: Any, world: Any, here: Desk) -> None:
    """HEAD passes the form token and the origin check by: it changes nothing, whatever it carries."""
    role = world.role(here.organization_id, ["tag:access"], name="Fitter")
    path = here.path(f"roles/{role}/delete")
    form = form_with(here.client.get(path).get_data(as_text=True), "mark")
    for method in ("HEAD", "GET"):
        assert here.client.open(path, method=method, data=form.fields).status_code == 200
        assert "Fitter" in here.reads(f"roles/{role}")
    assert here.client.post(path, data=form.fields).status_code == 303


def test_a_large_form_comes_in_parts_or_not_at_all(app: Any, here: Desk) -> None:
    """A million fields are read of nobody, stranger or administrator; a large table is."""
    fields = "&".join(["a=b"] * 300_000)
    for browser in (app.test_client(), here.client):
        answer = browser.post(
            here.path("people/import"), data=fields, content_type="application/x-www-form-urlencoded"
        )  # fmt: skip
        assert answer.status_code == 413
    table = "E-mail;Remark\na@b.example;" + "x" * 700_000
    sent = here.client.post(
        here.path("people/import"), data={"csrf_token": here.token, "text": table}, content_type="multipart/form-data"
    )
    assert sent.status_code == 400 and "quotation mark" in text_of(sent.get_data(as_text=True)), "read, and judged"


def test_who_handles_requests_alone_reads_of_nobody_but_those_who_ask(app: Any, world: Any) -> None:
    """A full license could be taken from somebody; whom, is told to those who may see people or licenses."""
    here = desk(app, world, "here", "account:requests.manage")
    reader = desk(app, world, "here", "account:requests.manage", "account:people.read")
    asking = world.account()
    member = world.member(here.organization_id, asking.account_id)
    world.role(here.organization_id, ["tag:access"], members=[member])
    holder = world.member(here.organization_id, given_name="Holder", family_name="Hansen")
    world.license(here.organization_id, "tag:standard", seats=1, holders=[holder])
    with app.app_context(), unit_of_work() as session:
        asked = AccessRequest(
            organization_id=here.organization_id, member_id=member, account_id=asking.account_id, app_id="tag",
            code="seat_limit_reached", message="", created_at=1,
        )  # fmt: skip
        session.add(asked)
        session.flush()
        path = f"requests/{asked.id}"
    for page in ("requests", path):
        assert "Holder Hansen" in reader.reads(page)
        text = here.reads(page)
        assert "Holder" not in text and "back from somebody else" in text
