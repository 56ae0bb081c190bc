"""The words of a mail: one template per kind and language gives the subject, the text and the HTML.

`templates/mail/<kind>/<language>.jinja` extends `layout.txt` or `layout.html`, whichever is being rendered, so both
parts of a mail always say the same. Links are made here, while rendering, from the configured issuer (idea 8 of
DESIGN §5); the Host header of no request ever reaches a mail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask_babel import force_locale
from flask_mail import Message
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from idp.accounts import addresses
from idp.accounts import service as accounts
from idp.accounts.models import Account, MailboxProof
from idp.express import ladders
from idp.express import requests as guest_requests
from idp.express.models import GuestRequest, LadderMail
from idp.kernel import clock, language
from idp.kernel.database import db, unit_of_work
from idp.organizations import service as organizations
from idp.organizations.models import AccessRequest, Invitation, Member, Organization
from idp.organizations.people import shown_as
from idp.organizations.policy import WITHOUT_ORGANIZATION
from idp.organizations.titles import app_name
from idp.settings import ROOT, current_settings

from .models import Delivery


@dataclass(frozen=True)
class Words:
    """A mail as a person reads it."""

    subject: str
    text: str
    html: str


@cache
def _environment(layout: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates" / "mail"),
        autoescape=layout.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["layout"] = layout
    environment.filters["on_date"] = _on_date
    return environment


@pass_context
def _on_date(context: Context, instant: int) -> str:
    """An instant as a date in the mail's language, which is not the language of a request."""
    return language.date_in(context["language"], instant)


def render(kind: str, spoken: str, **values: Any) -> Words:
    """Render one mail. A subject is one line whatever stands in the values."""
    name = f"{kind}/{spoken}.jinja"
    plain, rich = (_environment(layout).get_template(name) for layout in ("layout.txt", "layout.html"))
    values["language"] = spoken
    subject = " ".join("".join(plain.blocks["subject"](plain.new_context(values))).split())
    return Words(subject, plain.render(values).strip() + "\n", rich.render(values, subject=subject))


def prepare(delivery: Delivery) -> None:
    """What has to be so before a mail leaves: a warning that was held up still gives its whole notice."""
    if delivery.kind == "inactivity_warning":
        with unit_of_work():
            ladders.leaves_late(delivery.payload["mail_id"])


def compose(delivery: Delivery) -> Message | None:
    """The message that a delivery owes, or None when there is nothing left to tell (the link is spent, say)."""
    settings = current_settings()
    spoken = language.match([str(delivery.payload.get("language") or "")]) or settings.default_locale
    with force_locale(spoken):
        values = _KINDS[delivery.kind](delivery.payload)
    if values is None:
        return None
    words = render(delivery.kind, spoken, issuer=settings.issuer, **values)
    message = Message(
        subject=words.subject,
        recipients=[delivery.payload["address"]],
        body=words.text,
        html=words.html,
        sender=settings.mail_sender,
        date=float(delivery.created_at),
        extra_headers={"Auto-Submitted": "auto-generated", "Content-Language": spoken},
    )
    # The same on every attempt, so that a mailbox drops the twin of a resend after a crash.
    message.msgId = f"<{delivery.id}@{settings.issuer.split('://', 1)[1].split(':')[0]}>"
    return message


def _with_proof(payload: dict[str, Any]) -> dict[str, Any] | None:
    proof = db.session.get(MailboxProof, payload["proof_id"], populate_existing=True)
    if (
        proof is None
        or proof.purpose in ("known", "nobody")
        or proof.spent_at is not None
        or proof.expires_at <= clock.now()
    ):
        return None
    return {"link": _issuer() + accounts.link_for(proof), "address": proof.address, "hours": _hours(proof)}


def _hours(proof: MailboxProof) -> int:
    return max(1, round((proof.expires_at - proof.created_at) / 3600))


def _already_registered(payload: dict[str, Any]) -> dict[str, Any] | None:
    return {"address": payload["address"], "login": f"{_issuer()}/login", "forgot": f"{_issuer()}/password/forgot"}


def _own_security(payload: dict[str, Any]) -> dict[str, Any] | None:
    """What a person is told of every change to how the account signs in."""
    account = db.session.get(Account, payload["account_id"])
    if account is None:
        return None
    return {
        "name": account.name,
        "address": payload["address"],
        "label": payload.get("label", ""),
        "left": payload.get("left", 0),
        "everywhere": payload.get("everywhere", True),
        "security": f"{_issuer()}/account/security",
        "forgot": f"{_issuer()}/password/forgot",
    }


def _address_claimed(payload: dict[str, Any]) -> dict[str, Any] | None:
    proof = db.session.get(MailboxProof, payload["proof_id"], populate_existing=True)
    if proof is None or proof.spent_at is not None:
        return None
    return {"address": payload["address"], "login": f"{_issuer()}/login"}


def _addresses_changed(payload: dict[str, Any]) -> dict[str, Any] | None:
    account = db.session.get(Account, payload["account_id"])
    if account is None:
        return None
    return {
        "what": payload["what"],
        "about": payload["about"],
        "time": language.at_time(payload["at"], account.zoneinfo or "UTC"),
        "emails": f"{_issuer()}/account/emails",
        "forgot": f"{_issuer()}/password/forgot",
    }


def _left(payload: dict[str, Any]) -> dict[str, Any] | None:
    member = db.session.get(Member, payload["member_id"], populate_existing=True)
    if member is None:
        return None
    return {
        "name": member.name,
        "organization": member.organization.name,
        "company": member.company.name if member.company else None,
        "organizations": f"{_issuer()}/account/organizations",
        "link": f"{_issuer()}/org/{member.organization.slug}/people/{member.id}",
    }


def _account_closing(payload: dict[str, Any]) -> dict[str, Any] | None:
    account = db.session.get(Account, payload["account_id"], populate_existing=True)
    if account is None or account.closes_at != payload["closes_at"] or payload["closes_at"] <= clock.now():
        return None
    return {
        "address": payload["address"],
        "closes_at": payload["closes_at"],
        "login": _issuer() + accounts.keep_link(account),
        "forgot": f"{_issuer()}/password/forgot",
    }


def _invitation(payload: dict[str, Any]) -> dict[str, Any] | None:
    invitation = db.session.get(Invitation, payload["invitation_id"], populate_existing=True)
    if invitation is None or invitation.accepted_at or invitation.revoked_at or invitation.expires_at <= clock.now():
        return None
    member = db.session.get(Member, invitation.member_id)
    organization = db.session.get(Organization, member.organization_id) if member else None
    if member is None or organization is None or not addresses.same(member.email, payload["address"]):
        return None  # the link proves the mailbox that it is sent to, so it goes to no former address
    inviter = db.session.get(Account, invitation.invited_by) if invitation.invited_by else None
    return {
        "link": _issuer() + organizations.invitation_link(invitation),
        "organization": organization.name,
        "company": member.company.name if member.company else None,
        "inviter": inviter.name if inviter else None,
        "name": member.name,
        "ends_at": invitation.expires_at,
    }


def _inactivity_warning(payload: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing is left to tell once the person has come, was kept, or is no user any more."""
    mail = db.session.get(LadderMail, payload["mail_id"])
    member = db.session.get(Member, payload["member_id"], populate_existing=True)
    if mail is None or member is None or member.status != "active":
        return None
    if str(organizations.counts_from(member)) != mail.period:
        return None
    return {
        "organization": member.organization.name,
        "company": member.company.name if member.company else None,
        "ends_at": mail.ends_at,
        "link": f"{_issuer()}/open/express?organization={member.organization.slug}",
    }


def _guest_request(payload: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing of what was typed stands in it: whoever typed it need not be whose mailbox it is."""
    row = db.session.get(GuestRequest, payload["guest_request_id"], populate_existing=True)
    if row is None or row.confirmed_at is not None or row.expires_at <= clock.now():
        return None
    return {
        "organization": row.organization.name,
        "link": _issuer() + guest_requests.confirmation_link(row),
        "hours": max(1, round((row.expires_at - row.created_at) / 3600)),
    }


def _guest_rejected(payload: dict[str, Any]) -> dict[str, Any] | None:
    row = db.session.get(GuestRequest, payload["guest_request_id"], populate_existing=True)
    return None if row is None else {"organization": row.organization.name, "reason": row.reason}


def _access_requested(payload: dict[str, Any]) -> dict[str, Any] | None:
    request = db.session.get(AccessRequest, payload["request_id"], populate_existing=True)
    if request is None or request.decided_at is not None:
        return None
    member = db.session.get(Member, request.member_id)
    organization = db.session.get(Organization, request.organization_id)
    if member is None or organization is None:
        return None
    return {
        "person": shown_as(member, db.session.get(Account, request.account_id)).name,
        "app": app_name(request.app_id),
        "organization": organization.name,
        "link": f"{_issuer()}/org/{organization.slug}/requests/{request.id}",
    }


def _access_answered(payload: dict[str, Any]) -> dict[str, Any] | None:
    """An organization that the denial did not name is not named by its answer either."""
    request = db.session.get(AccessRequest, payload["request_id"], populate_existing=True)
    organization = db.session.get(Organization, request.organization_id) if request else None
    if request is None or organization is None:
        return None
    told = request.outcome == "granted" or request.code not in WITHOUT_ORGANIZATION
    return {
        "app": app_name(request.app_id),
        "organization": organization.name if told else None,
        "reason": request.reason,
        "link": f"{_issuer()}/access/request/{request.id}",
    }


def _user_added(payload: dict[str, Any]) -> dict[str, Any] | None:
    member = db.session.get(Member, payload["member_id"], populate_existing=True)
    if member is None or member.status == "ended":
        return None
    return {
        "name": member.name,
        "organization": member.organization.name,
        "address": payload["address"],
        "made": payload["made"],
        "first_password": payload["first_password"],
        "login": f"{_issuer()}/login",
        "forgot": f"{_issuer()}/password/forgot",
    }


def _address_alone(payload: dict[str, Any]) -> dict[str, Any] | None:
    return {"address": payload["address"]}


def _issuer() -> str:
    return current_settings().issuer


_KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
    "activation": _with_proof,
    "already_registered": _already_registered,
    "reset": _with_proof,
    "mailbox": _with_proof,
    "password_changed": _own_security,
    "password_removed": _own_security,
    "authenticator_added": _own_security,
    "authenticator_removed": _own_security,
    "passkey_added": _own_security,
    "passkey_removed": _own_security,
    "recovery_codes_made": _own_security,
    "recovery_code_used": _own_security,
    "second_factors_removed": _own_security,
    "address": _with_proof,
    "address_claimed": _address_claimed,
    "addresses_changed": _addresses_changed,
    "organization_left": _left,
    "member_left": _left,
    "account_closing": _account_closing,
    "account_closing_reminder": _account_closing,
    "account_erased": _address_alone,
    "invitation": _invitation,
    "invitation_reminder": _invitation,
    "inactivity_warning": _inactivity_warning,
    "guest_request": _guest_request,
    "guest_rejected": _guest_rejected,
    "access_requested": _access_requested,
    "access_granted": _access_answered,
    "access_declined": _access_answered,
    "user_added": _user_added,
    "test": _address_alone,
}
KINDS = tuple(_KINDS)
