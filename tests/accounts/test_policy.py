"""The rules about people, as tables."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.accounts import addresses, policy
from idp.kernel.refusal import Refusal
from idp.organizations.service.typed import one_line


@pytest.mark.parametrize(
    ("proven", "must_change", "action"),
    [(True, False, None), (True, True, "password"), (False, False, "mailbox"), (False, True, "mailbox")],
)
def test_required_action_asks_for_the_mailbox_first(proven: bool, must_change: bool, action: str | None) -> None:
    assert policy.required_action(mailbox_proven=proven, must_change_password=must_change) == action
    closing = policy.required_action(mailbox_proven=proven, must_change_password=must_change, closing=True)
    assert closing == "closing", "whether it is kept comes first"


@pytest.mark.parametrize(
    ("domain", "work"),
    [
        ("nordic-lift.no", True),
        ("demo.example", True),
        ("onix.com", True),
        ("gmail.com", False),
        ("GMAIL.com", False),
        ("hotmail.com", False),
        ("outlook.com", False),
        ("online.no", False),
        ("mailinator.com", False),
        ("sub.mailinator.com", False),
        ("10minutemail.com", False),
        ("notgmail.com", True),
    ],
)
def test_free_and_disposable_mail_is_no_work_e_mail(domain: str, work: bool) -> None:
    assert (policy.work_problem(domain) is None) is work


@pytest.mark.parametrize(
    ("typed", "normalized"),
    [
        ("Kari@Nordic-Lift.NO", "kari@nordic-lift.no"),
        ("  kari@nordic-lift.no ", "kari@nordic-lift.no"),
        ("kari@BLÅBÆR.no", "kari@blåbær.no"),
        ("kari@xn--blbr-roah.no", "kari@blåbær.no"),
        (unicodedata.normalize("NFD", "kåre@firma.no"), "kåre@firma.no"),
        ("STRASSE+x@firma.no", "strasse+x@firma.no"),
        ("straße@firma.no", "straße@firma.no"),
    ],
)
def test_p35_addresses_are_compared_in_one_form(typed: str, normalized: str) -> None:
    assert addresses.parse(typed).normalized == normalized


@pytest.mark.parametrize(
    "typed",
    ["", None, "kari", "kari@", "@firma.no", "a b@firma.no", "kari@firma", "kari@firma.no\r\nBcc: x@y.no",
     "kari\0@firma.no", "kari@firma.no\ud800", "x" * 300 + "@firma.no", "kari@" + "x" * 300 + ".no", "kari@[127.0.0.1]",
     "\u202ekari@firma.no" * 20, "kari@firma..no"],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        addresses.parse(typed)
    assert refused.value.code == "address_invalid"


@settings(max_examples=150)
@given(st.text(max_size=300))
def test_no_text_breaks_reading_an_address(text: str) -> None:
    assert addresses.normalized_or_none(text) is None or "@" in text


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("", None), ("  ", None), (None, None), ("22 33 44 55", "+4722334455"), ("+47 22334455", "+4722334455"),
     ("+46 8 123 456 78", "+46812345678"), ("0047 922 33 445", "+4792233445"),
     ("2" + " " * 52 + "2334455", "+4722334455")],
)  # fmt: skip
def test_phone_numbers_are_stored_as_e164(typed: str | None, stored: str | None) -> None:
    assert policy.phone_number(typed) == stored


@pytest.mark.parametrize(
    "typed", ["12", "abc", "+47 1", "9" * 200, "\0", "\ud800", "+999999999999", "22334455" + " " * 60 + "9"]
)
def test_what_is_no_phone_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        policy.phone_number(typed)


@pytest.mark.parametrize(
    "name", ["Kari", "O'Brien", "Åse-Marie", "李小龍", "Anne Marie", "<script>", "نور", "👩‍🔧", "x" * 100]
)
def test_names_may_be_anything_that_prints(name: str) -> None:
    assert policy.name_problem(policy.clean_name(name)) is None


@pytest.mark.parametrize(
    "name",
    ["", "   ", "Ka\nri", "Ka\rri", "K\0", "x" * 101, "a\u202eb", "\ud800", "a\u2028b", "a\u2029b", "\u0378", "\ue000",
     "\x7f", "\u200b", "\u200d", "\u3164", "\u2800 \u115f", "\u0301"],
)  # fmt: skip
def test_names_are_free_of_control_characters(name: str) -> None:
    assert policy.name_problem(policy.clean_name(name)) is not None


def test_what_nobody_sees_makes_no_other_name() -> None:
    assert {policy.clean_name(name) for name in ("Kari", "Ka\u200bri", "Ka\u00adri\u2060", " Kari\u2063 ")} == {"Kari"}
    assert policy.clean_name("می\u200cخواهم") == "می\u200cخواهم", "joiners belong to some scripts"
    for name in ("Nordic Lift", "Nordic\u200b Li\u00adft"):
        assert one_line(name, "name", 100) == "Nordic Lift"
    for nothing in ("\u200b", "\u3164", "\u2800"):
        with pytest.raises(Refusal):
            one_line(nothing, "name", 100)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Kari   Anne ", "Kari Anne"),
        ("Kari\u00a0Anne", "Kari\u00a0Anne"),
        (unicodedata.normalize("NFD", "Åse"), "Åse"),
        (None, ""),
    ],
)
def test_names_as_they_are_kept(typed: str | None, kept: str) -> None:
    assert policy.clean_name(typed) == kept


CONTEXT = ("kari.nordmann@nordic-lift.no", "Kari", "Nordmann")


@pytest.mark.parametrize(
    "password",
    [
        "correct-horse-onix-demo",
        "seven herons cross the harbour",
        "fjorten grønne elger ror bakover",
        "k8$Qp2!vTz9#mWx4",
        "x7Kq9 mR2vB!zwP",
        ("x7Kq9 mR2vB" * 24)[:256],
        "a" * 64 + "x7Kq9 mR2vB!zw",
        "x7Kq9 mR2vB!zw" + "a" * 64,
        "sommervinterfotball",
        "пятнадцать гномов идут домой",
        "日本語のとても長いパスワードです今日",
        "d" + "e fg hi jk lm no" + " p" * 3 + " quartz vixen jumps",
    ],
)
def test_r22_r23_good_passwords_pass_whatever_they_are_made_of(password: str) -> None:
    assert policy.password_problem(password, CONTEXT, min_length=15) is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 15"),
        ("x7Kq9 mR2vB!zw", "at least 15"),
        ("x7Kq9 mR2vB" * 24, "at most 256"),
        ("seven herons\0 cross", "control characters"),
        ("seven herons\ud800 cross", "control characters"),
        ("passwordpassword", "easy to guess"),
        ("Polniypizdec0211", "on the lists"),
        ("aaaaaaaaaaaaaaaaaaaa", "repeats"),
        ("a" * 256, "repeats"),
        ("a" * 64 + "1" * 64, "repeats"),
        ("1234567890123456789", "follows a row"),
        ("qwertyuiopasdfghjkl", "common words"),
        ("passordpassordpassord", "common words"),
        ("Velkommen2026Sommer", "common words"),
        ("nordic-LIFT-nordic-99", "your name"),
        ("kari.nordmann@nordic-lift.no", "your name"),
        ("KariNordmann2026!", "your name"),
        ("OnixAccountOnixTag1", "product names"),
        ("onix-pick-and-pack", "product names"),
    ],
)
def test_r24_bad_passwords_are_refused_with_the_reason(password: str, reason: str) -> None:
    problem = policy.password_problem(password, CONTEXT, min_length=15)
    assert problem is not None
    assert reason in str(problem)


@pytest.mark.parametrize(
    ("password", "context", "reason"),
    [
        ("kaikaikai-2026-kai", ("Kai",), "your name"),
        ("bobobobobobobobobo", ("Bo",), "repeats"),
        ("velkommen", (), "on the lists"),
    ],
)
def test_r24_parts_of_two_signs_are_no_name(password: str, context: tuple[str, ...], reason: str) -> None:
    assert reason in str(policy.password_problem(password, context, min_length=8))


def test_r22_length_counts_code_points_after_nfc() -> None:
    """Fourteen letters that decompose into twenty-eight are still fourteen."""
    typed = unicodedata.normalize("NFD", "åéîøüñåéîøüñåé")
    assert "at least 15" in str(policy.password_problem(typed, (), min_length=15))
    assert policy.password_problem("åéîøüñçåéðþîøüñÿ", (), min_length=15) is None


@pytest.mark.parametrize("password", ["a1B2" * 64, "P@ssw0rd" * 32, "ab" * 128, "".join(map(chr, range(200, 456)))])
def test_judging_the_longest_password_is_quick(password: str) -> None:
    started = time.thread_time()
    policy.password_problem(password, CONTEXT, min_length=15)
    assert time.thread_time() - started < 2


@settings(max_examples=60)
@given(st.text(max_size=300))
def test_no_text_breaks_the_password_rules(text: str) -> None:
    policy.password_problem(text, [text], min_length=8)
