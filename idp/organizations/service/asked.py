"""How often a supplier may ask whether somebody is a customer of the platform (docs/decisions/0039)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from idp.kernel import counters

MOST_A_DAY = 500
"""So many numbers and short names of companies may one supplier type in a day."""


def admit_number(organization_id: str, typed: str | None) -> None:
    """Count one more number or short name that this supplier types of a company; nothing where none is typed.

    The answer may tell that this company is a customer of the platform. Call it outside a unit of work.
    Raises `Refusal` (429) above `MOST_A_DAY`.
    """
    if (typed or "").strip():
        counters.admit(
            "company_number",
            organization_id,
            window=86400,
            limit=MOST_A_DAY,
            code="too_many_numbers",
            message=_l("Many organization numbers were typed today. Go on tomorrow, or leave the number out for now."),
        )
