"""Whose documents are open to this person: decided from the token alone, and closed by default. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from clients.relying_party.access import Granted

READ = "express:documents.read"


@dataclass(frozen=True)
class Reach:
    """Documents that `supplier_id` delivered: to one company, or (None, for its own employees) to any customer."""

    supplier_id: str
    company_id: str | None

    @property
    def every_company(self) -> bool:
        return self.company_id is None


def reach_of(access: Granted) -> Reach | None:
    """What the person may read; None: nothing.

    A guest reads what was delivered to its own company and to no other. An employee of the supplier reads what the
    supplier delivered. Any other kind of member, and a guest whose token names no company, reads nothing.
    """
    if not access.may(READ):
        return None
    match access.member_type, access.company_id:
        case "express", str(company_id):
            return Reach(access.organization_id, company_id)
        case "employee", None:
            return Reach(access.organization_id, None)
        case _:
            return None
