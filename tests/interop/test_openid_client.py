"""npm's openid-client, as published, walks the whole protocol against the provider."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.support.flow import query_of
from tests.support.forms import text_of
from tests.support.live import CALLBACK, Live
from tests.support.needs import ROOT, missing, program

SOURCE = Path(__file__).parent / "openid_client"


@pytest.fixture(scope="session")
def openid_client() -> Path:
    """The folder with the script and its packages, installed once for each state of the lock."""
    npm = program("npm")
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = ROOT / ".run" / f"openid-client-{lock}"
    if not (folder / "node_modules" / "openid-client").is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, folder)
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            if os.environ.get("CI"):
                pytest.fail(f"npm could not install openid-client:\n{done.stderr}", pytrace=False)
            missing("npm's openid-client (no registry reached)")
    shutil.copy(SOURCE / "walk.mjs", folder)
    return folder


class Walk:
    """The script as a child; `to(url)` finishes it with the callback's address."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._child = subprocess.Popen(
            [program("node"), "walk.mjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps(settings))
        first = self._read()
        self.url, self.server = first["url"], first["server"]

    def _say(self, line: str) -> None:
        assert self._child.stdin
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._child.stdout and self._child.stderr
        line = self._child.stdout.readline()
        if not line:
            raise AssertionError(f"openid-client ended: {self._child.stderr.read()}")
        return json.loads(line)  # type: ignore[no-any-return]

    def to(self, callback: str) -> dict[str, Any]:
        self._say(callback)
        result = self._read()
        self._child.wait(60)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe:
                pipe.close()
        return result


def _settings(live: Live, client_id: str, method: str, **more: Any) -> dict[str, Any]:
    return {
        "issuer": live.issuer,
        "client_id": client_id,
        "method": method,
        "redirect_uri": CALLBACK,
        "post_logout_redirect_uri": "http://localhost:9/bye",
        "scope": "openid profile email",
        **more,
    }


@pytest.mark.slow
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"])
def test_openid_client_walks_the_whole_way(method: str, openid_client: Path, live: Callable[..., Live]) -> None:
    """Discovery, code with PKCE, every ID token check, userinfo, introspection, rotation, revocation, logout."""
    here = live(database="sqlite")
    person = here.world.user()
    values: dict[str, Any] = {"token_endpoint_auth_method": method}
    settings: dict[str, Any] = {"secret": "an-app-secret"}
    if method == "private_key_jwt":
        key = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256", "use": "sig"})
        values |= {"jwks": {"keys": [key.as_dict(private=False)]}, "token_endpoint_auth_signing_alg": "ES256"}
        settings = {"jwk": key.as_dict(private=True)}
    if method == "none":
        values["kind"] = "spa"
    secret = "an-app-secret" if method.startswith("client_secret") else None
    here.application("interop", secret=secret, **values)
    walk = Walk(openid_client, _settings(here, "interop", method, **settings))
    visitor = here.visitor(person)
    result = walk.to(visitor.walk(walk.url, CALLBACK))

    assert "failed" not in result, result
    assert result["token_type"].lower() == "bearer"
    assert 0 < result["expires_in"] <= 300
    assert result["claims"]["sub"] == person.account_id == result["userinfo"]["sub"]
    assert result["userinfo"]["email"] == person.address
    assert result["claims"]["onix_access"]["decision"] == "allow"
    assert result["refreshed"]["claims"]["sub"] == person.account_id
    assert result["refreshed"]["rotated"]
    assert result["after_revocation"] == "invalid_grant"
    if method != "none":
        assert result["introspection"]["active"] is True
        assert result["introspected_after"] == {"active": False}

    goodbye = visitor.get(result["end_session"])
    assert goodbye.status_code in (200, 302, 303), text_of(goodbye.text)
    if goodbye.is_redirect:
        assert query_of(goodbye.headers["Location"]) == {"state": "bye"}
    else:
        assert "password" not in goodbye.text


@pytest.mark.slow
def test_openid_client_takes_es256_and_a_key_it_must_fetch(openid_client: Path, live: Callable[..., Live]) -> None:
    """ID tokens signed with ES256 when the client registered it, and form_post answers."""
    here = live(database="sqlite")
    person = here.world.user()
    here.application("interop-es", id_token_signed_response_alg="ES256")
    walk = Walk(
        openid_client,
        _settings(here, "interop-es", "client_secret_basic", secret="an-app-secret", id_token_alg="ES256"),
    )
    result = walk.to(here.visitor(person).walk(walk.url, CALLBACK))
    assert result.get("claims", result)["sub"] == person.account_id


@pytest.mark.slow
def test_openid_client_reads_a_refusal(openid_client: Path, live: Callable[..., Live]) -> None:
    """A denial for a client that takes errors comes as a well-formed error response with state and issuer."""
    here = live(database="sqlite")
    person = here.world.account()
    here.application("interop-denied", deny_mode="error")
    walk = Walk(openid_client, _settings(here, "interop-denied", "client_secret_basic", secret="an-app-secret"))
    callback = here.visitor(person).walk(walk.url, CALLBACK)
    assert urlsplit(callback).path == "/callback"
    result = walk.to(callback)
    assert result["error"] == "access_denied", result
    assert "no_organization" in query_of(callback)["error_description"]


@pytest.mark.slow
def test_openid_client_with_an_rsa_key(openid_client: Path, live: Callable[..., Live]) -> None:
    here = live(database="sqlite")
    person = here.world.user()
    key = RSAKey.generate_key(2048, {"kid": "two", "alg": "RS256", "use": "sig"})
    here.application(
        "interop-rsa",
        secret=None,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="RS256",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    walk = Walk(openid_client, _settings(here, "interop-rsa", "private_key_jwt", jwk=key.as_dict(private=True)))
    result = walk.to(here.visitor(person).walk(walk.url, CALLBACK))
    assert result.get("claims", result)["sub"] == person.account_id
