"""What people read: every code its own cause and remedy, in both languages, in the help centre's words."""

from __future__ import annotations

import pytest

from idp.organizations.policy import CODES
from idp.organizations.sentences import VOICES, details_of, explain

CASES = [(code, detail) for code in CODES for detail in details_of(code)]
NAMES = {"app_name": "Onix Tag", "organization_name": "Nordic Lift AS"}


def test_no_code_is_without_its_voices() -> None:
    assert tuple(VOICES) == CODES
    clauses = [str(voices.clause) for voices in VOICES.values()]
    titles = [voices.title for voices in VOICES.values() if voices.title is not None]
    assert len(set(clauses)) == len(CODES) and len(set(titles)) == len(titles)


def test_what_the_decision_tells_apart_has_sentences_apart() -> None:
    assert {(code, detail) for code, detail in CASES if detail} == {
        ("account_disabled", "closing"),
        ("membership_ended", "left"),
        ("license_expired", "organization"),
        ("license_missing", "organization"),
        ("privilege_missing", "no_role"),
        ("privilege_missing", "role"),
    }
    assert {code for code, detail in CASES if detail is None} == set(CODES) - {"privilege_missing"}


@pytest.mark.parametrize("language", ["en", "nb"])
def test_every_code_has_sentences_of_its_own(language: str) -> None:
    told = [explain(code, detail, **NAMES, language=language) for code, detail in CASES]
    assert len({one.cause for one in told}) == len(CASES)
    assert len({one.remedy for one in told}) == len(CASES) - 1, "whoever left comes back as whoever was ended does"
    for one in told:
        assert one.cause.endswith(".") and one.remedy.endswith(".") and "{" not in one.cause + one.remedy + one.headline


@pytest.mark.parametrize(
    ("codes", "headline"),
    [
        (CODES[1:8], "You don't have access to any organization"),
        (CODES[8:], "You don't have access to Nordic Lift AS from this app."),
    ],
)
def test_headlines(codes: tuple[str, ...], headline: str) -> None:
    for code in codes:
        assert explain(code, None, **NAMES, language="en").headline == headline
        assert explain(code, None, **NAMES, language="nb").headline != headline


def test_no_role_and_the_wrong_role_are_two_sentences() -> None:
    causes = [explain("privilege_missing", detail, **NAMES, language="en").cause for detail in ("no_role", "role")]
    assert "no role has been assigned to you" in causes[0] and "your role doesn't have the privilege" in causes[1]


@pytest.mark.parametrize("code", CODES[1:5])
def test_codes_2_to_4_name_no_organization(code: str) -> None:
    for language in ("en", "nb"):
        one = explain(code, None, **NAMES, language=language)
        assert "Nordic Lift" not in one.headline + one.cause + one.remedy


def test_names_are_text_and_never_a_template() -> None:
    one = explain("license_missing", None, app_name="{code}", organization_name="A {0} & <b>Co</b>", language="en")
    assert one.headline == "You don't have access to A {0} & <b>Co</b> from this app."
    assert "{code}" in one.cause


def test_without_names_the_sentences_still_stand() -> None:
    one = explain("organization_suspended", None, app_name=None, organization_name=None, language="en")
    assert one.cause == "Your organization is suspended, so nobody can use this app for it at the moment."


def test_other_languages_read_english() -> None:
    assert explain("contact_only", None, **NAMES, language="de") == explain(
        "contact_only", None, **NAMES, language="en"
    )
