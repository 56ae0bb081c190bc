"""`serve`: unsafe settings are refused with one full list; TLS; a log without query strings."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
import warnings
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idp import serve
from idp.settings import SettingsError, load
from tests.support.configuration import environment
from tests.support.needs import ROOT, free_port, wait_until
from tests.support.processes import Process, clean_environment


def _serve(*options: str, **told: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "idp.cli", "serve", *options],
        cwd=ROOT, env=clean_environment(**told), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_production_refuses_with_one_full_list() -> None:
    run = _serve(
        "--tls-key", "/nowhere/key.pem",
        ONIX_ENVIRONMENT="production", ONIX_DEBUG="1", ONIX_ISSUER="http://id.example", ONIX_CLOCK_FILE="/x/clock",
        AUTHLIB_INSECURE_TRANSPORT="1", ONIX_MAIL__TIMEOUT="never", ONIX_REDIS_URL_FILE="/nowhere/redis",
        ONIX_MAIL_URL="ftp://mail.example",
    )  # fmt: skip
    assert run.returncode == 3
    for what in (
        "ONIX_DEBUG", "ONIX_ISSUER", "ONIX_CLOCK_FILE", "AUTHLIB_INSECURE_TRANSPORT", "ONIX_MAIL__TIMEOUT",
        "ONIX_REDIS_URL_FILE", "ONIX_SECRET_KEY", "ONIX_KEY_ENCRYPTION_KEY", "ONIX_MAIL_URL", "--tls-key",
        "--tls-certificate", "ONIX_TRUSTED_PROXIES", "ONIX_DATABASE_URL", "ONIX_MAIL_FROM",
    ):  # fmt: skip
        assert f"  - {what}" in run.stderr, (what, run.stderr)
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ONIX_DATABASE_URL", ("mysql://u:hush@h/d", "postgres://u:hush@h/d", "postgresql+asyncpg://h/d", "hush")),
        ("ONIX_REDIS_URL", ("http://u:hush@h", "hush")),
        ("ONIX_MAIL_URL", ("ftp://u:hush@h", "smtp://", "smtp://u:hush@h:x", "hush")),
        ("ONIX_MAIL__URL", ("mail.example",)),
        ("ONIX_MAIL_FROM", ("Onix Work", "<>")),
    ],
)
def test_an_address_of_no_kind_that_is_known_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, values: tuple[str, ...]
) -> None:
    for value in values:
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load()
        (told,) = caught.value.problems
        assert told.startswith(f"{name}: must be ") and "hush" not in told


def test_what_can_not_be_listened_with_is_told_before_anything_starts(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, another = _certificate(tmp_path / "other")
    free = {"port": free_port()}

    def told(production: bool = False, **options: Any) -> list[str]:
        return serve.problems(serve.Options(**{**free, **options}), production=production, proxies=0)

    assert told(production=True, certificate=certificate, key=key) == []
    for wrong in (another, certificate, tmp_path):
        assert [line.split(":")[0] for line in told(certificate=certificate, key=wrong)] in (
            ["--tls-certificate"], ["--tls-key"],
        )  # fmt: skip
    with socket.socket() as other:  # a server that would share its port with this one
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        (line,) = told(port=other.getsockname()[1])
        assert line.startswith("--port: can't listen on 127.0.0.1:")
    for host in ("nowhere.invalid", "nowhere..invalid"):
        (line,) = told(host=host)
        assert line.startswith("--port: ")


@pytest.mark.parametrize(("said", "workers", "each"), [(None, 1, 8), (None, 3, 2), (None, 20, 1), ("5", 3, 5)])
def test_as_many_passwords_are_hashed_at_once_as_there_are_cores(
    monkeypatch: pytest.MonkeyPatch, said: str | None, workers: int, each: int
) -> None:
    name = "ONIX_PASSWORDS__CONCURRENCY"
    monkeypatch.setenv(name, said or "")
    if said is None:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    serve.share_cores(workers, load().passwords)
    assert load().passwords.concurrency == each


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from-a-file-0123456789-0123456789-01\n")
    (tmp_path / "old").write_text("older-1\nolder-2\n")
    (tmp_path / "mail").write_text("smtp://u:p@mail.example\n")
    monkeypatch.setenv("ONIX_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("ONIX_SECRET_KEY_FALLBACKS_FILE", str(tmp_path / "old"))
    monkeypatch.setenv("ONIX_MAIL__URL_FILE", str(tmp_path / "mail"))
    settings = load()
    assert settings.all_secret_keys == ["from-a-file-0123456789-0123456789-01", "older-1", "older-2"]
    assert settings.mail_server == "smtp://u:p@mail.example"


def test_wrong_secret_files_are_all_told_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "key").write_text("the-secret-itself")
    monkeypatch.setenv("ONIX_SECRET_KEY_FILE", str(tmp_path / "empty"))
    monkeypatch.setenv("ONIX_KEY_ENCRYPTION_KEY", "x")
    monkeypatch.setenv("ONIX_KEY_ENCRYPTION_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("ONIX_NONSENSE_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("ONIX_REDIS_URL_FILE", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        load()
    told = "\n".join(caught.value.problems)
    for name in ("ONIX_SECRET_KEY_FILE", "ONIX_KEY_ENCRYPTION_KEY_FILE", "ONIX_NONSENSE_FILE", "ONIX_REDIS_URL_FILE"):
        assert name in told
    assert "the-secret-itself" not in told


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def _speak(port: int, certificate: Path, version: ssl.TLSVersion) -> str:
    """The cipher suite that a client of this one TLS version gets."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("localhost", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        cipher = tls.cipher()
    assert cipher is not None
    return cipher[0]


@pytest.mark.slow
def test_tls_ends_here_and_metrics_add_up_over_workers(databases: Any, tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    port = free_port()
    with databases.fresh("sqlite") as url:
        overrides = {"ONIX_LOG_LEVEL": "INFO", "ONIX_ENVIRONMENT": "development"}  # tests write no lines of their own
        told = clean_environment(**environment(url, f"https://localhost:{port}", **overrides))
        command = [
            sys.executable, "-m", "idp.cli", "serve", "--port", str(port), "--workers", "2",
            "--tls-certificate", str(certificate), "--tls-key", str(key),
        ]  # fmt: skip
        process = Process(command, log=tmp_path / "serve.log", env=told, cwd=ROOT)
        try:

            def get(path: str) -> Any:
                try:
                    return requests.get(f"https://localhost:{port}{path}", verify=str(certificate), timeout=30)
                except requests.ConnectionError:
                    return None

            live = wait_until(lambda: get("/healthz/live"), what="TLS")
            assert live.ok and "max-age" in live.headers["Strict-Transport-Security"]
            # Conformance 101, 127 and RFC 9325 §3.1.1, §4.2: 1.2 with modern suites and 1.3, nothing older.
            assert re.match(r"ECDHE-.*(GCM|POLY1305)", _speak(port, certificate, ssl.TLSVersion.TLSv1_2))
            assert _speak(port, certificate, ssl.TLSVersion.TLSv1_3).startswith("TLS_")
            with pytest.raises(ssl.SSLError), warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                _speak(port, certificate, ssl.TLSVersion.TLSv1_1)
            for _ in range(10):
                get("/login?code=a-secret-in-the-query")
            text = get("/metrics").text
            count = [
                line for line in text.splitlines() if line.startswith("onix_requests_total{") and '"/login"' in line
            ]
            assert sum(float(line.rsplit(" ", 1)[1]) for line in count) == 10
            trust = ssl.create_default_context(cafile=str(certificate))
            with ExitStack() as owed:  # more than there are threads that work, each with a body that never comes (R44)
                for _ in range(24):
                    line = socket.create_connection(("localhost", port))
                    stalled = owed.enter_context(trust.wrap_socket(line, server_hostname="localhost"))
                    stalled.sendall(b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\ngrant")
                for path in ("/login", "/oauth2/jwks", "/signup"):
                    assert get(path).ok
                posted = requests.post(
                    f"https://localhost:{port}/oauth2/token", data={"a": "b"}, verify=str(certificate), timeout=60
                )
                assert posted.json()["error"] == "invalid_client"
            assert "a-secret-in-the-query" not in process.text()
            assert re.search(r'route(=|": ")/login\b', process.text())
        finally:
            process.stop()
