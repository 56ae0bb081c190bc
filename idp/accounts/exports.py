"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from flask_babel import lazy_gettext as _l
from sqlalchemy import Table, select

from idp.kernel.database import db
from idp.kernel.exports import Part, Taken, instant, walk

from .models import Account, EmailAddress, MailboxProof

NOT_TAKEN = frozenset({"password_hash", "search_text", "rev"})
"""Columns of the account that are a secret, or say again what others say."""


def _account(account_id: str) -> Iterator[Taken]:
    table = cast(Table, Account.__table__)
    columns = [column for column in table.c if column.name not in NOT_TAKEN]
    for row in db.session.execute(select(*columns).where(table.c.id == account_id)).mappings():
        yield {name: instant(value) if name.endswith("_at") else value for name, value in row.items()}


def _addresses(account_id: str) -> Iterator[Taken]:
    for row in walk(
        select(
            EmailAddress.id,
            EmailAddress.address,
            EmailAddress.is_primary,
            EmailAddress.verified_at,
            EmailAddress.created_at,
        ).where(EmailAddress.account_id == account_id),
        EmailAddress.id,
    ):
        yield {
            "address": row.address,
            "primary": row.is_primary,
            "proven_at": instant(row.verified_at),
            "added_at": instant(row.created_at),
        }


def _proofs(account_id: str) -> Iterator[Taken]:
    for row in walk(
        select(
            MailboxProof.id,
            MailboxProof.purpose,
            MailboxProof.address,
            MailboxProof.created_at,
            MailboxProof.expires_at,
            MailboxProof.spent_at,
        ).where(MailboxProof.account_id == account_id),
        MailboxProof.id,
    ):
        yield {
            "purpose": row.purpose,
            "address": row.address,
            "made_at": instant(row.created_at),
            "expires_at": instant(row.expires_at),
            "used_at": instant(row.spent_at),
        }


PARTS = (
    Part("account", _l("Your name, phone, language and what else you told."), frozenset({"account"}), _account),
    Part("addresses", _l("Your e-mail addresses."), frozenset({"email_address"}), _addresses),
    Part("mailed_links", _l("When links were mailed to you, and used."), frozenset({"mailbox_proof"}), _proofs),
)  # fmt: skip
