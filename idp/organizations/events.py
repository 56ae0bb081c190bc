"""What happened in organizations. `EntitlementChanged` is the base of everything that may change a verdict.

`app_ids` are the apps that an event is about. `changes` tells by field what was and what is now; of a person's own data
it names the field and nothing else, for what is told here is kept in the audit trail (security R46).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.kernel.events import Event

Changes = Mapping[str, tuple[Any, ...]]
"""By field: (before, after), or nothing where the values are personal."""


@dataclass(frozen=True, kw_only=True)
class EntitlementChanged(Event):
    """The decision may be another one now for these members; `member_ids` None: for all of the organization."""

    organization_id: str
    member_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class OrganizationCreated(Event):
    """There is a new tenant."""

    organization_id: str


@dataclass(frozen=True, kw_only=True)
class OrganizationChanged(Event):
    """The organization has another name or number."""

    organization_id: str
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class OrganizationDeleted(Event):
    """An organization without people and licenses is about to go."""

    organization_id: str


@dataclass(frozen=True, kw_only=True)
class OrganizationSuspended(EntitlementChanged):
    """Nobody can use the organization until it is resumed; `why` as the administrator wrote it."""

    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class OrganizationResumed(EntitlementChanged):
    """The organization is in use again; `why` as the administrator wrote it."""

    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecondFactorRequired(EntitlementChanged):
    """From now on its apps open only to who signed in with two factors."""


@dataclass(frozen=True, kw_only=True)
class SecondFactorNotRequired(Event):
    """A password is enough again."""

    organization_id: str


@dataclass(frozen=True, kw_only=True)
class CompanyAdded(Event):
    """A supplier recorded a customer of its own."""

    organization_id: str
    company_id: str


@dataclass(frozen=True, kw_only=True)
class CompanyChanged(Event):
    """A company has another name or number, or is another organization."""

    organization_id: str
    company_id: str
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class CompanyDeleted(Event):
    """A company that nobody was a user for is about to go, with its contacts."""

    organization_id: str
    company_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class MemberEvent(EntitlementChanged):
    """Something happened to one member."""

    member_id: str
    account_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class MemberAdded(MemberEvent):
    """A person was recorded, as a contact or as an active member."""


@dataclass(frozen=True, kw_only=True)
class MemberEdited(Event):
    """Something else is recorded about a person. It changes no verdict by itself."""

    organization_id: str
    member_id: str
    account_id: str | None
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class UserAdded(MemberEvent):
    """A platform administrator added an employee. `made`: with a new account, `first_password`: that has one set."""

    made: bool
    first_password: bool
    address: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class MemberActivated(MemberEvent):
    """A contact was set Active, or an ended member brought back.

    Without an account it also gets the welcome mail (accounts.ActivationRequested). `address`: where a person who has
    one is told."""

    address: str | None = None
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class MemberSetContactOnly(MemberEvent):
    """A user became Contact only: roles and seats are gone."""


@dataclass(frozen=True, kw_only=True)
class MemberDisabled(MemberEvent):
    """The member can't be used until it is enabled again; it keeps its roles and seats."""


@dataclass(frozen=True, kw_only=True)
class MemberEnabled(MemberEvent):
    """A disabled member is active again."""


@dataclass(frozen=True, kw_only=True)
class MemberEnded(MemberEvent):
    """The membership is over. `reason`: `ended` (an administrator), `inactive` (one year without a sign-in), or `left`
    (the person)."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class GuestKept(MemberEvent):
    """The supplier kept an Express guest who had not come for long: its year begins anew."""


@dataclass(frozen=True, kw_only=True)
class MemberLinked(MemberEvent):
    """The person behind a member proved its address; `account_id` is whose it is from now on."""


@dataclass(frozen=True, kw_only=True)
class MemberInvited(MemberEvent):
    """An invitation was made, or made again (`generation` above 1: older links are dead)."""

    invitation_id: str
    generation: int
    address: str
    language: str | None
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class InvitationWithdrawn(MemberEvent):
    """An administrator took an open invitation back, and nothing else; its link is dead.

    What makes a link pointless on the way (made Active, ended, invited anew, another address) is told by its own event.
    """

    invitation_id: str


@dataclass(frozen=True, kw_only=True)
class InvitationAccepted(MemberEvent):
    """The person accepted and is a member."""

    invitation_id: str


@dataclass(frozen=True, kw_only=True)
class RoleCreated(Event):
    """An organization made a role. Nobody holds it yet."""

    organization_id: str
    role_id: str
    name: str
    app_ids: tuple[str, ...]
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class RoleChanged(EntitlementChanged):
    """A role's name or privileges are others now. `app_ids`: of the privileges before and after."""

    role_id: str
    name: str
    app_ids: tuple[str, ...]
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class RoleDeleted(EntitlementChanged):
    """A role is gone, also from those who held it."""

    role_id: str
    name: str
    app_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SystemRoleReduced(Event):
    """The catalog took privileges from a role of the system, or the whole role; its holders, of any organization, still
    have it while this is told."""

    role_id: str


@dataclass(frozen=True, kw_only=True)
class RoleAssigned(MemberEvent):
    """A member holds one role more."""

    role_id: str
    name: str
    app_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RoleUnassigned(MemberEvent):
    """A member holds one role less."""

    role_id: str
    name: str
    app_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LicenseSold(EntitlementChanged):
    """An organization bought an edition."""

    license_id: str
    edition: str
    app_ids: tuple[str, ...]
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class LicenseChanged(EntitlementChanged):
    """Seats, start or end of a license are others now."""

    license_id: str
    edition: str
    app_ids: tuple[str, ...]
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class LicenseDeleted(EntitlementChanged):
    """A license of which nobody held a seat is gone."""

    license_id: str
    edition: str
    app_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SeatAssigned(MemberEvent):
    """A member holds a seat of the license."""

    license_id: str
    edition: str
    app_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SeatUnassigned(MemberEvent):
    """A member gave a seat of the license back."""

    license_id: str
    edition: str
    app_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AccessRequestEvent(Event):
    """Something happened to a person's request for access. It changes no verdict by itself."""

    organization_id: str
    member_id: str
    account_id: str
    app_ids: tuple[str, ...]
    request_id: str


@dataclass(frozen=True, kw_only=True)
class AccessRequested(AccessRequestEvent):
    """A person asks to be let into an app; `reason` is the code of the denial that it met."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class AccessGranted(AccessRequestEvent):
    """An administrator made the changes that open the app."""


@dataclass(frozen=True, kw_only=True)
class AccessDeclined(AccessRequestEvent):
    """An administrator said no; the person reads why."""


@dataclass(frozen=True, kw_only=True)
class AccessRequestClosed(AccessRequestEvent):
    """Nobody has to handle it any more. `outcome`: `opened` (the app is open to the person) or `withdrawn`."""

    outcome: str
