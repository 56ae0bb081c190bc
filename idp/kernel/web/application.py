"""Flask, where a hook says whom it is for: people, or whoever asks. Programs' requests pass by what is for people."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from flask import Flask, Request, Response, g
from flask.ctx import RequestContext, _AppCtxGlobals
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from werkzeug.routing import MapAdapter

_MACHINE = (
    "/oauth2/token", "/oauth2/userinfo", "/oauth2/jwks", "/oauth2/introspect", "/oauth2/revoke", "/.well-known/o",
    "/.well-known/jwks", "/api/", "/scim/", "/healthz/", "/metrics", "/demo/mail.json", "/demo/clock", "/pictures/",
    "/signatures/",
)  # fmt: skip


def is_machine_path(path: str) -> bool:
    """Whether programs call this path: they get JSON, never a page."""
    return path.startswith(_MACHINE)


class InMemory(Request):
    """Files of a form stay in memory, as far as `largest_form` lets them in: nobody's upload touches a disk."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> BytesIO:
        return BytesIO()


Before = Callable[[Request, _AppCtxGlobals], None]
After = Callable[[Request, _AppCtxGlobals, Response], None]
"""A hook gets the request and what is kept of it (`g`): looking both up costs more than what most hooks do."""


class Application(Flask):
    """Flask, where a hook says whom it is for.

    What stands in `before_any` and `after_any` runs at every request, first and last. What `before_request`,
    `after_request` and `teardown_request` of the application register is for people: cookie, form token, language,
    request rate. A program's request passes all that by; the hooks of a blueprint run for whoever asks.
    """

    request_class = InMemory

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.before_any: list[Before] = []
        self.after_any: list[After] = []
        self.own_host = ""
        self._hooked: dict[str | None, bool] = {}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view or hook here is a coroutine; looking each time costs as much as routing."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Flask's, but for requests at the issuer's own host without a look at names of servers and subdomains, which
        no route of ours minds."""
        if request is None or request.environ.get("HTTP_HOST") != self.own_host:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            server_name=self.own_host,
            script_name=request.root_path + "/",
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode(errors="replace"),
        )

    def preprocess_request(self) -> ResponseReturnValue | None:
        here = request_ctx._get_current_object()  # type: ignore[attr-defined]
        kept = g._get_current_object()
        for hook in self.before_any:
            hook(here.request, kept)
        return super().preprocess_request() if self._for_people(here) else None

    def process_response(self, response: Response) -> Response:
        here = request_ctx._get_current_object()  # type: ignore[attr-defined]
        if self._for_people(here):
            response = super().process_response(response)
        kept = g._get_current_object()
        for hook in self.after_any:
            hook(here.request, kept, response)
        return response

    def do_teardown_request(self, *error: Any) -> None:
        if self._for_people(request_ctx._get_current_object()):  # type: ignore[attr-defined]
            super().do_teardown_request(*error)

    def _for_people(self, here: RequestContext) -> bool:
        asked = here.request
        return not is_machine_path(asked.path) or bool(here._after_request_functions) or self._has_hooks(asked)

    def _has_hooks(self, asked: Request) -> bool:
        """Whether a blueprint of the request has hooks of its own; known after the first request of its kind."""
        found = self._hooked.get(asked.endpoint)
        if found is None:
            registered = (
                self.url_value_preprocessors, self.before_request_funcs, self.after_request_funcs,
                self.teardown_request_funcs,
            )  # fmt: skip
            found = any(name in hooks for name in asked.blueprints for hooks in registered)
            self._hooked[asked.endpoint] = found
        return found
