"""Asking the provider's API in the name of the person of this request, with the token of their one sign-in.

`call` gives the answer's members; a *no* is `Refused` with the problem's code and sentence (RFC 9457), and no answer at
all is `Unreachable`. The token comes from the session's refresh token, asked for the API (RFC 8707); see `flow`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
from flask import current_app, g

from clients.relying_party.flow import RelyingParty
from clients.relying_party.guard import person
from clients.relying_party.provider import TIMEOUT, Unreachable, http_session

LARGEST_ANSWER = 512 * 1024  # bytes
PROBLEM = "application/problem+json"


class Refused(Exception):
    """The API says no. `code` is stable, `detail` a sentence for the person, in the language of the page."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail


def call(
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """One operation. `key`: names an act that must be done once although it may be sent twice.

    A token that ended before its time is renewed once; what is asked is the same.
    """
    rp: RelyingParty = current_app.extensions["onix_rp"]
    for again in (True, False):
        token = rp.api_token(person().session, fresh=not again)
        if token is None:
            raise Refused(401, "signed_out", "")
        try:
            return _ask(rp.client.provider.api + path, method, token, query, body, key)
        except Refused as refused:
            if refused.status != 401 or not again:
                raise
    raise AssertionError  # pragma: no cover


def _ask(
    url: str, method: str, token: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, key: str | None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Language": g.language}
    if key:
        headers["Idempotency-Key"] = key
    try:
        with http_session(url) as session:
            answer = session.request(
                method,
                url,
                params=query,
                json=body,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            raw = answer.raw.read(LARGEST_ANSWER + 1, decode_content=True)
            found = json.loads(raw) if raw and len(raw) <= LARGEST_ANSWER else {}
    except (requests.RequestException, OSError, ValueError) as error:
        raise Unreachable("the API gave no usable answer") from error
    if not isinstance(found, dict) or len(raw) > LARGEST_ANSWER or answer.status_code >= 500:
        raise Unreachable(f"the API answered {answer.status_code}")
    if answer.status_code >= 300:
        if answer.headers.get("Content-Type", "").split(";")[0] != PROBLEM:
            raise Unreachable(f"the API answered {answer.status_code}")
        raise Refused(answer.status_code, str(found.get("code", "")), str(found.get("detail", "")))
    return found
