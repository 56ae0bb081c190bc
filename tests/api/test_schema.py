"""Schemathesis asks everything that the OpenAPI document allows, and what it does not, with a real token.

Whatever it thinks of: no answer is a 5xx, each has the status, type and shape that the document promises, what does not
fit the document is refused, and an address does not take methods that it does not name.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.conftest import Supplier

CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance, negative_data_rejection, unsupported_method,
)  # fmt: skip
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))  # for each operation and kind


@pytest.mark.slow
@pytest.mark.parametrize("app_settings", [{"throttle": {"api_requests_per_minute": 1_000_000}}])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_api_keeps_what_its_document_promises(supplier: Supplier, app: Any) -> None:
    caller = supplier.caller()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    answers: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in schemathesis.GenerationMode:
            if not mode.is_negative or _refusable(operation):
                answers.setdefault(operation.label, set()).update(_asked(operation, mode, supplier, caller.token))
    assert all(200 in found for label, found in answers.items() if "companies" in label), answers


def _asked(operation: Any, mode: Any, supplier: Supplier, token: str) -> set[int]:
    """Ask one operation many times; the statuses that came."""
    seen: list[int] = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
        path = case.path_parameters or {}
        if len(seen) % 2 and "company_id" in path:  # half of the time one that is there
            path["company_id"] = supplier.company_id
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
        seen.append(answer.status_code)

    ask()
    assert len(seen) >= EXAMPLES
    return set(seen)


def _refusable(operation: Any) -> bool:
    """Whether the document forbids anything here: an address whose only value is any text takes whatever comes."""
    return bool(operation.body or operation.query or operation.headers)
