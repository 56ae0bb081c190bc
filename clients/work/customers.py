"""How a customer stands with Onix Express, and inviting its people: asked of Onix Account in the person's name.

An order or inspection works without an answer: then the page says so, and nothing is offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clients.relying_party import api
from clients.relying_party.provider import Unreachable

MOST_ROWS = 25

State = Literal["offer", "work_customer", "has_users", "full", "not_in_companies", "not_allowed", "unreachable"]


@dataclass(frozen=True)
class Standing:
    """What a page about this customer shows. The numbers are of the customer's places with Onix Express."""

    state: State
    company_id: str | None = None
    company: str = ""
    left: int = 0
    limit: int = 0
    users: int = 0
    invited: int = 0

    @property
    def may_invite(self) -> bool:
        return self.state in ("offer", "has_users") and self.left > 0


@dataclass(frozen=True)
class Row:
    """One line of the window. `error` is what was wrong with it, `field` where (`name`, `email`, or the whole row)."""

    name: str = ""
    email: str = ""
    error: str = ""
    field: str = ""

    @property
    def empty(self) -> bool:
        return not self.name.strip() and not self.email.strip()


def standing_of(customer: str, number: str) -> Standing:
    """How this customer stands, found in Companies by its organization number, or else by exactly its name."""
    try:
        company = _find(customer, number)
        if company is None:
            return Standing("not_in_companies")
        found = api.call("GET", f"/companies/{company['id']}/express")
    except api.Refused as refused:
        return Standing("not_allowed" if refused.status == 403 else "unreachable")
    except Unreachable:
        return Standing("unreachable")
    return _standing(found, company["name"])


def _standing(found: dict[str, Any], name: str) -> Standing:
    state: State = "has_users"
    if found["work_customer"]:
        state = "work_customer"
    elif found["left"] <= 0:
        state = "full"
    elif found["offer_invitations"]:
        state = "offer"
    return Standing(
        state, str(found["company_id"]), name, found["left"], found["limit"], found["active_users"],
        found["open_invitations"],
    )  # fmt: skip


def _find(customer: str, number: str) -> dict[str, Any] | None:
    found: list[dict[str, Any]]
    if number.strip():
        found = api.call("GET", "/companies", query={"organization_number": number})["items"]
        if found:
            return found[0]
    found = api.call("GET", "/companies", query={"q": customer[:100]})["items"]
    same = [company for company in found if company["name"].casefold() == customer.strip().casefold()]
    if number.strip():  # whoever is written down there under another number is somebody else
        same = [company for company in same if not company.get("organization_number")]
    return same[0] if len(same) == 1 else None


def invite(company_id: str, rows: Sequence[Row], key: str) -> tuple[int, list[Row]]:
    """Invite these people; how many were invited now, and the rows that need something, each with its error.

    Raises `api.Refused` when nobody could be invited, `Unreachable` when it is not known: the same key asks again.
    """
    people = [{"name": row.name.strip(), "email": row.email.strip()} for row in rows]
    answer = api.call("POST", f"/companies/{company_id}/invitations", body={"people": people}, key=key)
    left, invited = [], 0
    for result in answer["results"]:
        invited += result["outcome"] == "invited"
        if not result["done"]:
            row = rows[result["row"] - 1]
            left.append(Row(row.name, row.email, str(result["message"]), result["field"] or ""))
    return invited, left
