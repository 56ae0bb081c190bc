"""Keys and client secrets change by the commands while everything runs. R10, R15; conformance 10."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.acceptance.house import Guest
from tests.support.demo import PASSPHRASE, Demo
from tests.support.flow import Application, Visitor
from tests.support.needs import ROOT, wait_until
from tests.support.processes import clean_environment
from tests.support.protocol import header_of

pytestmark = pytest.mark.slow


def kids(demo: Demo) -> set[str]:
    return {key["kid"] for key in requests.get(f"{demo.base}/oauth2/jwks", timeout=30).json()["keys"]}


def test_keys_rotate_while_tokens_live(demo: Demo, shell: Callable[..., Any], guest_of: Callable[..., Guest]) -> None:
    """The next keys are shown before they sign; in an emergency they sign at once; no open application notices."""
    tag = demo.apps["tag"]
    guest = guest_of("allow@demo.example")
    assert guest.open(tag).status_code == 200
    probe = Application(demo.base, "demo-probe", "demo-probe-secret", demo.callback, "openid profile email")
    first = probe.tokens_for(Visitor("allow@demo.example", PASSPHRASE))
    before = kids(demo)

    done = shell("key", "rotate")
    assert done.returncode == 0, done.stderr
    fresh = set(done.stdout.split())
    assert len(fresh) == 2 and not fresh & before
    wait_until(lambda: kids(demo) >= before | fresh, what="that the running provider shows the next keys")
    second = probe.refresh(first["refresh_token"]).json()
    for token in (second["access_token"], second["id_token"]):
        assert header_of(token)["kid"] in before, "published, not yet in use"

    done = shell("key", "rotate", "--now", "--yes")
    assert done.returncode == 0, done.stderr
    emergency = set(done.stdout.split())
    wait_until(lambda: kids(demo) >= before | emergency, what="that the emergency's keys are shown beside the old")
    third = probe.refresh(second["refresh_token"]).json()
    for token in (third["access_token"], third["id_token"]):
        assert header_of(token)["kid"] in emergency
    # Tokens of the old keys live on: at userinfo, introspection, as a hint, and in the open application.
    for token in (first, second, third):
        assert probe.userinfo(token["access_token"]).status_code == 200
        assert probe.introspect(token["access_token"])["active"] is True
    assert guest.look(tag).status_code == 200
    # The application learns a key that it has never seen, and goes on by the new ones.
    assert guest_of("allow@demo.example").open(tag).status_code == 200


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_two_secrets_live_until_the_older_one_ends(method: str, demo: Demo, run: Callable[..., Any]) -> None:
    made = run("client", "create", "A machine", "--kind", "machine", "--auth-method", method, "--json")
    assert made["client_secret"] not in run("client", "show", made["client_id"])

    def works(secret: str) -> bool:
        form = {"grant_type": "client_credentials"}
        auth = (made["client_id"], secret) if method == "client_secret_basic" else None
        if auth is None:
            form |= {"client_id": made["client_id"], "client_secret": secret}
        answer = requests.post(f"{demo.base}/oauth2/token", data=form, auth=auth, timeout=30)
        assert answer.status_code in (200, 400, 401), answer.text
        return answer.status_code == 200

    held = [made["client_secret"]]
    assert works(held[0])
    for count in (2, 3):
        held.append(run("client", "rotate-secret", made["client_id"], "--json")["client_secret"])
        assert [works(secret) for secret in held] == [False] * (count - 2) + [True, True], "two live secrets, no third"
    assert not works("wrong")
    run("client", "disable", made["client_id"], "--yes")
    assert not any(works(secret) for secret in held)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("web", ["--app", "tag", "--deny-mode", "token"]),
        ("web", ["--app", "pickandpack", "--auth-method", "client_secret_post"]),
        ("web", []),
        ("spa", ["--app", "tag"]),
        ("native", ["--app", "pickandpack"]),
    ],
    ids=["family-token", "family-post", "partner", "spa", "native"],
)
def test_each_kind_of_client_signs_a_person_in(
    kind: str, options: list[str], demo: Demo, run: Callable[..., Any]
) -> None:
    """Registered by the command, used at once at the running provider, with the secret that was printed."""
    redirect = "http://127.0.0.1/callback" if kind == "native" else "http://localhost:9/callback"
    made = run("client", "create", "Fresh", "--kind", kind, "--redirect-uri", redirect, *options, "--json")
    back = redirect.replace("127.0.0.1", "127.0.0.1:53219")
    visitor = Visitor("allow@demo.example", PASSPHRASE)
    application = Application(demo.base, made["client_id"], made["client_secret"], back, "openid email")
    if "client_secret_post" in options:
        application.post = lambda path, **data: application.http.post(  # type: ignore[method-assign]
            demo.base + path, data={**data, "client_id": made["client_id"], "client_secret": made["client_secret"]},
            timeout=30,
        )  # fmt: skip
    tokens = application.tokens_for(visitor)
    assert application.userinfo(tokens["access_token"]).json()["email"] == "allow@demo.example"
    run("client", "disable", made["client_id"], "--yes")
    assert application.userinfo(tokens["access_token"]).status_code == 401


def test_commands_typed_beside_the_demo_speak_to_it(demo: Demo) -> None:
    """As the tutorial has it: nothing exported, and yet the demo's own database, keys, addresses and clock."""
    env = clean_environment(ONIX_DEMO_FOLDER=str(demo.folder))

    def type_(*arguments: str, **told: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "idp.cli", *arguments],
            cwd=ROOT, env=env | told, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert "nordic-lift" in type_("org", "list").stdout
    assert type_("check").stdout == "ok\n"
    done = type_("key", "rotate")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: kids(demo) >= set(done.stdout.split()), what="that the running provider reads the new keys")
    text = (demo.folder / "environment").read_text()
    assert (demo.folder / "secret_key").read_text() not in text
    assert (demo.folder / "key_encryption_key").read_text() not in text

    # Other settings beside the same database: keys that the running provider could not read are refused.
    before = kids(demo)
    for command in (("key", "rotate"), ("key", "rotate", "--now", "--yes")):
        done = type_(*command, ONIX_DATABASE_URL=demo.database_url)
        assert done.returncode == 1 and "wrong_key_encryption_key" in done.stderr
    time.sleep(6)  # longer than a process trusts the keys that it has read
    assert kids(demo) == before
    assert requests.get(f"{demo.base}/healthz/ready", timeout=30).ok
