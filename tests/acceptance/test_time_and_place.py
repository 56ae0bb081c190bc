"""The demo moved: in time by its clock, in space by another block of ports; and ended by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.acceptance.house import Guest
from tests.support.demo import PASSPHRASE, Demo
from tests.support.flow import Application
from tests.support.forms import text_of
from tests.support.needs import ROOT, free_block, listens, wait_until
from tests.support.processes import clean_environment, descendants, runs

pytestmark = pytest.mark.slow
DAY = 86400


def test_another_block_ctrl_c_and_the_clock(tmp_path: Path) -> None:
    """A first run, ended by Ctrl-C; a second on other ports with the same world; 28 days pass; then a part dies."""
    first = Demo(tmp_path)
    try:
        said = first.process.text()
        assert all(f"{address}\n" in said for address in (first.base, *first.apps.values()))
        assert "allow@demo.example" in said
        assert requests.get(f"{first.base}/healthz/ready", timeout=30).ok
        assert all(requests.get(f"{address}/healthz/live", timeout=30).ok for address in first.apps.values())
        again = _run_on(first.port, tmp_path / "other")
        assert again.returncode == 6 and f"Port {first.port}" in again.stdout and "is in use" in again.stdout

        guest = Guest.of("allow@demo.example", PASSPHRASE, first.base)
        assert guest.open(first.apps["tag"]).status_code == 200
        parts = descendants(first.process.pid)
        assert len(parts) >= 6, "provider, worker, three applications and the mail sink are processes of their own"
        os.kill(first.process.pid, signal.SIGINT)
        assert first.process.popen.wait(90) == 0
        wait_until(lambda: not any(map(runs, parts)), what="the end of every part")
        assert not any(listens(first.port + place) for place in (0, 1, 2, 5, 11))
    finally:
        first.stop()

    second = Demo(tmp_path, port=free_block())
    try:
        assert second.port != first.port
        guest = Guest.of("allow@demo.example", PASSPHRASE, second.base)
        for app in ("tag", "pickandpack"):
            page = guest.open(second.apps[app])
            assert page.status_code == 200 and page.url.startswith(second.apps[app])
        employee = Guest.of("employee@demo.example", PASSPHRASE, second.base)
        page = employee.open(second.apps["oneoffice"])
        assert page.status_code == 200 and "The full site" in page.text
        launcher = guest.visitor.http.get(second.base + "/", timeout=30).text
        assert f"{second.apps['tag']}/login" in launcher and f"{second.apps['pickandpack']}/login" in launcher
        probe = Application(second.base, "demo-probe", "demo-probe-secret", second.callback, "openid offline_access")
        tokens = probe.tokens_for(guest.visitor)
        _a_month_passes(second, guest, probe, tokens)

        parts = descendants(second.process.pid)
        [sink] = [pid for pid in parts if b"sink.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(sink, signal.SIGKILL)
        assert second.process.popen.wait(90) == 6 and "Mail sink ended with code" in second.process.text()
        wait_until(lambda: not any(map(runs, parts)), what="the end of every part")
    finally:
        second.stop()


def _run_on(port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """`make run` until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "idp.cli", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        env=clean_environment(PORT=str(port), ONIX_DEMO_FOLDER=str(folder)),
    )  # fmt: skip


def _a_month_passes(demo: Demo, guest: Guest, probe: Application, tokens: dict[str, str]) -> None:
    pending = Guest.of("invitation-pending@demo.example", PASSPHRASE, demo.base)
    pending.open(demo.apps["tag"])
    assert pending.verdict(demo.apps["tag"]) == "invitation_pending"
    before = json.loads(_me(guest, demo))["claims"]["exp"]

    answer = requests.post(f"{demo.base}/demo/clock", json={"advance": "P28D"}, timeout=30)
    assert answer.status_code == 200 and answer.json()["now"] >= before + 27 * DAY

    # Tokens: at the provider, and in the application, which notices by the same clock.
    assert probe.userinfo(tokens["access_token"]).status_code == 401
    assert probe.introspect(tokens["access_token"]) == {"active": False}
    assert guest.me(demo.apps["tag"]).status_code == 401, "expired, and its session has been idle too long to renew"
    # Sessions: twelve idle hours are over.
    assert "/login" in guest.visitor.http.get(demo.base + "/", timeout=30).url
    # An offline grant was idle for less than thirty days: it lives.
    fresh = probe.refresh(tokens["refresh_token"])
    assert fresh.status_code == 200
    # Invitations: expired, in the token and on the page.
    page = pending.open(demo.apps["tag"])
    assert pending.verdict(demo.apps["tag"]) == "invitation_expired"
    assert "has expired" in text_of(page.text)
    # The worker's clock moved too: a mail sent now bears the new date.
    sent = requests.Session()
    page = sent.get(f"{demo.base}/password/forgot", timeout=30)
    from tests.support.forms import form_with

    form = form_with(page.text, "csrf_token", page.url)
    name = next(field for field in form.fields if field not in ("csrf_token", "continue"))
    sent.post(form.action, data=form.filled(**{name: "allow@demo.example"}), timeout=30)
    letter = demo.letter("allow@demo.example")
    assert letter["sent_at"] >= before + 27 * DAY
    # And the month after that ends the offline grant.
    requests.post(f"{demo.base}/demo/clock", json={"advance": "P31D"}, timeout=30)
    assert probe.refresh(fresh.json()["refresh_token"]).json()["error"] == "invalid_grant"


def _me(guest: Guest, demo: Demo) -> str:
    return guest.me(demo.apps["tag"]).text
