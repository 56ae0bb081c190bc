"""OpenID Connect Core at the authorization endpoint: the values that it adds to a request, read and judged.

Reading is separate from deciding: what these values lead to is `interaction.next_step`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from joserfc import jwt
from joserfc.errors import JoseError

from ..interaction import PROMPTS
from ..keys import ALGORITHMS, hint_keys

MOST_CLAIMS = 50  # claims asked one by one in a request; Core names some twenty
DEEPEST = 20  # levels of JSON (security R44)


def check_prompt(grant: Any) -> None:
    """Only known words, and `none` alone (Core §3.1.2.1)."""
    words = prompt_words(grant.request.payload.data)
    if not words <= PROMPTS:
        raise InvalidRequestError("The parameter prompt has an unknown value")
    if "none" in words and len(words) > 1:
        raise InvalidRequestError("prompt none cannot be combined with another value")


def check_max_age(grant: Any) -> None:
    value = grant.request.payload.data.get("max_age")
    if value is not None and not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise InvalidRequestError("max_age must be a number of seconds")


def check_claims(grant: Any) -> None:
    """A JSON object of objects (Core §5.5); unknown claims inside are no error, a broken shape is."""
    read_claims(grant.request.payload.data)


def check_id_token_hint(grant: Any) -> None:
    """Ours by its signature, or refused; expired is fine (Core §3.1.2.1)."""
    hint = grant.request.payload.data.get("id_token_hint")
    if hint is not None and read_id_token(hint, grant.server.issuer) is None:
        raise InvalidRequestError("The id_token_hint is not an ID Token of this provider")


def prompt_words(data: Any) -> frozenset[str]:
    return frozenset((data.get("prompt") or "").split())


def read_claims(data: Any) -> dict[str, dict[str, Any]]:
    """The `claims` parameter as {"userinfo": {name: None | {...}}, "id_token": …}; raises `InvalidRequestError`."""
    text = data.get("claims")
    if text is None:
        return {}
    fault = InvalidRequestError("The parameter claims is not a JSON object of claims requests")
    try:
        value = json.loads(text)
        # What no row can hold: NaN and infinities, NUL, halves of surrogate pairs.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise fault from None
    if not isinstance(value, dict) or _deeper_than(value, DEEPEST):
        raise fault
    found: dict[str, dict[str, Any]] = {}
    for place in ("userinfo", "id_token"):
        asked = value.get(place)
        if asked is None:
            continue
        if not isinstance(asked, dict) or len(asked) > MOST_CLAIMS:
            raise fault
        if any(wish is not None and not isinstance(wish, dict) for wish in asked.values()):
            raise fault
        if "\\u0000" in json.dumps(asked):
            raise fault
        found[place] = asked
    return found


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(one, levels - 1) for one in inside)


def essential_acr(claims: dict[str, dict[str, Any]]) -> tuple[str, ...] | None:
    """The values of an essential `acr` (Core §5.5.1.1); None when there is none, empty when any value would do."""
    wish = claims.get("id_token", {}).get("acr")
    if not wish or wish.get("essential") is not True:
        return None
    values = wish.get("values") if isinstance(wish.get("values"), list) else [wish.get("value")]
    return tuple(str(value) for value in values or [] if value is not None)


def subjects(claims: dict[str, dict[str, Any]]) -> frozenset[str] | None:
    """The `sub` values that the ID Token may have, by value or values (Core §3.1.2.2, §5.5.1); None: anybody's."""
    wish = claims.get("id_token", {}).get("sub") or {}
    if "value" not in wish and "values" not in wish:
        return None
    values = wish["values"] if isinstance(wish.get("values"), list) else [wish.get("value")]
    return frozenset(value for value in values if isinstance(value, str))


def acr_values(parameters: Mapping[str, str], claims: dict[str, dict[str, Any]], default: Any) -> tuple[str, ...]:
    """The classes that the client would like, best first: of `acr_values`, else of an `acr` that is not essential,
    else what it registered (Core §3.1.2.1, §5.5.1.1; Registration §2, `default_acr_values`)."""
    if parameters.get("acr_values", "").strip():
        return tuple(parameters["acr_values"].split())
    wish = claims.get("id_token", {}).get("acr")
    if wish and wish.get("essential") is not True:
        values = wish.get("values") if isinstance(wish.get("values"), list) else [wish.get("value")]
        return tuple(str(value) for value in values or [] if value is not None)
    return tuple(str(value) for value in default) if isinstance(default, list) else ()


def read_id_token(text: str, issuer: str) -> dict[str, Any] | None:
    """The claims of an ID Token that this provider signed, also an expired one; None for anything else.

    Our access and logout tokens are signed with the same keys and say what they are in `typ`: they are no hints.
    """
    if not text.isascii() or len(text) > 8192:
        return None
    try:
        token = jwt.decode(text, hint_keys(), algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    claims = dict(token.claims)
    if token.header.get("typ", "JWT").upper() != "JWT" or claims.get("iss") != issuer:
        return None
    return claims if isinstance(claims.get("sub"), str) and claims["sub"] else None


CHECKS = (check_prompt, check_max_age, check_claims, check_id_token_hint)
