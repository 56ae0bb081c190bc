"""The name of an account that nobody has taken over yet."""

from __future__ import annotations

from idp.kernel import clock
from idp.kernel.database import db

from .models import Account


def name_unproven(account_id: str, given_name: str, family_name: str) -> None:
    """Name an account that somebody else made, as long as nobody has proven one of its addresses.

    From then on its name is the person's own, and this does nothing. Names are those that the maker's record holds.
    """
    account = db.session.get(Account, account_id, populate_existing=True)
    if account is None or any(email.verified_at is not None for email in account.emails):
        return
    if (account.given_name, account.family_name) != (given_name, family_name):
        account.given_name, account.family_name = given_name, family_name
        account.rev += 1
        account.updated_at = clock.now()
        db.session.flush()
