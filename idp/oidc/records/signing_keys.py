"""Signing key: what tokens are signed with, today and next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel import language
from idp.kernel.records import Acting, Action, Column, Scope, Table, Values

from .. import keys
from ..models import SigningKey
from .rights import ROTATES, SEES_KEYS

# Signing key ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key and what it does today: `next`, `active`, `retired`, `gone`."""

    key: SigningKey
    state: str


KEY_STATES: dict[str, tuple[str, Any]] = {
    "active": ("good", _l("Signs")),
    "next": ("late", _l("Published, signs later")),
    "retired": ("plain", _l("Published, signs no more")),
    "gone": ("plain", _l("Gone")),
}


def _key_rows(found: Sequence[SigningKey], _scope: Scope) -> list[KeyRow]:
    states = {row["kid"]: row["state"] for row in keys.list_keys()}
    return [KeyRow(one, states.get(one.kid, "gone")) for one in found]


def _rotate(row_id: str, values: Values, acting: Acting) -> None:
    del row_id, values
    keys.rotate(actor_id=acting.actor_id)


def _rotate_now(row_id: str, values: Values, acting: Acting) -> None:
    del row_id, values
    keys.rotate(immediately=True, actor_id=acting.actor_id)


SIGNING_KEY = Table(
    zone="protocol",
    name="signing-key",
    title=_l("Signing key"),
    key=SigningKey.kid,
    read=SEES_KEYS,
    select=lambda _scope: select(SigningKey),
    rows=_key_rows,
    columns=(
        Column("kid", _l("Key id"), lambda row: row.key.kid, sort=SigningKey.kid),
        Column("alg", _l("Algorithm"), lambda row: row.key.alg, sort=SigningKey.alg),
        Column("from", _l("Signs from"), lambda row: row.key.activates_at, kind="time", sort=SigningKey.activates_at),
        Column("until", _l("Published until"), lambda row: row.key.expires_at, kind="time", sort=SigningKey.expires_at),
        Column("state", _l("Status"), lambda row: KEY_STATES[row.state], kind="state"),
    ),
    sort="-from",
    facts=lambda row: (
        (_l("Key id"), row.key.kid),
        (_l("Algorithm"), row.key.alg),
        (_l("Made"), language.at_time(row.key.created_at)),
        (_l("Signs from"), language.at_time(row.key.activates_at)),
        (_l("Published until"), language.at_time(row.key.expires_at) if row.key.expires_at else ""),
        (_l("Status"), KEY_STATES[row.state][1]),
    ),
    name_of=lambda row: str(row.key.kid),
    actions=(
        Action(
            "rotate",
            _l("Rotate keys"),
            _rotate,
            _l("The next keys are published. They sign when every application has had time to read them."),
            right=ROTATES,
            whole=True,
        ),
        Action(
            "rotate-now",
            _l("Rotate at once"),
            _rotate_now,
            _l("New keys sign now. The old ones go when the last token signed with them has expired."),
            right=ROTATES,
            whole=True,
            danger=True,
            asks=_l(
                "For a key that may have leaked. Applications that keep the keys for long may refuse tokens until "
                "they read them anew."
            ),
        ),
    ),
    empty=_l("There is no key yet."),
)
