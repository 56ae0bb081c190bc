"""What can be done to accounts. Each verb is one short transaction's worth of work; callers open the unit of work.

Passwords arrive hashed: hashing takes tens of milliseconds and never happens inside a transaction.
"""

from .links import LinkState, link_for, link_refusal, read, tidy
from .lookup import admit_mail, find_by_address, may_sign_in, required_action
from .recovery import change_password, prove_mailbox, request_mailbox_proof, request_reset, reset_password
from .signup import activate, create_account, read_activation, request_activation, resend_activation
from .status import (
    close_account,
    closed_and_due,
    delete_account,
    disable_account,
    enable_account,
    erase_closed,
    keep_account,
)

__all__ = [
    "LinkState",
    "activate",
    "admit_mail",
    "change_password",
    "close_account",
    "closed_and_due",
    "create_account",
    "delete_account",
    "disable_account",
    "enable_account",
    "erase_closed",
    "find_by_address",
    "keep_account",
    "link_for",
    "link_refusal",
    "may_sign_in",
    "prove_mailbox",
    "read",
    "read_activation",
    "request_activation",
    "request_mailbox_proof",
    "request_reset",
    "required_action",
    "resend_activation",
    "reset_password",
    "tidy",
]
