"""A provider with its worker and the real applications, as processes; and what a person does with them over HTTP.

Unlike the demo it can be stopped in parts, and every request to the provider passes a proxy that writes it down.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests

from tests.support.flow import Stuck, Visitor, claims_of
from tests.support.forms import forms_of, text_of
from tests.support.needs import ROOT, free_port, listens, wait_until
from tests.support.processes import Process, clean_environment

BROWSER = "Mozilla/5.0 (a person's browser)"
MODULES = {
    "tag": "clients.tag", "pickandpack": "clients.pick_and_pack", "express": "clients.express", "work": "clients.work",
    "oneoffice": "clients.oneoffice",
}  # fmt: skip
RESOURCES = {app: f"urn:onix:{app}" for app in MODULES}


class Shop:
    """One application of the family as a process of its own, registered at the provider of `live`."""

    def __init__(self, live: Any, app_id: str, folder: Path, *, clock_file: Path | None = None) -> None:
        self.live, self.app_id, self.folder = live, app_id, folder
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.client_id = f"shop-{app_id}"
        live.world.client(
            self.client_id,
            client_id=self.client_id,
            secret="the-secret-of-a-shop",
            app_id=app_id,
            deny_mode="token",
            redirect_uris=[f"{self.base}/callback"],
            post_logout_redirect_uris=[f"{self.base}/"],
            backchannel_logout_uri=f"{self.base}/backchannel-logout",
            initiate_login_uri=f"{self.base}/login",
            grant_types=["authorization_code", "refresh_token"],
        )
        self.env = clean_environment(
            RP_ISSUER=live.issuer,
            RP_CLIENT_ID=self.client_id,
            RP_CLIENT_SECRET="the-secret-of-a-shop",
            RP_BASE_URL=self.base,
            RP_RESOURCE=RESOURCES[app_id],
            RP_DATABASE=str(folder / f"{self.client_id}.sqlite3"),
            RP_SECRET_KEY="only-for-this-test-only-for-this-test",
            PORT=str(self.port),
            **({"ONIX_CLOCK_FILE": str(clock_file)} if clock_file else {}),
        )
        self.process = self._start()

    def _start(self) -> Process:
        process = Process(
            [sys.executable, "-m", MODULES[self.app_id]],
            log=self.folder / f"{self.client_id}.log",
            cwd=ROOT,
            env=self.env,
        )
        wait_until(lambda: listens(self.port), what=f"the start of {self.client_id}")
        return process

    def stop(self) -> None:
        self.process.stop()


@dataclass
class Guest:
    """A person at the applications, with one browser that keeps its cookies."""

    visitor: Visitor
    issuer: str

    @classmethod
    def of(cls, address: str, password: str, issuer: str, **options: Any) -> Guest:
        visitor = Visitor(address, password, **options)
        visitor.http.headers["User-Agent"] = BROWSER
        return cls(visitor, issuer)

    def open(self, base: str, path: str = "/login") -> requests.Response:
        """Through the provider into an application; gives the page on which it ends."""
        landed = self.visitor.walk(base + path, base + "/callback")
        page: requests.Response = self.visitor.http.get(landed, timeout=30)
        return page

    def look(self, base: str) -> requests.Response:
        """Open the application again with the cookies there are: also through a silent sign-in, if it wants one."""
        page: requests.Response = self.visitor.http.get(base + "/", timeout=30)
        return page

    def me(self, base: str) -> requests.Response:
        return self.visitor.get(base + "/me.json")

    def verdict(self, base: str) -> str:
        """`allow`, the code of a denial, or `signed out`."""
        answer = self.me(base)
        if answer.status_code != 200:
            return "signed out"
        found = answer.json()["verdict"]
        return str(found["code"] or found["decision"])

    def post_form(self, page: requests.Response, action: str, **values: str) -> requests.Response:
        """Press the button of the form that leads to `action`, and go on to where it leads."""
        form = next(form for form in forms_of(page.text, page.url) if form.action.split("?")[0].endswith(action))
        answer: requests.Response = self.visitor.http.post(form.action, data=form.filled(**values), timeout=30)
        return answer


@dataclass
class Ear:
    """Takes logout tokens of clients that the test speaks for: `heard` holds (client id, claims)."""

    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                outer.heard.append((self.path.strip("/"), claims_of(body["logout_token"][0])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def address(self, client_id: str) -> str:
        return f"http://localhost:{self._server.server_port}/{client_id}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def settled(app: Any) -> None:
    """Wait until the worker has nothing left to compare, and no client to tell."""
    from sqlalchemy import func, select

    from idp.kernel.database import db
    from idp.oidc.models import LossCheck
    from idp.outbox.models import Delivery

    def quiet() -> bool:
        with app.app_context():
            waiting = db.session.scalar(
                select(func.count()).where(Delivery.lane == "logout", Delivery.settled_at.is_(None))
            )
            waiting += db.session.scalar(select(func.count()).select_from(LossCheck))
            db.session.rollback()
            return not waiting

    wait_until(quiet, what="an empty outbox")


__all__ = ["BROWSER", "Ear", "Guest", "Shop", "Stuck", "claims_of", "json", "settled", "text_of"]
