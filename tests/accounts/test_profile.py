"""What a person tells about themselves: how each field is kept, what is refused, and what a change leaves behind."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import events, profile, service
from idp.accounts.models import Account
from idp.audit.models import AuditEntry
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations.models import Member
from tests.accounts.steps import last, listen

TODAY = date(2026, 11, 28)
LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("given_name", "  Anne   Lise ", "Anne Lise"),
        ("given_name", "A\u030asa", "\u00c5sa"),
        ("middle_name", " ", None),
        ("nickname", "<b>Asti</b>", "<b>Asti</b>"),
        ("title", "Inspector & owner", "Inspector & owner"),
        ("phone_number", "22 33 44 55", "+4722334455"),
        ("phone_number", "0047 22334455", "+4722334455"),
        ("phone_number", "+46 8 123 456 78", "+46812345678"),
        ("locale", "nb", "nb"),
        ("locale", "", None),
        ("theme", "dark", "dark"),
        ("zoneinfo", "Europe/Oslo", "Europe/Oslo"),
        ("zoneinfo", "UTC", "UTC"),
        ("website", "https://kari.example/a?b=c#d", "https://kari.example/a?b=c#d"),
        ("website", "kari.example", "https://kari.example"),
        ("profile", "http://kari.example:8080/", "http://kari.example:8080/"),
        ("birthdate", "1990-05-17", "1990-05-17"),
        ("birthdate", "1990", "1990"),
        ("birthdate", "0000-02-29", "0000-02-29"),
        ("street_address", " Gata 1 \r\n\r\n Oppgang B ", "Gata 1\nOppgang B"),
    ],
)
def test_what_is_kept(field: str, typed: str, kept: str | None) -> None:
    assert profile.read_one(field, typed, TODAY) == kept


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("given_name", ""),
        ("family_name", "   "),
        ("given_name", "Kari\u202eirak"),
        ("family_name", "Nord\x07mann"),
        ("nickname", "Kari\u2066"),
        ("nickname", "a\nb"),
        ("title", "\ud800"),
        ("preferred_username", "x" * 101),
        ("phone_number", "12"),
        ("phone_number", "+47 22 33 44 55 66 77 88 99"),
        ("phone_number", "<script>"),
        ("locale", "de"),
        ("locale", "nb-NO\0"),
        ("theme", "pink"),
        ("zoneinfo", "../../etc/passwd"),
        ("zoneinfo", "Europe/Osl\u00f8"),
        ("zoneinfo", "/etc/localtime"),
        ("zoneinfo", "europe/oslo"),
        ("zoneinfo", "Etc/GMT+12"),
        ("website", "javascript:alert(1)"),
        ("website", "java\tscript://x.example"),
        ("website", "data:text/html,x"),
        ("website", "ftp://kari.example"),
        ("website", "https://"),
        ("website", "https://[::1"),
        ("website", "https://user:secret@kari.example"),
        ("website", "https://kari.example:99999999/"),
        ("website", 'https://kari.example/"><script>'),
        ("website", "https://kari.example/a b"),
        ("profile", "localhost"),
        ("profile", "https://kari.example/" + "x" * 500),
        ("birthdate", "1990-02-30"),
        ("birthdate", "2026-11-29"),
        ("birthdate", "1849-12-31"),
        ("birthdate", "17.05.1990"),
        ("birthdate", "19900517AB"),
        ("birthdate", "1990-W20-4"),
        ("birthdate", "\u0661\u0669\u0669\u0660"),
        ("street_address", "a\u202eb"),
        ("street_address", "x\n" * 101),
        ("country", "Norway\x1b[31m"),
    ],
)
def test_what_is_refused(field: str, typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        profile.read_one(field, typed, TODAY)
    assert refused.value.field == field and refused.value.status == 400


@pytest.mark.parametrize("field", sorted(profile.FIELDS))
def test_ten_thousand_signs_are_refused_in_every_field(field: str) -> None:
    for typed in (LONG, "\u202e" * 10_000, "9" * 1_000_000):
        with pytest.raises(Refusal) as refused:
            profile.read_one(field, typed, TODAY)
        assert refused.value.field == field


def test_an_envelope_has_what_was_typed_in_order() -> None:
    typed = {"street_address": "Gata 1\nB", "postal_code": "4008", "locality": "Stavanger", "country": "Norge"}
    assert profile.postal({**typed, "region": None}) == {**typed, "formatted": "Gata 1\nB\n4008 Stavanger\nNorge"}
    assert profile.postal(dict.fromkeys(profile.ADDRESS)) is None


def change(account_id: str, seen: str | None = None, **typed: str) -> tuple[str, ...]:
    with unit_of_work():
        return service.change_profile(account_id, typed, seen=seen)


def test_a_change_raises_rev_and_updated_at_and_names_its_fields_alone(context: Any, world: Any, clock: Any) -> None:
    person, heard = world.account(phone_number="+4791234567", phone_number_verified=True), listen(context)
    before = world.get(Account, person.account_id)
    rev, updated_at = before.rev, before.updated_at
    clock.advance(60)
    changed = change(person.account_id, given_name="Ingeborg", family_name=before.family_name, phone_number="22334455")
    assert changed == ("given_name", "phone_number")
    after = world.get(Account, person.account_id)
    assert (after.given_name, after.phone_number, after.phone_number_verified) == ("Ingeborg", "+4722334455", False)
    assert (after.rev, after.updated_at) == (rev + 1, updated_at + 60)
    assert last(heard, events.ProfileChanged).fields == changed
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "ProfileChanged")).one()
    assert entry.data == {"fields": ["given_name", "phone_number"]}
    assert change(person.account_id, given_name="Ingeborg") == ()
    assert world.get(Account, person.account_id).rev == rev + 1, "what changes nothing leaves no trace"


def test_only_what_a_person_may_tell_can_be_changed(context: Any, world: Any) -> None:
    person = world.account()
    for name in ("status", "password_hash", "rev", "id", "picture", "phone_number_verified", "must_change_password"):
        with pytest.raises(TypeError):
            change(person.account_id, **{name: "x"})
    assert world.get(Account, person.account_id).rev == 1


def test_two_windows_meet_only_where_they_change_the_same(context: Any, world: Any) -> None:
    person = world.account(given_name="Kari", family_name="Nord")
    account = world.get(Account, person.account_id)
    names, contact = profile.GROUPS["name"], profile.GROUPS["contact"]
    seen, other = profile.mark(account, names), profile.mark(account, contact)
    typed = {**profile.told(account, names), "given_name": "Ida"}
    change(person.account_id, seen, **typed)
    change(person.account_id, other, title="Inspector", phone_number="")
    with pytest.raises(Refusal) as refused:
        change(person.account_id, seen, **{**typed, "given_name": "Eva"})
    assert (refused.value.code, refused.value.status) == ("changed_meanwhile", 409)
    after = world.get(Account, person.account_id)
    assert (after.given_name, after.title) == ("Ida", "Inspector")


def test_an_organization_finds_the_person_by_the_new_name_once_it_is_shared(context: Any, world: Any) -> None:
    person, here, there = world.account(), world.organization(), world.organization()
    shared = world.member(here, person.account_id, given_name="Typed", family_name="There", last_used_at=1)
    hidden = world.member(there, person.account_id, given_name="Typed", family_name="There", search_text="there typed")
    change(person.account_id, given_name="Ingeborg", family_name="Vik")
    assert world.get(Member, shared).search_text.startswith("vik ingeborg")
    assert world.get(Member, hidden).search_text == "there typed"
