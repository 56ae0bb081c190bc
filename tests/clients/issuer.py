"""A small provider for the tests of the applications: real HTTP, and told by each test how to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import make_server

EVENT = "http://schemas.openid.net/event/backchannel-logout"

ALLOW: dict[str, Any] = {
    "org_id": "org-1",
    "org_name": "Nordic Lift AS",
    "member_id": "member-1",
    "member_type": "employee",
    "roles": ["Inspector"],
    "entitlements": ["tag:standard"],
    "privileges": [
        "tag:access", "tag:equipment.read", "tag:equipment.write", "tag:tag.read", "tag:tag.write", "tag:print.read",
        "tag:print.write",
    ],
    "onix_access": {
        "v": 1, "rev": 4, "decision": "allow",
        "license": {"id": "license-1", "edition": "tag:standard", "ends_at": 4_000_000_000},
    },
}  # fmt: skip


def deny(code: str, *, organization: bool = True, **more: Any) -> dict[str, Any]:
    """The organization part of a denied token."""
    claims: dict[str, Any] = {"roles": [], "entitlements": [], "privileges": []}
    if organization:
        claims |= {"org_id": "org-1", "org_name": "Nordic Lift AS", "member_id": "member-1", "member_type": "employee"}
    access = {"v": 1, "rev": 5, "decision": "deny", "reason": code, "reason_user": "The cause.", "ask": ["Ada Berg"]}
    return {**claims, "onix_access": {**access, "remedy_user": "The remedy.", **more}}


def half_hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


_RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"}, private=True)
_EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"}, private=True)


class Issuer:
    """The provider of one test. Everything it says can be changed by assignment."""

    def __init__(self) -> None:
        self.rsa, self.ec = _RSA, _EC
        self.published: list[Any] = [_RSA, _EC]
        self.organization: dict[str, Any] = dict(ALLOW)
        self.sid = "sid-1"
        self.sub = "person-1"
        self.lifetime = 300
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self.nonce = ""
        self.calls: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.authorize_error: str | None = None
        self.token_error: tuple[int, dict[str, str]] | None = None
        self.edit_id: Callable[[dict[str, Any]], None] = lambda claims: None
        self.edit_access: Callable[[dict[str, Any]], None] = lambda claims: None
        self.edit_answer: Callable[[dict[str, Any]], None] = lambda answer: None
        # what the API answers: method, path, query, body and headers in, status and members out
        self.api: Callable[..., tuple[int, dict[str, Any]]] = lambda *_: (
            404,
            {"code": "not_found", "detail": "Nothing."},
        )
        self.pause: Callable[[], object] = lambda: None  # before the token endpoint answers
        self.server: Any = None
        self.now: Callable[[], int] = lambda: int(time.time())

    # life

    def start(self, port: int = 0) -> Issuer:
        self.server = make_server("127.0.0.1", port, self._app(), threaded=True)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    # what it signs

    def sign(
        self, claims: dict[str, Any], typ: str | None, key: Any = None, alg: str | None = None, **header: Any
    ) -> str:
        key = key or self.rsa
        alg = alg or ("ES256" if isinstance(key, ECKey) else "RS256")
        head = {"alg": alg, "kid": key.kid, **header}
        head = {name: value for name, value in head.items() if value is not None}
        if typ is not None:
            head["typ"] = typ
        return jwt.encode(head, claims, key, algorithms=[alg], default_type=None)

    def access_claims(self, **changes: Any) -> dict[str, Any]:
        now = self.now()
        return {
            "iss": self.issuer, "sub": self.sub, "aud": "urn:onix:tag", "client_id": "onix-tag", "iat": now,
            "exp": now + self.lifetime, "jti": secrets.token_hex(8), "sid": self.sid, "scope": "openid profile email",
            **self.organization, **changes,
        }  # fmt: skip

    def id_claims(self, nonce: str = "n", **changes: Any) -> dict[str, Any]:
        now = self.now()
        claims: dict[str, Any] = {
            "iss": self.issuer, "sub": self.sub, "aud": "onix-tag", "iat": now, "exp": now + self.lifetime,
            "sid": self.sid, "auth_time": 1_000, "nonce": nonce, "name": "Kari Nordmann",
            "email": "kari@demo.example",
        }  # fmt: skip
        claims |= {name: self.organization[name] for name in ("org_id", "org_name") if name in self.organization}
        return {**claims, **changes}

    def logout_token(self, typ: str | None = "logout+jwt", **changes: Any) -> str:
        now = self.now()
        claims = {
            "iss": self.issuer, "aud": "onix-tag", "iat": now, "exp": now + 120, "jti": secrets.token_hex(8),
            "events": {EVENT: {}}, "sid": self.sid, "sub": self.sub, **changes,
        }  # fmt: skip
        return self.sign({name: value for name, value in claims.items() if value is not None}, typ)

    # the browser's part

    def authorize(self, url: str) -> str:
        """What a browser with a live session gets for an authorization request: the address of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = {"state": asked["state"], "iss": self.issuer}
        if self.authorize_error:
            answer["error"] = self.authorize_error
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            answer["code"] = code
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    # HTTP

    def _tokens(self, nonce: str, client_id: str, resource: str) -> dict[str, Any]:
        self.nonce = nonce
        access = self.access_claims(client_id=client_id, aud=resource)
        self.edit_access(access)
        access_token = self.sign(access, "at+jwt", self.ec)
        identity = self.id_claims(nonce, aud=client_id, at_hash=half_hash(access_token))
        self.edit_id(identity)
        refresh_token = secrets.token_urlsafe(16)
        self.refresh_tokens.add(refresh_token)
        answer: dict[str, Any] = {
            "access_token": access_token, "token_type": "Bearer", "expires_in": self.lifetime,
            "refresh_token": refresh_token, "id_token": self.sign(identity, "JWT"),
        }  # fmt: skip
        self.edit_answer(answer)
        return answer

    def _app(self) -> Flask:
        app = Flask("issuer")

        @app.before_request
        def count() -> None:
            self.calls[request.path] += 1
            self.seen.append((request.path, request.form.to_dict()))

        @app.get("/.well-known/openid-configuration")
        def discovery() -> Any:
            return jsonify(
                issuer=self.issuer,
                authorization_endpoint=f"{self.issuer}/oauth2/authorize",
                token_endpoint=f"{self.issuer}/oauth2/token",
                jwks_uri=f"{self.issuer}/oauth2/jwks",
                end_session_endpoint=f"{self.issuer}/oauth2/logout",
                authorization_response_iss_parameter_supported=True,
            )

        @app.get("/oauth2/jwks")
        def jwks() -> Any:
            return Response(
                json.dumps({"keys": [key.as_dict(private=False) for key in self.published]}),
                mimetype="application/json",
            )

        @app.post("/oauth2/token")
        def token() -> Any:
            self.pause()
            if self.token_error:
                return jsonify(self.token_error[1]), self.token_error[0]
            client_id = request.authorization.username if request.authorization else request.form["client_id"]
            if request.form["grant_type"] == "refresh_token":
                if request.form["refresh_token"] not in self.refresh_tokens:
                    return jsonify(error="invalid_grant"), 400
                self.refresh_tokens.discard(request.form["refresh_token"])
                return jsonify(self._tokens(self.nonce, str(client_id), request.form["resource"]))
            asked = self.codes.pop(request.form["code"], None)
            verifier = base64.urlsafe_b64encode(hashlib.sha256(request.form["code_verifier"].encode()).digest())
            if asked is None or verifier.rstrip(b"=").decode() != asked["code_challenge"]:
                return jsonify(error="invalid_grant"), 400
            return jsonify(self._tokens(asked["nonce"], str(client_id), asked["resource"]))

        @app.route("/api/v1/<path:path>", methods=["GET", "POST", "DELETE"])
        def api(path: str) -> Any:
            status, body = self.api(request.method, path, request.args, request.get_json(silent=True), request.headers)
            kind = "application/json" if status < 300 else "application/problem+json"
            return Response(json.dumps(body), status, mimetype=kind)

        @app.get("/oauth2/authorize")
        def authorize() -> Any:
            return Response(status=302, headers={"Location": self.authorize(request.url)})

        return app
