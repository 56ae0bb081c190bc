"""The second step of a sign-in: a code or a passkey, after the password or for a session that needs to be stronger.

The password alone opens nothing where the account has a second factor: `enter` writes down, for this browser and some
minutes, that it was right, and `waiting` finds that again. Attempts count together with those at the password (R26).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l

from idp.accounts.credentials import authenticator, ceremonies, passkeys, recovery_codes
from idp.accounts.credentials.methods import methods_of
from idp.accounts.credentials.models import Ceremony
from idp.accounts.credentials.policy import Methods
from idp.accounts.models import Account
from idp.accounts.service import may_sign_in
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import digest, same

from . import ceremony, policy, service, throttle

Kind = Literal["code", "recovery"]
_WRONG = {
    "code": _l("This code is wrong, or was used already."),
    "recovery": _l("This recovery code is wrong, or was used already."),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose second step is to be done, and with which methods the first was (`amr`). `begun` is None for a session."""

    account: Account
    methods: Methods
    amr: tuple[str, ...]
    begun: Ceremony | None = None


def enter(account: ceremony.Recognized, *, path: str | None, identifier: str, again: bool = False) -> bool:
    """After the right password: open the session, or begin the second step, which gives False. Inside a unit of work.

    The other arguments are those of `service.sign_in`. Raises `Refusal` like `service.hold`.
    """
    held = service.hold(account)
    if held.second_factor:
        ceremonies.begin("second_step", account.id, _fingerprint(account))
        return False
    service.sign_in(held, path=path, identifier=identifier, again=again)
    return True


def waiting() -> Waiting | None:
    """The second step that this browser's password began, while the password and the account still stand."""
    begun = ceremonies.find("second_step")
    account = db.session.get(Account, begun.account_id, populate_existing=True) if begun else None
    if begun is None or account is None or not may_sign_in(account):
        return None
    if not same(begun.secret, _fingerprint(account)):
        return None
    return Waiting(account, methods_of(account.id), ("pwd",), begun)


def of_session() -> Waiting | None:
    """The second step of the signed-in person, whose session was opened without one."""
    who = service.actor()
    if who is None or policy.acr_of(who.session.amr) == policy.ACR_TWO_FACTORS:
        return None
    return Waiting(who.account, methods_of(who.account.id), tuple(who.session.amr))


def show_code(step: Waiting, kind: Kind, code: str, *, path: str | None, address: str) -> Refusal | None:
    """Sign in with a code of the authenticator app, or with a recovery code; the *no* is remembered and returned.

    Not inside a unit of work. `address` is the network address. Raises `Refusal` 429 when throttled.

    Codes of the app, which are short, are also counted by themselves: a new password, which whoever reads the mailbox
    may set all day, forgets nothing of that (R26).
    """
    key = ceremony.counted_under(step.account)
    codes = ceremony.codes_under(key)
    if kind == "code":
        throttle.check(codes, address)
    throttle.check(key, address)
    use = authenticator.use if kind == "code" else recovery_codes.use
    with unit_of_work():
        right = use(step.account.id, code)
        if right:
            _finish(step, policy.BY_CODE, path)
    if right:
        return None
    throttle.fail(key, address)
    if kind == "code":
        throttle.fail(codes, None)
    ceremony.remember(step.account.identifier, step.account.id, "code_wrong")
    return Refusal("code_wrong", _WRONG[kind], field="code")


def show_passkey(
    ceremony_id: str, credential: str, step: Waiting | None, *, path: str | None, address: str, again: bool = False
) -> Refusal | None:
    """Sign in with a passkey, alone or as the second step; the *no* is remembered and returned.

    Its attempts are counted under the key itself: it can't be guessed, and so strangers at the password can't shut this
    door. Not inside a unit of work. Raises `Refusal` 429 when throttled.
    """
    key = f"passkey {digest(passkeys.credential_id_of(credential))}"
    throttle.check(key, address)
    with unit_of_work():
        shown = passkeys.prove(ceremony_id, credential)
        account_id = shown.account.id if isinstance(shown, passkeys.Proof) else None
        refused = _enter_with(shown, step, path, again) if isinstance(shown, passkeys.Proof) else shown
        if refused is None:
            throttle.clear(key)
    if refused is not None:
        throttle.fail(key, address)
        ceremony.remember(key, account_id, refused.code)
    return refused


def _enter_with(shown: passkeys.Proof, step: Waiting | None, path: str | None, again: bool) -> Refusal | None:
    if not may_sign_in(shown.account):
        return ceremony.disabled()
    methods = policy.by_passkey(synced=shown.synced)
    if step is not None:
        if step.account.id != shown.account.id:
            return Refusal("passkey_wrong", _l("This passkey is another account's."))
        _finish(step, methods, path)
    else:
        service.sign_in(
            service.hold(shown.account), amr=methods, path=path, identifier=shown.account.identifier, again=again
        )
    return None


def strengthen(shown: tuple[str, ...], path: str | None) -> None:
    """The signed-in person has just set up a factor and shown it: the session is as strong as that from now on, and
    every other one that a password alone has opened ends (R27).

    Inside the unit of work that kept the factor. Raises `Refusal` 401 when nobody is signed in.
    """
    who = service.actor()
    if who is None:
        raise Refusal("signed_out", _l("Sign in first."), status=401)
    session = service.sign_in(
        service.hold(who.account), amr=policy.together(who.session.amr, shown), path=path, again=True
    )
    service.end_weaker_sessions(session)


def _finish(step: Waiting, shown: tuple[str, ...], path: str | None) -> None:
    """Sign in with what was shown. A code by itself adds to what was shown when the session was opened, and is no
    sign-in: `auth_time` stays, and a request that asks for one (`prompt=login`, `max_age`) is not answered by it."""
    if step.begun is not None and ceremonies.spend("second_step", step.begun.id) is None:
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    who = service.actor()
    code_alone = step.begun is None and who is not None and shown == policy.BY_CODE
    service.sign_in(
        service.hold(step.account),
        amr=policy.together(step.amr, shown),
        path=None if code_alone else path,
        identifier=step.account.identifier,
        again=True,
        since=who.session.auth_time if code_alone and who is not None else None,
    )


def _fingerprint(account: ceremony.Recognized | Account) -> str:
    """Of the password that was right; another one ends what it began."""
    return digest(account.password_hash or "")
