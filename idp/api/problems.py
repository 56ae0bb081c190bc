"""Refusals of the API as problem details (RFC 9457), each code explained on the page `/api`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, request
from flask_babel import force_locale

from idp.kernel import language
from idp.kernel.refusal import Refusal
from idp.organizations.sentences import VOICES
from idp.settings import current_settings

MEDIA_TYPE = "application/problem+json"

TITLES = {
    "invalid_token": "The access token is missing or not good",
    "insufficient_scope": "The access token lacks a scope",
    "not_a_person": "The access token is not a person's",
    "not_told": "The client is told of no organization",
    "invalid_request": "The request can't be read",
    "invalid_value": "A value is not as it should be",
    "too_large": "The body is too large",
    "wrong_media_type": "The body is not JSON",
    "not_found": "There is nothing at this address",
    "method_not_allowed": "This address does not take this method",
    "too_many_requests": "Too many requests",
    "company_unknown": "There is no such company",
    "invitation_unknown": "There is no such invitation",
    "invitation_accepted": "The invitation was accepted",
    "work_customer": "The company is an Onix Work customer",
    "not_a_supplier": "The organization has no license of Onix Express",
    "key_reused": "The idempotency key was used for something else",
    "conflict": "Somebody else changed this at the same moment",
    "unavailable": "The service is busy",
    "server_error": "Something went wrong on our side",
    **{code: voices.title for code, voices in VOICES.items() if voices.title},
}
"""What a code means, whatever request it answers. The last are denials: why the person may not use the API, or not this
of it."""

_OF_HTTP = {
    "not_found": "not_found",
    "method_not_allowed": "method_not_allowed",
    "request_entity_too_large": "too_large",
    "content_too_large": "too_large",
    "too_many_requests": "too_many_requests",
    "bad_request": "invalid_request",
}


class Problem(Refusal):
    """A refusal with what only programs are told: header fields, and what is wrong with which part of the body."""

    def __init__(
        self,
        code: str,
        detail: Any,
        *,
        status: int,
        headers: Mapping[str, str] | None = None,
        errors: Iterable[Mapping[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code, detail, status=status, retry_after=retry_after)
        self.headers, self.errors = dict(headers or {}), [dict(error) for error in errors]


def asked_language() -> str:
    """ "en" or "nb", as the request's `Accept-Language` says: no cookie counts here."""
    return language.match(request.accept_languages.values()) or language.default()


def problem(error: Refusal) -> Response:
    """The answer to a refusal, in the language that the caller asks for."""
    with force_locale(asked_language()):
        detail = str(error.message)
    answered = answer(error.code, detail, error.status, error.retry_after)
    if isinstance(error, Problem):
        answered.headers.update(error.headers)
        if error.errors:
            answered.set_data(json.dumps({**json.loads(answered.get_data()), "errors": error.errors}))
    elif error.field:
        answered.set_data(json.dumps({**json.loads(answered.get_data()), "errors": [{"pointer": f"#/{error.field}"}]}))
    return answered


def answer(code: str, detail: Any, status: int, retry_after: int | None = None) -> Response:
    """One problem. `type` is the address of its explanation."""
    code = _OF_HTTP.get(code, code)
    issuer = current_settings().issuer
    body = {
        "type": f"{issuer}/api#{code}",
        "title": TITLES.get(code, code.replace("_", " ").capitalize()),
        "status": status,
        "detail": str(detail),
        "code": code,
    }
    response = Response(json.dumps(body), status=status, mimetype=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response
