"""Which event causes which delivery. Handlers run in the transaction that did it and only add rows of this room,
with one exception that says so."""

from __future__ import annotations

from idp.accounts import events as accounts
from idp.accounts import service as accounts_service
from idp.accounts.models import Account
from idp.kernel.database import db
from idp.kernel.events import Bus
from idp.oidc import events as oidc
from idp.organizations import events as organizations

from . import service


def subscribe(bus: Bus) -> None:
    bus.subscribe(accounts.ActivationRequested, _activation)
    bus.subscribe(accounts.ResetRequested, _reset)
    bus.subscribe(accounts.MailboxProofRequested, _mailbox)
    bus.subscribe(accounts.PasswordChanged, _password_changed)
    bus.subscribe(organizations.MemberInvited, _invited)
    bus.subscribe(organizations.MemberActivated, _welcome)
    bus.subscribe(organizations.EntitlementChanged, _entitlement)
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


def _invited(event: organizations.MemberInvited) -> None:
    service.queue_mail(
        "invitation",
        address=event.address,
        language=event.language,
        payload={"invitation_id": event.invitation_id, "generation": event.generation},
    )


def _welcome(event: organizations.MemberActivated) -> None:
    """A member who was set Active and has no account gets the welcome mail (DESIGN §3 *Linking*).

    Its link needs a proof of the mailbox, a row of the accounts room, which that room makes; the mail follows from
    its own event.
    """
    if event.address:
        accounts_service.request_activation(event.address, event.language or "", invited=True)


def _entitlement(event: organizations.EntitlementChanged) -> None:
    """What touches a whole organization is looked at by the worker, in pages (idea 7 of DESIGN §5)."""
    if event.member_ids is None:
        service.queue_expansion(event.organization_id)


def _logout(event: oidc.LogoutDue) -> None:
    service.queue_logout(client_id=event.client_id, sub=event.sub, sid=event.sid)
