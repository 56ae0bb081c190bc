"""`make screenshots`: the demo in a real browser, every page in light and dark, wide and narrow, English and Bokmål.

Pictures go to `.run/screenshots`; those of the documentation go to `docs/pictures` as well (`--keep`), sharper. Exit
code 1 when axe finds something, a page scrolls sideways, or the browser complains (a policy violation, say).
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.browsers import axe, chromium

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / ".run" / "screenshots"
KEPT = ROOT / "docs" / "pictures"
PASSPHRASE = "correct-horse-onix-demo"
PORT = int(os.environ.get("SCREENSHOT_PORT", "8700"))
AUTHORIZE = (
    f"/oauth2/authorize?response_type=code&scope=openid%20profile%20email&state=s&code_challenge_method=S256"
    f"&code_challenge={'A' * 43}&redirect_uri=http%3A%2F%2Flocalhost%3A{PORT + 10}%2Fcallback"
)
KEPT_LOOK = ("light", 1280, "en")
LOOKS = [(scheme, width, lang) for lang in ("en", "nb") for scheme in ("light", "dark") for width in (1280, 360)]


@dataclass(frozen=True)
class Shot:
    """One picture: who is signed in (None: nobody), where, and what is done there before the picture is taken."""

    name: str
    path: str
    person: str | None = None
    act: Callable[[Any], None] | None = None
    kept: bool = False


def press(page: Any) -> None:
    """Send the page's own form as it is, to see its errors."""
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


def sign_up(page: Any) -> None:
    page.locator("main input[type=email]").fill(f"ny-{time.time_ns()}@verft.example")
    press(page)


def open_menu(page: Any) -> None:
    page.locator("details.menu > summary").click()


def open_person(page: Any) -> None:
    with page.expect_navigation():
        page.locator("tbody th a").first.click()


def open_row(page: Any) -> None:
    with page.expect_navigation():
        page.locator("td.go a").first.click()


def open_found(page: Any) -> None:
    """The first of a list that is all links."""
    with page.expect_navigation():
        page.locator("ul.list--links a").first.click()


def at_hand(page: Any) -> None:
    """Tag was opened for one organization, and Pick and Pack is pinned in another."""
    shelf = "section[data-shelf]"
    with page.expect_navigation():
        page.locator(shelf, has_text="Fjord Inspection").locator(".app a").first.click()
    page.wait_for_load_state()
    page.goto(f"http://localhost:{PORT}/")
    pin = page.locator(shelf, has_text="Nordic Lift").locator("form[action='/pin'] button").nth(1)
    if page.locator("form[action='/unpin']").count() == 0:
        with page.expect_navigation():
            pin.click()
        page.goto(f"http://localhost:{PORT}/")


SHOTS = [
    Shot("login", "/login"),
    Shot("login-refused", "/login", act=press),
    Shot("signup", "/signup"),
    Shot("signup-refused", "/signup", act=press),
    Shot("signup-sent", "/signup", act=sign_up),
    Shot("forgot", "/password/forgot"),
    Shot("demo-mail", "/demo/mail"),
    Shot("demo-mail-html", "/demo/mail?view=html"),
    Shot("dead-link", "/activate/not-a-link"),
    Shot("not-found", "/nowhere"),
    Shot("launcher", "/", "many", act=at_hand, kept=True),
    Shot("launcher-one", "/", "allow"),
    Shot("launcher-menu", "/", "allow", act=open_menu),
    Shot("data", "/account/data", "allow"),
    Shot("data-close", "/account/data/close", "allow"),
    Shot("people", "/org/nordic-lift/people", "admin"),
    Shot("people-new", "/org/nordic-lift/people/new", "admin"),
    Shot("people-import", "/org/nordic-lift/people/import", "admin"),
    Shot("people-person", "/org/nordic-lift/people?q=contact-only", "admin", act=open_person, kept=True),
    Shot("organization", "/org/nordic-lift/", "admin"),
    Shot("licenses", "/org/nordic-lift/licenses", "admin"),
    Shot("license", "/org/nordic-lift/licenses", "admin", act=open_person),
    Shot("roles", "/org/nordic-lift/roles", "admin"),
    Shot("role", "/org/nordic-lift/roles", "admin", act=open_person),
    Shot("role-new", "/org/nordic-lift/roles/new", "admin"),
    Shot("role-new-refused", "/org/nordic-lift/roles/new", "admin", act=press),
    Shot("access", "/org/nordic-lift/access?q=license-missing&app=tag", "admin"),
    Shot("access-verdict", "/org/nordic-lift/access?q=license-missing&app=tag", "admin", act=open_found, kept=True),
    Shot("access-who", "/org/nordic-lift/access/apps/tag?people=all", "admin"),
    Shot("requests", "/org/nordic-lift/requests", "admin"),
    Shot("audit", "/org/nordic-lift/audit", "admin"),
    Shot("audit-token", "/org/nordic-lift/audit/token?jti=nothing", "admin"),
    Shot("launcher-admin", "/", "admin"),
    Shot("platform", "/admin/", "root"),
    Shot("records", "/admin/records", "root"),
    Shot("records-users", "/admin/records/core/user", "root"),
    Shot("records-user-add", "/admin/records/core/user/add", "root"),
    Shot("records-user", "/admin/records/core/user?q=employee", "root", act=open_row),
    Shot("records-sessions", "/admin/records/protocol/session", "root"),
    Shot("organizations", "/admin/organizations", "root"),
    Shot("organizations-one", "/admin/organizations?q=nordic", "root", act=open_person),
    Shot("organizations-add", "/admin/organizations/add", "root"),
    Shot("ask", "/access/request?app=tag&organization=nordic-lift", "license-missing"),
    Shot("launcher-license-missing", "/", "license-missing"),
    Shot("launcher-contact-only", "/", "contact-only"),
    Shot("launcher-no-organization", "/", "no-organization"),
    Shot("launcher-suspended", "/", "organization-suspended"),
    Shot("signed-out-question", "/logout", "allow"),
    Shot("choose-account", "/login/choose", "allow"),
    Shot("choose-organization", f"{AUTHORIZE}&client_id=demo-probe", "many"),
    Shot("consent", f"{AUTHORIZE}&client_id=demo-partner&prompt=consent", "allow"),
    Shot("client-unknown", f"{AUTHORIZE}&client_id=nobody"),
    Shot("tag", f"http://localhost:{PORT + 1}/login", "allow"),
    Shot("tag-denied", f"http://localhost:{PORT + 1}/login", "license-missing", kept=True),
    Shot("pick-and-pack", f"http://localhost:{PORT + 2}/login", "allow"),
    Shot("oneoffice", f"http://localhost:{PORT + 5}/login", "employee"),
    Shot("oneoffice-administration", f"http://localhost:{PORT + 5}/login", "oneoffice-admin"),
    Shot("oneoffice-denied", f"http://localhost:{PORT + 5}/login", "oneoffice-unlicensed"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="replace the pictures of the README")
    parser.add_argument("--only", default="", help="a regular expression over the names of pictures")
    parser.add_argument("--quick", action="store_true", help="light 1280 English and dark 360 Bokmål only")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    shots = [shot for shot in SHOTS if re.search(options.only, shot.name)]
    looks = [("light", 1280, "en"), ("dark", 360, "nb")] if options.quick else LOOKS
    demo = start_demo()
    try:
        with chromium() as browser:
            problems = [problem for look in looks for problem in shoot(browser, shots, look, keep=options.keep)]
    finally:
        demo.send_signal(signal.SIGINT)
        try:
            demo.wait(15)
        except subprocess.TimeoutExpired:
            demo.kill()
    print("\n".join(problems) or f"{len(shots) * len(looks)} pictures in {OUT.relative_to(ROOT)}, nothing found")
    return 1 if problems else 0


def start_demo() -> subprocess.Popen[str]:
    """The demo as `make run` starts it, on a block of ports and in a folder of its own; returns once it is ready."""
    demo = subprocess.Popen(
        [str(Path(sys.executable).with_name("onix-account")), "demo"],
        cwd=ROOT,
        env={**os.environ, "PORT": str(PORT), "ONIX_DEMO_FOLDER": str(ROOT / ".run" / "screenshots-demo")},
        stdout=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in demo.stdout or ():
        said.append(line)
        if line.strip() == "ready":
            return demo
    raise SystemExit(f"the demo ended with {demo.wait()}: {''.join(said[-20:])}")


def shoot(browser: Any, shots: list[Shot], look: tuple[str, int, str], *, keep: bool) -> list[str]:
    """All pictures of one look; gives what is wrong with the pages."""
    scheme, width, language = look
    problems: list[str] = []
    person: str | None = None
    context: Any = None
    for shot in shots:
        if context is None or shot.person != person:
            if context is not None:
                context.close()
            context = browser.new_context(
                color_scheme=scheme,
                viewport={"width": width, "height": 800},
                locale={"nb": "nb-NO"}.get(language, "en-GB"),
                device_scale_factor=1.3 if keep and look == KEPT_LOOK and shot.person != "admin" else 1,  # big pages
            )
            context.set_default_timeout(60_000)
            person = shot.person
            if person:
                sign_in(context, person)
        page = context.new_page()
        name = f"{shot.name}-{scheme}-{width}-{language}"
        page.on("console", partial(complain, problems, name))
        page.goto(shot.path if "://" in shot.path else f"http://localhost:{PORT}{shot.path}")
        if shot.act:
            shot.act(page)
        page.screenshot(path=OUT / f"{name}.png", full_page=True)
        problems += [f"{name}: {found}" for found in axe(page)]
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            problems.append(f"{name}: scrolls sideways by {over} px")
        if keep and shot.kept and look == KEPT_LOOK:
            KEPT.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=KEPT / f"{shot.name}.png", full_page=True)
        page.close()
    if context is not None:
        context.close()
    return problems


def complain(problems: list[str], name: str, message: Any) -> None:
    """What the browser says in its console; that a refused page has a 4xx status is no complaint."""
    if message.type == "error" and "status of 4" not in message.text:
        problems.append(f"{name}: {message.text}")


def sign_in(context: Any, person: str) -> None:
    page = context.new_page()
    page.goto(f"http://localhost:{PORT}/login")
    page.locator("#identifier").fill(f"{person}@demo.example")
    page.locator("#password").fill(PASSPHRASE)
    page.locator("#password").press("Enter")
    page.wait_for_url(lambda address: "/login" not in address)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
