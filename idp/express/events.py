"""What happened between a supplier and those who have, or want, Express access. None of it changes a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class LadderEvent(Event):
    """A mail of a ladder is owed. `days` before the end; `mail_id` is its row."""

    organization_id: str
    member_id: str
    account_id: str | None
    mail_id: str
    address: str
    language: str | None
    days: int
    ends_at: int


@dataclass(frozen=True, kw_only=True)
class InvitationReminded(LadderEvent):
    """An open invitation is brought to mind."""

    invitation_id: str


@dataclass(frozen=True, kw_only=True)
class InactivityWarned(LadderEvent):
    """A guest who has not come for long is told when the access ends."""


@dataclass(frozen=True, kw_only=True)
class GuestRequestTyped(Event):
    """Somebody filled in the form; the mailbox has to confirm it before it reaches anyone."""

    guest_request_id: str
    address: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class GuestRequested(Event):
    """The mailbox confirmed: a request waits for the supplier's administrators."""

    organization_id: str
    guest_request_id: str


@dataclass(frozen=True, kw_only=True)
class GuestRequestApproved(Event):
    """An administrator approved: the person is invited to the company."""

    organization_id: str
    guest_request_id: str
    company_id: str
    member_id: str


@dataclass(frozen=True, kw_only=True)
class GuestRequestRejected(Event):
    """An administrator said no; the person reads why."""

    organization_id: str
    guest_request_id: str
    address: str
    language: str | None
