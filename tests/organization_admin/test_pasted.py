"""Names and e-mails as people paste them for *Add Multiple Users*."""

from __future__ import annotations

import pytest

from idp.organization_admin.views.companies.typed import rows_of
from idp.organizations.service import GuestRow


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Kari Nord <kari@x.no>", [("Kari Nord", "kari@x.no")]),
        ("Kari Nord <kari@x.no>, Ola Lie <ola@x.no>; Per <per@x.no>", [
            ("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no"), ("Per", "per@x.no")]),
        ("Nord, Kari <kari@x.no>; Lie, Ola <ola@x.no>", [("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no")]),
        ('"Nord, Kari" <kari@x.no>', [("Kari Nord", "kari@x.no")]),
        ("Kari\tNord\tkari@x.no\nOla\tLie\tola@x.no", [("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no")]),
        ("Kari Nord,kari@x.no\r\nOla Lie;ola@x.no\rPer | per@x.no", [
            ("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no"), ("Per", "per@x.no")]),
        ("kari@x.no, ola@x.no", [("", "kari@x.no"), ("", "ola@x.no")]),
        ("kari@x.no Kari Nord; ola@x.no Ola Lie", [("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no")]),
        ("Kari Nord <kari@x.no> / Ola Lie <ola@x.no>", [("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no")]),
        ("kari@x.no – Kari Nord\n1. Ola Lie - ola@x.no\n2) • Per . per@x.no\n-Siv J. Å. Hus: siv@x.no", [
            ("Kari Nord", "kari@x.no"), ("Ola Lie", "ola@x.no"), ("Per", "per@x.no"), ("Siv J. Å. Hus", "siv@x.no")]),
        ("----\n99 88 77\n", [("99 88 77", "")]),
        ("mailto:kari@x.no", [("", "kari@x.no")]),
        ("Nobody at all\n\n  \nKari kari@x.no", [("Nobody at all", ""), ("Kari", "kari@x.no")]),
        ("E-post;Navn\nkari@x.no;Kari Nord\n;\n", [("Kari Nord", "kari@x.no")]),
        ("sep=,\nFirst name,Last name,E-mail,Fax\nKari,Nord,'@x.no,1\n", [("Kari Nord", "@x.no")]),
        ('Name,Email\n"Kari\nNord",kari@x.no\n', [("Kari\nNord", "kari@x.no")]),
        ('Name,Email\n"Kari,kari@x.no', [("Kari,kari@x.no", "")]),
        ("\ufeffName\tE-mail:\nKari\tkari@x.no\n", [("Kari", "kari@x.no")]),
        ("=cmd|' /C calc'!A0 <kari@x.no>", [("cmd ' /C calc'!A0", "kari@x.no")]),
        ("\0\0", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_is_pasted_becomes_rows(text: str, rows: list[tuple[str, str]]) -> None:
    assert [(row.name, row.email) for row in rows_of(text, 200)] == rows


def test_what_is_pasted_is_bounded() -> None:
    assert len(rows_of("a@x.no\n" * 10_000, 200)) == 201
    assert len(rows_of("a@x.no," * 100_000, 200)) == 201
    assert rows_of("x" * 1_000_000, 200) == [GuestRow("x" * 300, "")]
    assert len(rows_of("Name,Email\n" + '"' + "x" * 500_000, 200)) <= 1
