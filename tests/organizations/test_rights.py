"""R38 through the services: nobody gives, takes or ends what reaches beyond its own rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask_babel import force_locale

from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.models import Member, MemberRole, Organization, Role

Do = Callable[..., Any]
HELPER = ["account:access", "account:people.read", "account:people.manage", "account:roles.manage"]


@pytest.fixture
def place(world: Any) -> str:
    return str(world.organization())


@pytest.fixture
def boss(world: Any, do: Do, roles: dict[str, str], place: str) -> Any:
    person = world.user(place, seat=False)
    do(service.assign_role, person.member_id, roles["Administrator"])
    return person


@pytest.fixture
def helper(world: Any, place: str) -> Any:
    """Manages people and roles, and nothing else."""
    return world.user(place, seat=False, privileges=HELPER)


@pytest.fixture
def root(world: Any, roles: dict[str, str]) -> Any:
    person = world.user(world.organization("onix-works", kind="self"), seat=False)
    with unit_of_work() as session:
        session.add(MemberRole(member_id=person.member_id, role_id=roles["Platform administrator"]))
    return person


def test_roles_are_given_and_taken_by_who_holds_them(
    world: Any, do: Do, refused: Do, roles: dict[str, str], place: str, boss: Any, helper: Any, root: Any
) -> None:
    kari = world.user(place, seat=False)
    for actor in (helper, kari, world.user(), world.account()):
        before = world.get(Organization, place).rev
        give = (service.assign_role, kari.member_id, roles["Administrator"])
        assert refused(*give, actor_id=actor.account_id) == "beyond_own_rights"
        take = (service.unassign_role, boss.member_id, roles["Administrator"])
        assert refused(*take, actor_id=actor.account_id) == "beyond_own_rights"
        assert world.get(Organization, place).rev == before
    assert refused(service.assign_role, helper.member_id, roles["Administrator"], actor_id=helper.account_id) == (
        "beyond_own_rights"
    ), "not to oneself either"
    do(service.assign_role, kari.member_id, roles["Inspector"], actor_id=helper.account_id)
    do(service.unassign_role, kari.member_id, roles["Inspector"], actor_id=helper.account_id)
    for actor_id in (boss.account_id, root.account_id, None):
        do(service.assign_role, kari.member_id, roles["Administrator"], actor_id=actor_id)
        do(service.unassign_role, kari.member_id, roles["Administrator"], actor_id=actor_id)
    platform = (service.assign_role, kari.member_id, roles["Platform administrator"])
    assert refused(*platform, actor_id=boss.account_id) == "beyond_own_rights"


def test_a_role_says_no_more_about_administration_than_its_editor_holds(
    world: Any, do: Do, refused: Do, place: str, boss: Any, helper: Any
) -> None:
    mine = {"actor_id": helper.account_id}
    beyond = ["tag:access", "account:clients.manage"]
    assert refused(service.create_role, place, "Crew", beyond, **mine) == "beyond_own_rights"
    crew = do(service.create_role, place, "Crew", ["tag:access", "account:people.read"], **mine)
    assert refused(service.set_role_privileges, crew.id, beyond, **mine) == "beyond_own_rights"
    do(service.set_role_privileges, crew.id, beyond, actor_id=boss.account_id)
    assert refused(service.set_role_privileges, crew.id, ["tag:access"], **mine) == "beyond_own_rights"
    assert refused(service.delete_role, crew.id, **mine) == "beyond_own_rights"
    do(service.set_role_privileges, crew.id, [*beyond, "work:access"], **mine)
    do(service.rename_role, crew.id, "Yard crew", **mine)
    do(service.delete_role, crew.id, actor_id=boss.account_id)
    assert world.get(Role, crew.id) is None


def test_what_is_held_is_what_is_held_before_the_change(refused: Do, do: Do, place: str, helper: Any) -> None:
    """Nobody gives a right to itself and is then found to hold it."""
    held = do(service.create_role, place, "Mine", HELPER)
    do(service.assign_role, helper.member_id, held.id)
    more = [*HELPER, "account:audit.read"]
    assert refused(service.set_role_privileges, held.id, more, actor_id=helper.account_id) == "beyond_own_rights"
    do(service.set_role_privileges, held.id, ["tag:access"], actor_id=helper.account_id)


@pytest.mark.parametrize("status", ["suspended", "disabled", "account"])
def test_rights_end_at_once(world: Any, refused: Do, place: str, boss: Any, status: str) -> None:
    match status:
        case "suspended":
            world.change(Organization, place, status="suspended")
        case "disabled":
            world.change(Member, boss.member_id, status="disabled")
        case _:
            from idp.accounts.models import Account

            world.change(Account, boss.account_id, status="disabled")
    assert refused(service.create_role, place, "X", HELPER, actor_id=boss.account_id) == "beyond_own_rights"


def test_nobody_ends_a_greater_administrator(
    world: Any, do: Do, refused: Do, place: str, boss: Any, helper: Any, roles: dict[str, str]
) -> None:
    """Else a helper could disable the one who appointed it."""
    deputy = world.user(place, seat=False)
    do(service.assign_role, deputy.member_id, roles["Administrator"])
    mine = {"actor_id": helper.account_id}
    for verb in (service.disable_member, service.end_member, service.set_contact_only):
        assert refused(verb, boss.member_id, **mine) == "beyond_own_rights"
    do(service.disable_member, deputy.member_id, actor_id=boss.account_id)
    assert refused(service.enable_member, deputy.member_id, **mine) == "beyond_own_rights"
    do(service.enable_member, deputy.member_id, actor_id=boss.account_id)
    kari = world.user(place, seat=False)
    for verb in (service.disable_member, service.enable_member, service.set_contact_only, service.set_active):
        do(verb, kari.member_id, **mine)
    do(service.end_member, boss.member_id, actor_id=deputy.account_id)
    do(service.invite, world.member(place, email="new@test.example", status="contact"), **mine)


def test_an_administrators_mailbox_is_not_given_to_someone_else(
    world: Any, do: Do, refused: Do, place: str, boss: Any, helper: Any, roles: dict[str, str]
) -> None:
    """A user that nobody has activated yet belongs to whoever reads its mailbox."""
    member = do(service.add_member, place, email="chief@work.example", given_name="Chief", status="active")
    do(service.assign_role, member.id, roles["Administrator"], actor_id=boss.account_id)
    typed = {"given_name": "Chief", "family_name": "", "actor_id": helper.account_id}
    assert refused(service.edit_member, member.id, email="mine@work.example", **typed) == "beyond_own_rights"
    assert refused(service.edit_member, member.id, email=None, **typed) in ("beyond_own_rights", "email_required")
    do(service.edit_member, member.id, email="Chief@work.example", **{**typed, "given_name": "The Chief"})
    assert world.get(Member, member.id).email_normalized == "chief@work.example"


def test_contacts_and_former_members_who_hold_a_role_by_accident(
    world: Any, refused: Do, place: str, helper: Any, roles: dict[str, str]
) -> None:
    """A service takes roles back; what a directory or a repair left behind is not given life by a helper."""
    for status, verb in (("contact", service.set_active), ("contact", service.invite), ("ended", service.invite)):
        member = world.member(place, email=f"{status}-{verb.__name__}@test.example", status=status)
        with unit_of_work() as session:
            session.add(MemberRole(member_id=member, role_id=roles["Administrator"]))
        assert refused(verb, member, actor_id=helper.account_id) == "beyond_own_rights"


def test_the_refusal_names_what_is_lacking_in_the_persons_words(
    world: Any, do: Do, place: str, boss: Any, helper: Any
) -> None:
    def sentence(verb: Do, *arguments: Any) -> str:
        with pytest.raises(Refusal) as found:
            do(verb, *arguments, actor_id=helper.account_id)
        assert found.value.status == 403
        return str(found.value.message)

    beyond = ["account:audit.read", "account:clients.manage", "account:people.read", "tag:access"]
    assert sentence(service.create_role, place, "X", beyond).endswith(": Read the audit trail, Register clients.")
    with force_locale("nb"):
        assert sentence(service.create_role, place, "X", beyond).endswith(
            ": Lese revisjonsloggen, Registrere klienter."
        )
        assert "Registrere klienter" in sentence(service.disable_member, boss.member_id)


def test_who_gives_no_administration_reads_no_rights(
    world: Any, do: Do, place: str, helper: Any, roles: dict[str, str], statements: Any
) -> None:
    kari = world.user(place, seat=False)
    with statements() as seen:
        do(service.assign_role, kari.member_id, roles["Inspector"], actor_id=helper.account_id)
    assert not [text for text in seen.texts if "'account'" in text]
