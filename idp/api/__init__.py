"""The API for applications: `/api/v1`, with its OpenAPI document and the page `/api` that shows it.

Owns: how a program asks and is answered. Does not own any rule: an operation reads the request, calls one verb of a
service in the name of the person whom the token is about, and says what came of it.
Start reading: `operations.py` (how an operation is declared and what stands before it), then `companies.py`.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel import web

from . import companies, page, problems

OPERATIONS = companies.OPERATIONS


def init_app(app: Flask) -> None:
    """Put the operations, the document and the page on an application."""
    from . import operations

    web.answer_errors(app, "/api/", problems.answer)
    app.register_blueprint(operations.blueprint(OPERATIONS))
    app.register_blueprint(page.blueprint)
