"""A person's signature: announced in the ID token by address and hash, fetched from here, server to server.

    "signature": {"url": "https://…/signatures/…", "sha256": "…", "expires_at": 1790000000}

The address works for as long as the token that told it. The image is fetched when it is needed, held against its hash,
and kept with the document that it stands under, never for later.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import requests
from flask import Response, abort, current_app

from clients.relying_party import clock
from clients.relying_party.flow import RelyingParty
from clients.relying_party.guard import Person
from clients.relying_party.provider import TIMEOUT, http_session
from clients.relying_party.store import Session

LARGEST = 512 * 1024
NOT_NOW = "The signature can't be had from Onix Account right now. Try again in a moment."
NOT_AS_TOLD = "The signature did not arrive as Onix Account announced it, so it was not used."
NONE_YET = "You have no signature yet. Make one in Onix Account, then come back here."


class NoSignature(Exception):
    """Why there is none to be used: a sentence for the person."""


def offered(person: Person) -> dict[str, Any] | None:
    """What the token tells of the person's signature. When it tells of none, today's token is asked for: somebody may
    have come back from making one."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    found = _told(person.session)
    if found is None or found["expires_at"] <= clock.now():
        again = rp.recheck(person.session)
        found = _told(again) if isinstance(again, Session) else None
    return found


def _told(session: Session) -> dict[str, Any] | None:
    value = session.identity.get("signature")
    if not isinstance(value, dict) or type(value.get("expires_at")) is not int:
        return None
    return value if all(isinstance(value.get(name), str) for name in ("url", "sha256")) else None


def fetch(person: Person) -> bytes:
    """The image, a PNG whose hash is the one announced. Raises `NoSignature`."""
    told = offered(person)
    if told is None:
        raise NoSignature(NONE_YET)
    found = _get(told)
    if found is None:  # replaced or removed since: ask for today's token
        rp: RelyingParty = current_app.extensions["onix_rp"]
        again = rp.recheck(person.session)
        newer = _told(again) if isinstance(again, Session) else None
        if newer is None:
            raise NoSignature(NONE_YET)
        found = _get(newer) if newer != told else None
    if found is None:
        raise NoSignature(NOT_NOW)
    return found


def _get(told: dict[str, Any]) -> bytes | None:
    """What is at the address, or None when it does not answer any more. Raises `NoSignature` for anything else."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    url = told["url"]
    if not url.startswith(f"{rp.client.provider.origin}/"):  # a token never sends us to anybody else
        raise NoSignature(NOT_AS_TOLD)
    try:
        with http_session(url) as session:
            answer = session.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True)
            body = answer.raw.read(LARGEST + 1, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise NoSignature(NOT_NOW) from error
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise NoSignature(NOT_NOW)
    right = answer.headers.get("Content-Type") == "image/png" and len(body) <= LARGEST
    if not right or not hmac.compare_digest(hashlib.sha256(body).hexdigest(), told["sha256"]):
        raise NoSignature(NOT_AS_TOLD)
    return bytes(body)


def shown(image: bytes | None) -> Response:
    """An image as an answer that can be nothing else; 404 for none."""
    if image is None:
        abort(404)
    response = Response(image, mimetype="image/png")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
