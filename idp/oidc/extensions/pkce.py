"""Proof Key for Code Exchange, S256 only (RFC 7636, security R03).

Authlib's extension lets an omitted method mean `plain`, and asks a challenge of nobody at the authorization endpoint
(security P02). Here the challenge is demanded there, unless the client is registered with `require_pkce` false; once
sent, it binds every client at the token endpoint.
"""

from __future__ import annotations

import re
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""BASE64URL(SHA-256(…)) is always 43 characters (RFC 7636 §4.2)."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


def check_challenge(grant: Any) -> None:
    """A well-formed S256 challenge, or none from a client that is excused (RFC 7636 §4.3, §4.4.1)."""
    data = grant.request.payload.data
    challenge, method = data.get("code_challenge"), data.get("code_challenge_method")
    if challenge is None and method is None:
        if grant.request.client.require_pkce:
            raise InvalidRequestError("code_challenge is missing; PKCE with S256 is required")
        return
    if challenge is None:
        raise InvalidRequestError("code_challenge is missing")
    if method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256")
    if not _CHALLENGE.match(challenge):
        raise InvalidRequestError("code_challenge is malformed")


class S256(CodeChallenge):
    """The token endpoint's side: a stored challenge wants its verifier, a verifier wants a stored challenge."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_token_request", self.validate_code_verifier)

    def validate_code_verifier(self, grant: Any, _result: Any) -> None:
        """A verifier that is missing, malformed or another's is `invalid_grant` (RFC 7636 §4.6)."""
        challenge = grant.request.authorization_code.code_challenge
        verifier = grant.request.form.get("code_verifier")
        if challenge is None:
            if verifier is not None:
                raise InvalidRequestError("The authorization request had no code_challenge")
            return
        if verifier is None or not _VERIFIER.match(verifier) or not compare_s256_code_challenge(verifier, challenge):
            raise InvalidGrantError("The code_verifier does not fit the code_challenge")
