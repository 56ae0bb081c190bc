"""Everything that changes what a person may do, and where: one short verb each, inside the caller's unit of work.

Every verb locks the organization first (`locking.lock`), so that two administrators, or forty at once, queue up and
each decides on what is true now; where an address is typed or proven, that is locked before it. Verbs raise `Refusal`
and leave no trace, or change rows and emit what happened.
"""

from .holdings import add_person, change_holdings
from .importing import Judged, Line, import_line, judge, understand
from .invitations import (
    InvitationState,
    accept_invitation,
    invitation_link,
    invite,
    read_invitation,
    resend_invitation,
    resend_own_invitations,
    revoke_invitation,
)
from .licenses import assign_seat, assign_seats, change_license, sell_license, unassign_seat, why_no_seat
from .locking import lock
from .members import (
    add_member,
    disable_member,
    edit_member,
    enable_member,
    end_member,
    link_address,
    note_use,
    same_address,
    set_active,
    set_contact_only,
)
from .places import add_company, create_organization, find_organization, resume_organization, suspend_organization
from .rights import rights_in
from .roles import (
    administrators_of,
    assign_role,
    change_role,
    create_role,
    delete_role,
    find_role,
    free_role_name,
    rename_role,
    set_role_privileges,
    sync_system_roles,
    unassign_role,
)

__all__ = [
    "InvitationState",
    "Judged",
    "Line",
    "accept_invitation",
    "add_company",
    "add_member",
    "add_person",
    "administrators_of",
    "assign_role",
    "assign_seat",
    "assign_seats",
    "change_holdings",
    "change_license",
    "change_role",
    "create_organization",
    "create_role",
    "delete_role",
    "disable_member",
    "edit_member",
    "enable_member",
    "end_member",
    "find_organization",
    "find_role",
    "free_role_name",
    "import_line",
    "invitation_link",
    "invite",
    "judge",
    "link_address",
    "lock",
    "note_use",
    "read_invitation",
    "rename_role",
    "resend_invitation",
    "resend_own_invitations",
    "resume_organization",
    "revoke_invitation",
    "rights_in",
    "same_address",
    "sell_license",
    "set_active",
    "set_contact_only",
    "set_role_privileges",
    "suspend_organization",
    "sync_system_roles",
    "unassign_role",
    "unassign_seat",
    "understand",
    "why_no_seat",
]
