"""What can be done to accounts. Each verb is one short transaction's worth of work; callers open the unit of work.

Passwords arrive hashed: hashing takes tens of milliseconds and never happens inside a transaction.
"""

from .emails import (
    add_address,
    admit_address,
    choose_primary,
    forget_waiting,
    own_address,
    remove_address,
    request_address,
    waiting,
)
from .export import admit_export, note_export
from .links import LinkState, link_for, link_refusal, read, tidy
from .lookup import admit_mail, admit_network, find_by_address, may_sign_in, required_action
from .pictures import (
    bring_back_picture,
    earlier_picture,
    earlier_picture_file,
    find_picture,
    remove_picture,
    set_picture,
    tidy_pictures,
)
from .profile import change_profile
from .recovery import change_password, prove_mailbox, request_mailbox_proof, request_reset, reset_password
from .signatures import (
    bring_back_signature,
    delete_signature,
    own_signature,
    remove_signature,
    set_signature,
    signature_since,
    signatures_of,
)
from .signup import activate, create_account, read_activation, request_activation, resend_activation
from .status import (
    account_to_keep,
    close_account,
    closed_and_due,
    closed_to_remind,
    delete_account,
    disable_account,
    enable_account,
    erase_closed,
    keep_account,
    keep_link,
    remind_closing,
    reminder_ahead,
)

__all__ = [
    "LinkState",
    "account_to_keep",
    "activate",
    "add_address",
    "admit_address",
    "admit_export",
    "admit_mail",
    "admit_network",
    "bring_back_picture",
    "bring_back_signature",
    "change_password",
    "change_profile",
    "choose_primary",
    "close_account",
    "closed_and_due",
    "closed_to_remind",
    "create_account",
    "delete_account",
    "delete_signature",
    "disable_account",
    "earlier_picture",
    "earlier_picture_file",
    "enable_account",
    "erase_closed",
    "find_by_address",
    "find_picture",
    "forget_waiting",
    "keep_account",
    "keep_link",
    "link_for",
    "link_refusal",
    "may_sign_in",
    "note_export",
    "own_address",
    "own_signature",
    "prove_mailbox",
    "read",
    "read_activation",
    "remind_closing",
    "reminder_ahead",
    "remove_address",
    "remove_picture",
    "remove_signature",
    "request_activation",
    "request_address",
    "request_mailbox_proof",
    "request_reset",
    "required_action",
    "resend_activation",
    "reset_password",
    "set_picture",
    "set_signature",
    "signature_since",
    "signatures_of",
    "tidy",
    "tidy_pictures",
    "waiting",
]
