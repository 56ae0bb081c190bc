"""An authenticator in software: makes and shows passkeys as a browser would hand them on, right or wrong on purpose.

And the words for signing in with second factors on Flask's test client.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import update

from idp.kernel.database import unit_of_work
from idp.sessions.models import Session

from .forms import form_with, forms_of, log_in, submit

ORIGIN = "http://localhost"
RP_ID = "localhost"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class SoftKey:
    """One passkey. `count` rises with every use; 0 with `counts=False` means that it does not count."""

    rp_id: str = RP_ID
    counts: bool = True
    count: int = 0
    synced: bool = False
    handle: str = ""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _data(self, *, rp_id: str | None, verified: bool, present: bool, attested: bytes = b"") -> bytes:
        flags = present * 0x01 | verified * 0x04 | self.synced * 0x18 | bool(attested) * 0x40
        self.count += self.counts
        head = hashlib.sha256((rp_id or self.rp_id).encode()).digest() + bytes([flags])
        return head + self.count.to_bytes(4, "big") + attested

    def make(
        self, options: dict[str, Any], *, origin: str = ORIGIN, rp_id: str | None = None, verified: bool = True,
        challenge: str | None = None, aaguid: bytes = bytes(16),
    ) -> str:  # fmt: skip
        """The answer to `navigator.credentials.create()`, as JSON."""
        self.handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = aaguid + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cose
        data = self._data(rp_id=rp_id, verified=verified, present=True, attested=attested)
        return json.dumps(
            {
                "id": b64(self.credential_id), "rawId": b64(self.credential_id), "type": "public-key",
                "clientExtensionResults": {}, "authenticatorAttachment": "platform",
                "response": {
                    "clientDataJSON": _client_data("webauthn.create", challenge or options["challenge"], origin),
                    "attestationObject": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
                    "transports": ["internal", "nonsense", 7],
                },
            }
        )  # fmt: skip

    def show(
        self, options: dict[str, Any], *, origin: str = ORIGIN, rp_id: str | None = None, verified: bool = True,
        present: bool = True, challenge: str | None = None, user_handle: str | None = None, key: Any = None,
    ) -> str:  # fmt: skip
        """The answer to `navigator.credentials.get()`, as JSON."""
        data = self._data(rp_id=rp_id, verified=verified, present=present)
        client = _client_data("webauthn.get", challenge or options["challenge"], origin)
        signed = data + hashlib.sha256(base64.urlsafe_b64decode(client + "==")).digest()
        return json.dumps(
            {
                "id": b64(self.credential_id), "rawId": b64(self.credential_id), "type": "public-key",
                "clientExtensionResults": {},
                "response": {
                    "clientDataJSON": client,
                    "authenticatorData": b64(data),
                    "signature": b64((key or self.key).sign(signed, ec.ECDSA(hashes.SHA256()))),
                    "userHandle": self.handle if user_handle is None else user_handle,
                },
            }
        )  # fmt: skip


def _client_data(kind: str, challenge: str, origin: str) -> str:
    return b64(json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode())


def token_of(client: Any, path: str = "/login/another") -> str:
    """A form token of this browser."""
    return form_with(client.get(path).get_data(as_text=True), "csrf_token").fields["csrf_token"]


def begin(client: Any, on: str = "login", **more: str) -> Any:
    """Asks for a challenge to show a passkey, as the sign-in page's script does."""
    return client.post("/login/passkey/options", data={"csrf_token": token_of(client), "on": on, **more})


def show_passkey(client: Any, key: SoftKey, on: str = "login", *, handle: str | None = None, **wrong: Any) -> Any:
    """Signs in with a passkey; gives the provider's answer."""
    begun = begin(client, on).json
    data = {"ceremony": begun["ceremony"], "credential": key.show(begun["publicKey"], **wrong), "on": on}
    data |= {"continue": handle} if handle else {}
    return client.post("/login/passkey", data={"csrf_token": token_of(client), **data})


def add_passkey(client: Any, key: SoftKey | None = None, **wrong: Any) -> tuple[SoftKey, Any]:
    """Makes a passkey on the security page of whoever is signed in; gives it and the provider's answer."""
    key = key or SoftKey()
    token = token_of(client, "/account/security/passkeys/new")
    begun = client.post("/account/security/passkeys/options", data={"csrf_token": token}).json
    data = {"ceremony": begun["ceremony"], "credential": key.make(begun["publicKey"], **wrong), "csrf_token": token}
    return key, client.post("/account/security/passkeys", data=data)


def press(client: Any, path: str, action: str, **values: str) -> Any:
    """Posts the form of the page at `path` whose address ends with `action`."""
    page = client.get(path).get_data(as_text=True)
    form = next(one for one in forms_of(page, path) if one.action.endswith(action))
    return client.post(form.action, data=form.filled(**values))


def codes_of(answer: Any) -> list[str]:
    """The recovery codes on the page that shows them once."""
    return [part.split("</code>")[0] for part in answer.get_data(as_text=True).split("<li><code>")[1:]]


def set_up_app(client: Any, now: int) -> tuple[pyotp.TOTP, Any]:
    """Sets up an authenticator app from the page's key; gives the app and the provider's answer."""
    page = client.get("/account/security/authenticator")
    key = page.get_data(as_text=True).split('id="key">')[1].split("</code>")[0].replace(" ", "")
    app = pyotp.TOTP(key.upper())
    return app, submit(client, page, "code", code=app.at(now))


def password_then(client: Any, person: Any, password: str, path: str = "/login") -> Any:
    """Types the password; gives the page of the second step."""
    answer = log_in(client, person.address, password, path)
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/login/code"), answer.headers
    return client.get(answer.headers["Location"])


def live_on(app: Any, account_id: str) -> None:
    """Sessions that a factor's set-up has ended live again, as one does that a password opens at that very moment."""
    with app.app_context(), unit_of_work() as session:
        session.execute(
            update(Session)
            .where(Session.account_id == account_id, Session.ended_reason == "factor_added")
            .values(ended_at=None, ended_reason=None)
        )
