"""A small round-robin before several web processes: each request goes to the next one that takes a connection.

A request whose backend dies before it has answered a byte goes to the next backend, as any load balancer does for
connections that were refused; a request that a backend had taken is answered 502, since it may have acted.
"""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


class RoundRobin:
    """Listens on 127.0.0.1:`port`. `served` holds the backend port of each answer, in order."""

    def __init__(self, port: int, backends: Sequence[int]) -> None:
        self.backends = list(backends)
        self.served: list[int] = []
        self._turn = itertools.count()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                outer._forward(self, self.rfile.read(length) if length else None)

            do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = handle_any

            def log_message(self, format: str, *args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes | None) -> None:
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP}
        for _ in range(len(self.backends)):
            backend = self.backends[next(self._turn) % len(self.backends)]
            upstream = http.client.HTTPConnection("127.0.0.1", backend, timeout=60)
            try:
                upstream.connect()
            except OSError:
                continue
            try:
                upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    upstream.putheader(name, value)
                upstream.endheaders(body)
                answer = upstream.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                handler.send_error(502)
                return
            finally:
                upstream.close()
            self.served.append(backend)
            handler.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP | {"content-length"}:
                    handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(content)
            return
        handler.send_error(503)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
