"""Which event causes which delivery. Handlers run in the transaction that did it and only add rows of this
room; what is mailed is decided by `mails.py` when it is sent."""

from __future__ import annotations

from idp.accounts import events as accounts
from idp.accounts.credentials import events as credentials
from idp.accounts.models import Account
from idp.express import events as express
from idp.kernel.database import db
from idp.kernel.events import Bus
from idp.oidc import events as oidc
from idp.organizations import events as organizations
from idp.organizations.service import administrators_of
from idp.organizations.service import requests as access_requests
from idp.organizations.service.requests import MOST_MAILED

from . import service


def subscribe(bus: Bus) -> None:
    bus.subscribe(accounts.ActivationRequested, _activation)
    bus.subscribe(accounts.ResetRequested, _reset)
    bus.subscribe(accounts.MailboxProofRequested, _mailbox)
    bus.subscribe(accounts.PasswordChanged, _password_changed)
    bus.subscribe(accounts.AddressRequested, _address_requested)
    bus.subscribe(accounts.AddressEvent, _addresses_changed)
    bus.subscribe(credentials.CredentialChanged, _credential_changed)
    bus.subscribe(accounts.AccountClosing, _account_closing)
    bus.subscribe(accounts.AccountClosingReminded, _account_closing)
    bus.subscribe(accounts.AccountDeleted, _account_erased)
    bus.subscribe(organizations.MemberInvited, _invited)
    bus.subscribe(express.InvitationReminded, _reminded)
    bus.subscribe(express.InactivityWarned, _warned)
    bus.subscribe(express.GuestRequestTyped, _guest_request)
    bus.subscribe(express.GuestRequestRejected, _guest_rejected)
    bus.subscribe(organizations.MemberEnded, _left)
    bus.subscribe(organizations.AccessRequested, _access_requested)
    bus.subscribe(organizations.AccessGranted, _access_answered)
    bus.subscribe(organizations.AccessDeclined, _access_answered)
    bus.subscribe(organizations.UserAdded, _user_added)
    bus.subscribe(organizations.MemberActivated, _activated)
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
    _tell_owner("password_changed", event.account_id, everywhere=event.everywhere)


CREDENTIAL_MAILS: dict[type[credentials.CredentialChanged], str] = {
    credentials.AuthenticatorAdded: "authenticator_added",
    credentials.AuthenticatorRemoved: "authenticator_removed",
    credentials.PasskeyAdded: "passkey_added",
    credentials.PasskeyRemoved: "passkey_removed",
    credentials.RecoveryCodesMade: "recovery_codes_made",
    credentials.RecoveryCodeUsed: "recovery_code_used",
    credentials.PasswordRemoved: "password_removed",
    credentials.SecondFactorsRemoved: "second_factors_removed",
}


def _credential_changed(event: credentials.CredentialChanged) -> None:
    values = {name: getattr(event, name) for name in ("label", "left") if hasattr(event, name)}
    _tell_owner(CREDENTIAL_MAILS[type(event)], event.account_id, **values)


def _tell_owner(kind: str, account_id: str, **values: str | int | bool) -> None:
    """Tell every proven address of the account how it signs in now (security R27)."""
    account = db.session.get(Account, account_id)
    for email in account.emails if account else ():
        if email.verified_at is not None and account is not None:
            service.queue_mail(
                kind, address=email.address, language=account.locale, payload={"account_id": account.id, **values}
            )


def _address_requested(event: accounts.AddressRequested) -> None:
    """Who asked sees the same page for every address; only the mailbox learns whether it is somebody's already."""
    kind = "address_claimed" if event.known else "address"
    service.queue_mail(kind, address=event.address, language=event.language, payload={"proof_id": event.proof_id})


_ADDRESS_CHANGES: dict[type[accounts.AddressEvent], str] = {
    accounts.AddressAdded: "added",
    accounts.PrimaryAddressChosen: "primary",
    accounts.AddressRemoved: "removed",
}


def _addresses_changed(event: accounts.AddressEvent) -> None:
    """Tell every other proven address of the account, and one that was removed (security R27)."""
    account = db.session.get(Account, event.account_id)
    what = _ADDRESS_CHANGES[type(event)]
    if account is None:
        return
    told = {email.address for email in account.emails if email.verified_at is not None}
    told = told - {event.address} if what == "added" else told | {event.address}
    for address in sorted(told):
        service.queue_mail(
            "addresses_changed",
            address=address,
            language=account.locale,
            payload={"account_id": account.id, "what": what, "about": event.address, "at": event.at},
        )


def _left(event: organizations.MemberEnded) -> None:
    """Tell the person, and a bounded number of the organization's administrators, that the person has left."""
    account = db.session.get(Account, event.account_id) if event.account_id else None
    if event.reason != "left" or account is None:
        return
    payload = {"member_id": event.member_id, "at": event.at}
    if account.email is not None:
        service.queue_mail("organization_left", address=account.email.address, language=account.locale, payload=payload)
    for administrator in administrators_of(event.organization_id)[:MOST_MAILED]:
        if administrator.email is not None:
            service.queue_mail(
                "member_left", address=administrator.email.address, language=administrator.locale, payload=payload
            )


def _account_closing(event: accounts.AccountClosing | accounts.AccountClosingReminded) -> None:
    """Tell every proven address when the account goes, and how it is kept; once more shortly before."""
    kind = "account_closing" if isinstance(event, accounts.AccountClosing) else "account_closing_reminder"
    account = db.session.get(Account, event.account_id)
    for email in account.emails if account else ():
        if email.verified_at is not None and account is not None:
            service.queue_mail(
                kind,
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


def _reminded(event: express.InvitationReminded) -> None:
    payload = {"invitation_id": event.invitation_id}
    service.queue_mail("invitation_reminder", address=event.address, language=event.language, payload=payload)


def _warned(event: express.InactivityWarned) -> None:
    payload = {"member_id": event.member_id, "mail_id": event.mail_id}
    service.queue_mail("inactivity_warning", address=event.address, language=event.language, payload=payload)


def _guest_request(event: express.GuestRequestTyped) -> None:
    payload = {"guest_request_id": event.guest_request_id}
    service.queue_mail("guest_request", address=event.address, language=event.language, payload=payload)


def _guest_rejected(event: express.GuestRequestRejected) -> None:
    payload = {"guest_request_id": event.guest_request_id}
    service.queue_mail("guest_rejected", address=event.address, language=event.language, payload=payload)


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


def _activated(event: organizations.MemberActivated) -> None:
    """Who has an account learns that an organization has made it a user; the others get the welcome."""
    if event.address is not None:
        service.queue_mail(
            "user_added",
            address=event.address,
            language=event.language,
            payload={"member_id": event.member_id, "made": False, "first_password": False},
        )


def _logout(event: oidc.LogoutDue) -> None:
    service.queue_logout(client_id=event.client_id, sub=event.sub, sid=event.sid)
