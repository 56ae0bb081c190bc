"""`decide`: the verdict comes from the token alone, and whatever is not plainly said denies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clients.relying_party import words
from clients.relying_party.access import Denied, Granted, decide, request_address
from tests.clients.issuer import ALLOW, deny

NOW = 1_800_000_000
SCHEMA = json.loads((Path(words.__file__).parent / "access_schema.json").read_text())


def claims(**changes: Any) -> dict[str, Any]:
    found = {"iss": "i", "sub": "person-1", "client_id": "onix-tag", "aud": "urn:onix:tag", "exp": NOW + 300}
    return {name: value for name, value in {**found, **ALLOW, **changes}.items() if value is not ...}


def access(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ALLOW["onix_access"], **changes}.items() if value is not ...}


def test_allow() -> None:
    verdict = decide(claims(company_id="c-1", company_name="Kunde AS"), "tag", NOW)
    assert isinstance(verdict, Granted) and verdict.allowed
    assert verdict == decide(claims(company_id="c-1", company_name="Kunde AS"), "urn:onix:tag", NOW)
    assert verdict == decide(claims(company_id="c-1", company_name="Kunde AS", aud=["urn:onix:tag"]), "tag", NOW + 299)
    assert verdict.organization_name == "Nordic Lift AS"
    assert verdict.company_name == "Kunde AS"
    assert verdict.edition == "tag:standard"
    ending = decide(claims(onix_access=access(license={"edition": "tag:standard", "ends_at": NOW + 40})), "tag", NOW)
    assert isinstance(ending, Granted) and ending.license_ends_at == NOW + 40
    odd = decide(claims(onix_access=access(license={"edition": 5, "ends_at": "soon"})), "tag", NOW)
    assert isinstance(odd, Granted) and (odd.edition, odd.license_ends_at) == (None, None)
    assert verdict.roles == ("Inspector",)
    assert verdict.expires_at == NOW + 300
    assert verdict.may("tag:print.write") and not verdict.may("tag:print") and not verdict.may("pickandpack:access")


def test_a_license_is_only_shown_never_needed() -> None:
    verdict = decide(claims(onix_access=access(license=...)), "tag", NOW)
    assert isinstance(verdict, Granted) and verdict.edition is None and verdict.license_ends_at is None


def test_privileges_of_other_apps_are_not_held_here() -> None:
    verdict = decide(claims(privileges=["tag:access", "work:access", "tagger:all"]), "tag", NOW)
    assert isinstance(verdict, Granted) and verdict.privileges == {"tag:access"}


CLOSED: list[tuple[str, dict[str, Any], str]] = [
    ("expired", {"exp": NOW}, "token_expired"),
    ("no expiry", {"exp": ...}, "token_expired"),
    ("expiry no number", {"exp": "4000000000"}, "token_expired"),
    ("expiry a truth value", {"exp": True}, "token_expired"),
    ("another app", {"aud": "urn:onix:pickandpack"}, "wrong_application"),
    ("several audiences", {"aud": ["urn:onix:tag", "urn:onix:work"]}, "wrong_application"),
    ("no audience", {"aud": ...}, "wrong_application"),
    ("machine", {"sub": "onix-tag"}, "machine"),
    ("nobody", {"sub": ...}, "token_unreadable"),
    ("no onix_access", {"onix_access": ...}, "token_unreadable"),
    ("onix_access a text", {"onix_access": "allow"}, "token_unreadable"),
    ("no version", {"onix_access": access(v=...)}, "token_unreadable"),
    ("newer version", {"onix_access": access(v=2)}, "token_unreadable"),
    ("version a truth value", {"onix_access": access(v=True)}, "token_unreadable"),
    ("no decision", {"onix_access": access(decision=...)}, "token_unreadable"),
    ("strange decision", {"onix_access": access(decision="maybe")}, "token_unreadable"),
    ("denial without reason", {"onix_access": {"v": 1, "decision": "deny"}}, "token_unreadable"),
    (
        "denial beside privileges",
        {"onix_access": {"v": 1, "decision": "deny", "reason": "contact_only"}},
        "contact_only",
    ),
    ("no privileges claim", {"privileges": ...}, "token_unreadable"),
    ("privileges null", {"privileges": None}, "token_unreadable"),
    ("privileges a text", {"privileges": "tag:access"}, "token_unreadable"),
    ("privileges mixed", {"privileges": ["tag:access", 1]}, "token_unreadable"),
    ("privileges empty", {"privileges": []}, "privilege_missing"),
    ("wildcard", {"privileges": ["tag:*", "*"]}, "privilege_missing"),
    ("role named like it", {"privileges": [], "roles": ["tag:access"]}, "privilege_missing"),
    ("scope named like it", {"privileges": [], "scope": "tag:access"}, "privilege_missing"),
    ("access of another app", {"privileges": ["work:access"]}, "privilege_missing"),
    ("all but access", {"privileges": ["tag:equipment.read"]}, "privilege_missing"),
    ("no roles claim", {"roles": ...}, "token_unreadable"),
    ("no entitlements claim", {"entitlements": ...}, "token_unreadable"),
    ("no organization", {"org_id": ...}, "token_unreadable"),
    ("organization without a name", {"org_name": ""}, "token_unreadable"),
    ("organization's name a number", {"org_name": 5}, "token_unreadable"),
    ("no member", {"member_id": ...}, "token_unreadable"),
    ("member of no type", {"member_type": ...}, "token_unreadable"),
]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_closed(change: dict[str, Any], code: str) -> None:
    verdict = decide(claims(**change), "tag", NOW)
    assert isinstance(verdict, Denied) and not verdict.allowed
    assert verdict.code == code
    assert verdict.headline and verdict.cause and verdict.remedy
    assert not verdict.may("tag:access")
    expires_at = change.get("exp", NOW + 300)
    assert verdict.expires_at == (expires_at if type(expires_at) is int else 0)


def test_nothing_at_all_is_closed() -> None:
    assert isinstance(decide({}, "tag", NOW), Denied)


HEADLINES = {
    "no_organization": "You don't have access to any organization",
    "invitation_expired": "You don't have access to any organization",
    "invitation_pending": "You don't have access to any organization",
    "contact_only": "You don't have access to any organization",
    "membership_ended": "You don't have access to any organization",
    "terminated_inactive": "You don't have access to any organization",
    "member_disabled": "You don't have access to any organization",
    "organization_suspended": "You don't have access to Nordic Lift AS from this app.",
    "license_expired": "You don't have access to Nordic Lift AS from this app.",
    "seat_limit_reached": "You don't have access to Nordic Lift AS from this app.",
    "license_missing": "You don't have access to Nordic Lift AS from this app.",
    "privilege_missing": "You don't have access to Nordic Lift AS from this app.",
}


@pytest.mark.parametrize("code", HEADLINES)
def test_denials_are_explained(code: str) -> None:
    body = deny(code)
    jsonschema.validate(body["onix_access"], SCHEMA)
    verdict = decide(claims(**body), "tag", NOW)
    assert isinstance(verdict, Denied)
    assert (verdict.code, verdict.headline) == (code, HEADLINES[code])
    assert (verdict.cause, verdict.remedy, verdict.ask) == ("The cause.", "The remedy.", ("Ada Berg",))
    norwegian = decide(claims(**body), "tag", NOW, "nb")
    assert isinstance(norwegian, Denied)
    assert norwegian.headline.startswith("Du har ikke tilgang til ")


@pytest.mark.parametrize(
    ("code", "organization", "address"),
    [
        ("license_missing", "o-1", "https://id.example/access/request?app=tag&organization=o-1"),
        ("contact_only", None, "https://id.example/access/request?app=tag"),
        ("no_organization", None, None),
        ("account_disabled", "o-1", None),
        ("token_unreadable", "o-1", None),
    ],
)
def test_where_the_person_asks_for_access(code: str, organization: str | None, address: str | None) -> None:
    verdict = Denied(code=code, headline="", cause="", remedy="", organization_id=organization)
    assert request_address(verdict, "https://id.example", "urn:onix:tag") == address


def test_a_denial_without_sentences_gets_the_kits_own() -> None:
    body = {"onix_access": {"v": 1, "decision": "deny", "reason": "license_missing", "ask": None}}
    english, norwegian = (decide(claims(**body), "tag", NOW, language) for language in ("en", "nb"))
    assert isinstance(english, Denied) and isinstance(norwegian, Denied)
    assert "license" in english.cause and "lisens" in norwegian.cause and english.ask == ()


def test_an_unknown_reason_still_denies_with_its_own_sentences() -> None:
    verdict = decide(claims(**deny("phase_of_the_moon", reason_user="It is full.")), "tag", NOW)
    assert isinstance(verdict, Denied)
    assert (verdict.code, verdict.cause) == ("phase_of_the_moon", "It is full.")


def test_company_names_are_text_not_markup_or_format() -> None:
    verdict = decide(claims(**{**deny("license_missing"), "org_name": "{0} <b> {organization}"}), "tag", NOW)
    assert verdict.headline == "You don't have access to {0} <b> {organization} from this app."  # type: ignore[union-attr]


def test_every_allowed_and_denied_object_fits_the_schema() -> None:
    jsonschema.validate(ALLOW["onix_access"], SCHEMA)
    codes = SCHEMA["properties"]["reason"]["enum"]
    assert set(codes) <= set(words.CODES)


@pytest.mark.parametrize(
    ("wanted", "language"),
    [(["nb-NO"], "nb"), (["no"], "nb"), (["nn"], "nb"), (["de", "en-GB"], "en"), (["sv", "nb"], "nb"), ([], "en")],
)
def test_best_language(wanted: list[str], language: str) -> None:
    assert words.best_language(wanted) == language
