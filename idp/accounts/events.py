"""What happened to accounts. Raised by `service`, in the transaction that did it."""

from __future__ import annotations

from dataclasses import dataclass

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ActivationRequested(Event):
    """Someone asked for an account. `known`: the address has one already, and gets another mail that says so."""

    proof_id: str
    address: str
    language: str
    known: bool


@dataclass(frozen=True, kw_only=True)
class ResetRequested(Event):
    """Someone asked for a new password. `account_id` is None where the address has no account that lets its person in:
    nobody is mailed then, and the answer takes as long."""

    proof_id: str
    account_id: str | None
    address: str
    language: str


@dataclass(frozen=True, kw_only=True)
class MailboxProofRequested(Event):
    """An address of an account is to be proven by a link."""

    proof_id: str
    account_id: str
    address: str
    language: str


@dataclass(frozen=True, kw_only=True)
class AccountCreated(Event):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class AccountActivated(Event):
    """A person created the account through the activation link."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class AddressProven(Event):
    """The account has shown that it reads this mailbox; `normalized` is the address as compared."""

    account_id: str
    normalized: str


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Event):
    """`by_reset`: through a mailed link, otherwise by someone who is signed in and knew the old one, if there was one.

    `everywhere`: what was opened with the old one ends, sessions and grants (docs/decisions/0024).
    """

    account_id: str
    by_reset: bool
    everywhere: bool = True


@dataclass(frozen=True, kw_only=True)
class AccountDisabled(Event):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class AccountEnabled(Event):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class AccountClosing(Event):
    """The person closed the account: nothing counts any more that it was given. It is erased at `closes_at` (UTC
    seconds) unless the person keeps it."""

    account_id: str
    closes_at: int


@dataclass(frozen=True, kw_only=True)
class AccountClosingReminded(Event):
    """The end of an account that its person closed is near: one more mail, once, says how to keep it."""

    account_id: str
    closes_at: int


@dataclass(frozen=True, kw_only=True)
class AccountKept(Event):
    """The person kept the account that was closing. What ended when it was closed stays ended."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class AccountDeleted(Event):
    """The account is about to go, disabled already; everything that refers to it goes along or lets go of it, and no
    room keeps a word of the person's."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class DataExported(Event):
    """The person took a copy of what is held about them."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class ProfileChanged(Event):
    """The person changed what they tell about themselves. `fields`: which, never what they say."""

    account_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AddressRequested(Event):
    """A person wants to add an address to their account. `known`: it is another's, and gets a mail that says so."""

    proof_id: str
    account_id: str
    address: str
    language: str
    known: bool


@dataclass(frozen=True, kw_only=True)
class AddressEvent(Event):
    """The addresses of an account changed; `address` is the one it is about."""

    account_id: str
    address_id: str
    address: str


@dataclass(frozen=True, kw_only=True)
class AddressAdded(AddressEvent):
    """The account has one address more, proven."""


@dataclass(frozen=True, kw_only=True)
class PrimaryAddressChosen(AddressEvent):
    """Mail goes to this address of the account from now on, and applications are told it."""


@dataclass(frozen=True, kw_only=True)
class AddressRemoved(AddressEvent):
    """The address belongs to the account no longer; whoever proves it next is somebody else."""


@dataclass(frozen=True, kw_only=True)
class PictureChanged(Event):
    """The account has another picture, its first one, or one that was brought back."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class PictureRemoved(Event):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class SignatureChanged(Event):
    """The account has another signature. `made`: `drawn`, `typed`, `uploaded`, or `again` for one brought back."""

    account_id: str
    made: str


@dataclass(frozen=True, kw_only=True)
class SignatureRemoved(Event):
    """The account gives no signature any more, or an earlier one is deleted (`earlier`)."""

    account_id: str
    earlier: bool = False
