"""A person's signature, given to an app by reference: an address that works for some minutes, and a hash (DESIGN §4).

The address is signed over the authorization, the app, the signature and its end: whoever holds it can read that one
image, and nothing can be found by an id. It dies sooner when what it stands on falls (`endpoints.signature`).
"""

from __future__ import annotations

from typing import Any

from idp.kernel.secrets import read_link, sign_link
from idp.settings import current_settings

from .claims import Ground

PURPOSE = "signature"
LONGEST = 1000  # characters of an address worth looking at


def reference(ground: Ground, row: Any, expires_at: int) -> dict[str, Any] | None:
    """The value of the claim `signature`; None for a person who has made none.

    `row` has the columns `signature_id` and `signature_digest`. `expires_at`: when the token ends that tells it.
    """
    if row is None or row.signature_id is None:
        return None
    link = sign_link(PURPOSE, [ground.authorization_id, ground.app_id, row.signature_id, expires_at])
    issuer = current_settings().issuer
    return {"url": f"{issuer}/signatures/{link}", "sha256": row.signature_digest, "expires_at": expires_at}


def read(link: str, now: int) -> tuple[str, str, str] | None:
    """Authorization, app and signature of an address of ours that has not run out, or None."""
    longest = current_settings().lifetimes.token
    value = read_link(PURPOSE, link, max_age=longest) if len(link) <= LONGEST else None
    if not isinstance(value, list) or len(value) != 4 or value[3] <= now:
        return None
    return value[0], value[1], value[2]
