"""Accounts: `onix-account user …`."""

from __future__ import annotations

import sys
from typing import Any

import click
from sqlalchemy import select

from idp.accounts import addresses, passwords, policy, service
from idp.accounts.credentials.methods import remove_second_factors
from idp.accounts.models import Account, EmailAddress
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.sessions import service as sessions

from .base import Missing, after, as_json, confirm, limited, show, show_one, with_app, yes


@click.group()
def user() -> None:
    """Accounts of people."""


def find(text: str) -> Account:
    """The account of an address or an id. Raises `Missing`."""
    account = service.find_by_address(text) if "@" in text else db.session.get(Account, text)
    if account is None:
        raise Missing(f"There is no account of {text}.")
    return account


def _row(account: Account) -> dict[str, Any]:
    email = account.email
    return {
        "id": account.id,
        "email": email.address if email else None,
        "name": account.name,
        "status": account.status,
        "verified": bool(email and email.verified_at),
        "locale": account.locale,
        "created_at": account.created_at,
    }


def read_password(from_stdin: bool, address: str, names: list[str]) -> str:
    """A first password, typed twice or from standard input; raises `Refusal` when it is too weak."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    problem = passwords.problem(password, [address, *names])
    if problem is not None:
        raise Refusal("password_weak", problem, field="password")
    return passwords.hash_password(password)


@user.command()
@click.argument("address")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--locale", type=click.Choice(["en", "nb"]))
@click.option("--verified", is_flag=True, help="You vouch that the person reads this mailbox.")
@click.option("--password-stdin", is_flag=True, help="Read a first password from standard input.")
@click.option("--password", "prompt", is_flag=True, help="Ask for a first password.")
@click.option("--keep-password", is_flag=True, help="The first password needn't be changed at the first sign-in.")
@as_json
@with_app
def create(
    address: str,
    given_name: str,
    family_name: str,
    locale: str | None,
    verified: bool,
    password_stdin: bool,
    prompt: bool,
    keep_password: bool,
    as_json: bool,
) -> None:
    """Create an account. A first password is never mailed; without one the person uses *Forgot password*."""
    parsed = addresses.parse(address)
    names = {"given_name": policy.clean_name(given_name), "family_name": policy.clean_name(family_name)}
    for field, name in names.items():
        problem = policy.name_problem(name)
        if problem is not None:
            raise Refusal("name_invalid", f"{field}: {problem}", field=field)
    hashed = None
    if password_stdin or prompt:
        hashed = read_password(password_stdin, parsed.address, [given_name, family_name])
    with unit_of_work():
        account = service.create_account(
            address=parsed.address,
            password_hash=hashed,
            verified=verified,
            must_change_password=hashed is not None and not keep_password,
            locale=locale,
            **names,
        )
    show_one(_row(account), as_json)


@user.command("list")
@click.option("--search", default="", help="Part of an address or a name.")
@after
@limited
@as_json
@with_app
def list_users(search: str, after: str, limit: int, as_json: bool) -> None:
    """Accounts in the order of their making."""
    statement = select(Account).where(Account.id > after).order_by(Account.id).limit(limit)
    if search:
        part = f"%{search.lower().replace('/', '//').replace('%', '/%').replace('_', '/_')}%"
        statement = statement.where(
            Account.id.in_(select(EmailAddress.account_id).where(EmailAddress.normalized.like(part, escape="/")))
            | Account.given_name.ilike(part, escape="/")
            | Account.family_name.ilike(part, escape="/")
        )
    show((_row(account) for account in db.session.scalars(statement)), as_json)


@user.command("show")
@click.argument("account")
@as_json
@with_app
def show_user(account: str, as_json: bool) -> None:
    """One account, by address or id, with its memberships."""
    from idp.organizations.models import Member

    found = find(account)
    members = db.session.scalars(select(Member).where(Member.account_id == found.id).order_by(Member.id))
    show_one(
        {
            **_row(found),
            "must_change_password": found.must_change_password,
            "addresses": [email.address for email in found.emails],
            "members": [
                {
                    "organization": member.organization.slug,
                    "id": member.id,
                    "type": member.type,
                    "status": member.status,
                }
                for member in members
            ],
        },
        as_json,
    )


@user.command()
@click.argument("account")
@yes
@with_app
def disable(account: str, yes: bool) -> None:
    """Take an account out of use; its sessions and grants end at once."""
    found = find(account)
    confirm(f"Disable {found.name} and end all sessions?", yes)
    with unit_of_work():
        service.disable_account(found.id)
    click.echo("disabled")


@user.command()
@click.argument("account")
@yes
@with_app
def delete(account: str, yes: bool) -> None:
    """Delete an account for good; its memberships end everywhere."""
    found = find(account)
    confirm(f"Delete {found.name} and everything of the account? This can't be undone.", yes)
    with unit_of_work():
        service.delete_account(found.id)
    click.echo("deleted")


@user.command()
@click.argument("account")
@with_app
def enable(account: str) -> None:
    """Bring a disabled account back."""
    found = find(account)
    with unit_of_work():
        service.enable_account(found.id)
    click.echo("enabled")


@user.command("reset-password")
@click.argument("account")
@with_app
def reset_password(account: str) -> None:
    """Mail the person a link for choosing a new password; nobody else can set it (R29)."""
    found = find(account)
    email = found.email
    if email is None:
        raise Missing("This account has no address.")
    with unit_of_work():
        if service.request_reset(email.address, found.locale or "en") is None:
            raise Refusal("account_disabled", "The account is disabled.", status=409)
    click.echo(f"A link is on its way to {email.address}.")


@user.command("remove-second-factors")
@click.argument("account")
@yes
@with_app
def remove_factors(account: str, yes: bool) -> None:
    """Take passkeys, authenticator app and recovery codes from somebody who lost them all (R29)."""
    found = find(account)
    confirm(f"Remove every second factor of {found.name}? The password alone opens the account then.", yes)
    with unit_of_work():
        removed = remove_second_factors(found.id)
    click.echo("removed" if removed else "there was none")


@user.command("sign-out")
@click.argument("account")
@yes
@with_app
def sign_out(account: str, yes: bool) -> None:
    """End every session of an account."""
    found = find(account)
    confirm(f"Sign {found.name} out everywhere?", yes)
    with unit_of_work():
        ended = sessions.sign_out_elsewhere(found.id, "by_admin")
    click.echo(f"{ended} sessions ended")


COMMANDS = (user,)
