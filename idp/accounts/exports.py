"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, cast

from flask_babel import lazy_gettext as _l
from sqlalchemy import Table, literal, select

from idp.kernel.database import db
from idp.kernel.exports import Part, Taken, instant, taken

from .credentials.models import Authenticator, Passkey, RecoveryCode
from .models import Account, EmailAddress, MailboxProof, Picture, Signature

NOT_TAKEN = frozenset({"password_hash", "search_text", "rev"})
"""Columns of the account that are a secret, or say again what others say."""


def _account(account_id: str) -> Iterator[Taken]:
    table = cast(Table, Account.__table__)
    columns = [column for column in table.c if column.name not in NOT_TAKEN]
    for row in db.session.execute(select(*columns).where(table.c.id == account_id)).mappings():
        yield {name: instant(value) if name.endswith("_at") else value for name, value in row.items()}


def _addresses(account_id: str) -> Iterator[Taken]:
    return taken(
        EmailAddress.id,
        {
            "address": EmailAddress.address,
            "primary": EmailAddress.is_primary,
            "proven_at": EmailAddress.verified_at,
            "added_at": EmailAddress.created_at,
        },
        lambda rows: rows.where(EmailAddress.account_id == account_id),
    )


def _proofs(account_id: str) -> Iterator[Taken]:
    return taken(
        MailboxProof.id,
        {
            "purpose": MailboxProof.purpose,
            "address": MailboxProof.address,
            "made_at": MailboxProof.created_at,
            "expires_at": MailboxProof.expires_at,
            "used_at": MailboxProof.spent_at,
        },
        lambda rows: rows.where(MailboxProof.account_id == account_id),
    )


def _sign_in_methods(account_id: str) -> Iterator[Taken]:
    """Second factors, never what makes them work."""
    yield from taken(
        Passkey.id,
        {
            "method": literal("passkey"),
            "name": Passkey.name,
            "authenticator": Passkey.aaguid,
            "synced": Passkey.synced,
            "made_at": Passkey.created_at,
            "last_used_at": Passkey.last_used_at,
        },
        lambda rows: rows.where(Passkey.account_id == account_id),
    )
    yield from taken(
        Authenticator.account_id,
        {
            "method": literal("authenticator_app"),
            "made_at": Authenticator.created_at,
            "last_used_at": Authenticator.last_used_at,
        },
        lambda rows: rows.where(Authenticator.account_id == account_id),
    )
    yield from taken(
        RecoveryCode.id,
        {
            "method": literal("recovery_code"),
            "made_at": RecoveryCode.created_at,
            "used_at": RecoveryCode.spent_at,
        },
        lambda rows: rows.where(RecoveryCode.account_id == account_id),
    )


def _images(model: type[Picture] | type[Signature], account_id: str) -> Iterator[Taken]:
    return taken(
        model.id,
        {"file": model.id, "made_at": model.created_at, "put_aside_at": model.put_aside_at},
        lambda rows: rows.where(model.account_id == account_id),
    )


def _image_files(model: type[Picture] | type[Signature], content: Any, kind: str, account_id: str) -> Iterator[Any]:
    """One image at a time: together they may be more than fits."""
    for image_id in db.session.scalars(select(model.id).where(model.account_id == account_id)).all():
        found = db.session.scalar(select(content).where(model.id == image_id))
        if found is not None:
            yield f"{image_id}.{kind}", bytes(found)


PARTS = (
    Part("account", _l("Your name, phone, language and what else you told."), frozenset({"account"}), _account),
    Part("addresses", _l("Your e-mail addresses."), frozenset({"email_address"}), _addresses),
    Part("mailed_links", _l("When links were mailed to you, and used."), frozenset({"mailbox_proof"}), _proofs),
    Part(
        "sign_in_methods",
        _l("Your passkeys, authenticator app and recovery codes: when they were made and used."),
        frozenset({"passkey", "authenticator", "recovery_code"}),
        _sign_in_methods,
    ),
    Part(
        "pictures",
        _l("Your picture, and earlier ones that can be brought back; the files are beside it."),
        frozenset({"picture"}),
        partial(_images, Picture),
        partial(_image_files, Picture, Picture.large, "jpg"),
    ),
    Part(
        "signatures",
        _l("Your signature, and earlier ones that can be brought back; the files are beside it."),
        frozenset({"signature"}),
        partial(_images, Signature),
        partial(_image_files, Signature, Signature.image, "png"),
    ),
)
LEFT_OUT = {"ceremony": "begun in a browser and over within minutes; all that it holds is a secret"}
