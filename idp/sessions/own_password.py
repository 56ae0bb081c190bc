"""Changing one's own password: the present one once more, then the new one, in this browser."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from idp.accounts import passwords
from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal

from . import ceremony, service


def change_own_password(
    account: Account, current: str | None, new: str, *, address: str, path: str | None = None, everywhere: bool = True
) -> None:
    """Check `current` and set `new`, which the form has judged; this browser stays signed in, as strongly as before.

    `current` is None for an account without a password, whose person has just signed in otherwise. `everywhere`: all
    other sessions and grants end. `address` is the network address; `path` as for `sign_in`. Not inside a unit of work.
    Raises `Refusal`, with the field `current_password` or `password` where one of them is the reason, 429 when
    throttled.
    """
    if current == new:
        raise Refusal("same_password", _l("Choose a password that is not the old one."), field="password")
    identifier = account.identifier
    if current is not None:
        found = ceremony.authenticate(identifier, current, address)
        if isinstance(found, Refusal):
            raise Refusal(found.code, _l("The current password is wrong."), field="current_password")
    elif account.password_hash is not None:
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    hashed = passwords.hash_password(new)
    with unit_of_work():
        accounts.change_password(account, hashed, everywhere=everywhere)
        shown = ["pwd"] if current is not None else list(_amr())
        service.sign_in(service.hold(account), amr=shown, path=path, identifier=identifier, again=True)


def _amr() -> list[str]:
    """How this browser's person signed in."""
    who = service.actor()
    return list(who.session.amr) if who is not None else []
