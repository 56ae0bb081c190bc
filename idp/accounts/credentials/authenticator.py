"""The authenticator app (TOTP, RFC 6238): a seed that is confirmed before it counts, and codes that count once."""

from __future__ import annotations

import io

import pyotp
import segno
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, update

from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import decrypt, encrypt, same

from . import ceremonies, events, methods, policy
from .models import Authenticator, Ceremony

ISSUER = "Onix Account"


def begun(account_id: str) -> Ceremony | None:
    """The seed that waits in this browser to be confirmed, if one does."""
    return ceremonies.find("authenticator", account_id=account_id)


def begin(account_id: str) -> Ceremony:
    """Make a seed of 160 random bits. Inside a unit of work."""
    return ceremonies.begin("authenticator", account_id, encrypt(pyotp.random_base32(32).encode()))


def key_of(ceremony: Ceremony) -> str:
    """The seed as it is typed into an app, in base32."""
    return decrypt(ceremony.secret).decode()


def address_of(key: str, name: str) -> str:
    """What the drawing says: `otpauth://…` with the account's name."""
    return pyotp.TOTP(key).provisioning_uri(name=name, issuer_name=ISSUER)


def drawing_of(key: str, name: str) -> str:
    """The QR code as inline SVG: no style and no script in it, so that it stands under the strict policy."""
    out = io.BytesIO()
    segno.make(address_of(key, name), error="m").save(
        out, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False, svgns=False, svgclass=None,
        lineclass=None, omitsize=False,
    )  # fmt: skip
    return out.getvalue().decode()


def confirm(account_id: str, code: str) -> None:
    """Turn it on with a code of it; the seed takes an older one's place. Inside a unit of work.

    The code is spent by that. Raises `Refusal` `code_wrong` (field `code`), which leaves the seed waiting, or
    `setup_expired` (409).
    """
    methods.locked(account_id)
    waiting = begun(account_id)
    if waiting is None:
        raise Refusal("setup_expired", _l("This took too long. Scan the new code and try again."), status=409)
    now = clock.now()
    step = _step_of(key_of(waiting), code, now)
    if step is None:
        raise Refusal(
            "code_wrong", _l("This is not the code that the app shows now. Wait for the next one."), field="code"
        )
    if ceremonies.spend("authenticator", waiting.id) is None:
        raise Refusal("setup_expired", _l("This took too long. Scan the new code and try again."), status=409)
    db.session.execute(delete(Authenticator).where(Authenticator.account_id == account_id))
    db.session.add(
        Authenticator(account_id=account_id, seed=waiting.secret, last_step=step, created_at=now, last_used_at=None)
    )
    db.session.flush()
    emit(events.AuthenticatorAdded(at=now, actor_id=account_id, account_id=account_id))


def use(account_id: str, code: str) -> bool:
    """Whether this is a code that counts now, once: the newest step that counted is raised by one conditional update.

    Inside a unit of work, after the attempt was counted by the throttle (R26).
    """
    methods.held(account_id)
    row = db.session.get(Authenticator, account_id, populate_existing=True)
    if row is None:
        return False
    now = clock.now()
    step = _step_of(decrypt(row.seed).decode(), code, now)
    if step is None:
        return False
    return (
        change(
            update(Authenticator)
            .where(
                Authenticator.account_id == account_id, Authenticator.seed == row.seed, Authenticator.last_step < step
            )
            .values(last_step=step, last_used_at=now)
            .execution_options(synchronize_session=False)
        )
        == 1
    )


def remove(account_id: str) -> None:
    """Its codes count no longer. Inside a unit of work; nothing happens when there is none."""
    methods.locked(account_id)
    if change(delete(Authenticator).where(Authenticator.account_id == account_id)) == 1:
        methods.settle(account_id)
        emit(events.AuthenticatorRemoved(at=clock.now(), actor_id=account_id, account_id=account_id))


def _step_of(key: str, code: str, now: int) -> int | None:
    """The time step whose code this is, of those that count now. Every one is compared, so time tells nothing."""
    typed = policy.typed_code(code)
    app = pyotp.TOTP(key)
    found = None
    for step in policy.steps_around(now):
        if same(app.generate_otp(step), typed):
            found = step
    return found
