"""Everything that changes what a person may do, and where: one short verb each, inside the caller's unit of work.

Every verb locks the organization first (`locking.lock`), so that two administrators, or forty at once, queue up and
each decides on what is true now. Verbs raise `Refusal` and leave no trace, or change rows and emit what happened.
"""

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
from .licenses import assign_edition, assign_seat, change_license, delete_license, sell_license, unassign_seat
from .locking import lock
from .members import (
    add_member,
    disable_member,
    edit_member,
    enable_member,
    end_member,
    find_member,
    link_address,
    note_use,
    set_active,
    set_contact_only,
)
from .places import (
    add_company,
    change_organization,
    create_organization,
    delete_organization,
    find_organization,
    own_organization,
    resume_organization,
    suspend_organization,
)
from .roles import (
    administrators_of,
    assign_role,
    create_role,
    delete_role,
    find_role,
    set_role_privileges,
    sync_system_roles,
    unassign_role,
)
from .users import add_administrator, add_user, check_reach, delete_user, disable_user, edit_user, enable_user

__all__ = [
    "InvitationState",
    "accept_invitation",
    "add_administrator",
    "add_company",
    "add_member",
    "add_user",
    "administrators_of",
    "assign_edition",
    "assign_role",
    "assign_seat",
    "change_license",
    "change_organization",
    "check_reach",
    "create_organization",
    "create_role",
    "delete_license",
    "delete_organization",
    "delete_role",
    "delete_user",
    "disable_member",
    "disable_user",
    "edit_member",
    "edit_user",
    "enable_member",
    "enable_user",
    "end_member",
    "find_member",
    "find_organization",
    "find_role",
    "invitation_link",
    "invite",
    "link_address",
    "lock",
    "note_use",
    "own_organization",
    "read_invitation",
    "resend_invitation",
    "resend_own_invitations",
    "resume_organization",
    "revoke_invitation",
    "sell_license",
    "set_active",
    "set_contact_only",
    "set_role_privileges",
    "suspend_organization",
    "sync_system_roles",
    "unassign_role",
    "unassign_seat",
]
