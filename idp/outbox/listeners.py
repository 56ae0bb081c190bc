"""Which event causes which delivery. Handlers run in the transaction that did it and only add rows of this
room; what is mailed is decided by `mails.py` when it is sent."""

from __future__ import annotations

from idp.accounts import events as accounts
from idp.accounts.models import Account
from idp.kernel.database import db
from idp.kernel.events import Bus
from idp.oidc import events as oidc
from idp.organizations import events as organizations
from idp.organizations.service import requests as access_requests

from . import service


def subscribe(bus: Bus) -> None:
    bus.subscribe(accounts.ActivationRequested, _activation)
    bus.subscribe(accounts.ResetRequested, _reset)
    bus.subscribe(accounts.MailboxProofRequested, _mailbox)
    bus.subscribe(accounts.PasswordChanged, _password_changed)
    bus.subscribe(accounts.AccountClosing, _account_closing)
    bus.subscribe(accounts.AccountDeleted, _account_erased)
    bus.subscribe(organizations.MemberInvited, _invited)
    bus.subscribe(organizations.AccessRequested, _access_requested)
    bus.subscribe(organizations.AccessGranted, _access_answered)
    bus.subscribe(organizations.AccessDeclined, _access_answered)
    bus.subscribe(organizations.UserAdded, _user_added)
    bus.subscribe(oidc.LogoutDue, _logout)


def _activation(event: accounts.ActivationRequested) -> None:
    """Strangers see the same page for every address; only the mailbox learns whether there is a user already."""
    kind = "already_registered" if event.known else "activation"
    service.queue_mail(kind, address=event.address, language=event.language, payload={"proof_id": event.proof_id})


def _reset(event: accounts.ResetRequested) -> None:
    service.queue_mail("reset", address=event.address, language=event.language, payload={"proof_id": event.proof_id})


def _mailbox(event: accounts.MailboxProofRequested) -> None:
    service.queue_mail("mailbox", address=event.address, language=event.language, payload={"proof_id": event.proof_id})


def _password_changed(event: accounts.PasswordChanged) -> None:
    """Tell every proven address of the account (security R27)."""
    account = db.session.get(Account, event.account_id)
    for email in account.emails if account else ():
        if email.verified_at is not None and account is not None:
            service.queue_mail(
                "password_changed", address=email.address, language=account.locale, payload={"account_id": account.id}
            )


def _account_closing(event: accounts.AccountClosing) -> None:
    """Tell every proven address when the account goes, and how it is kept."""
    account = db.session.get(Account, event.account_id)
    for email in account.emails if account else ():
        if email.verified_at is not None and account is not None:
            service.queue_mail(
                "account_closing",
                address=email.address,
                language=account.locale,
                payload={"account_id": account.id, "closes_at": event.closes_at},
            )


def _account_erased(event: accounts.AccountDeleted) -> None:
    """The mails to the person's addresses go, sent or not; one more says so, and goes as soon as it has arrived."""
    account = db.session.get(Account, event.account_id)
    if account is None:
        return
    service.forget_mails_to({email.address for email in account.emails})
    for email in account.emails:
        if email.verified_at is not None:
            service.queue_mail("account_erased", address=email.address, language=account.locale)


def _invited(event: organizations.MemberInvited) -> None:
    service.queue_mail(
        "invitation",
        address=event.address,
        language=event.language,
        payload={"invitation_id": event.invitation_id, "generation": event.generation},
    )


def _access_requested(event: organizations.AccessRequested) -> None:
    """Tell those who may handle it, a bounded number of them."""
    for account in access_requests.handlers_of(event.organization_id, but=event.account_id):
        if account.email is not None:
            service.queue_mail(
                "access_requested",
                address=account.email.address,
                language=account.locale,
                payload={"request_id": event.request_id, "account_id": account.id},
            )


def _access_answered(event: organizations.AccessRequestEvent) -> None:
    """Tell the person who asked."""
    account = db.session.get(Account, event.account_id)
    if account is not None and account.email is not None:
        kind = "access_granted" if isinstance(event, organizations.AccessGranted) else "access_declined"
        service.queue_mail(
            kind, address=account.email.address, language=account.locale, payload={"request_id": event.request_id}
        )


def _user_added(event: organizations.UserAdded) -> None:
    """The person learns of the user; a first password is told by whoever set it, never mailed."""
    service.queue_mail(
        "user_added",
        address=event.address,
        language=event.language,
        payload={"member_id": event.member_id, "made": event.made, "first_password": event.first_password},
    )


def _logout(event: oidc.LogoutDue) -> None:
    service.queue_logout(client_id=event.client_id, sub=event.sub, sid=event.sid)
