"""A real Chromium, and axe on what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .needs import find_program, missing

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # A camera that shows a green test picture, and a person who lets pages use it.
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser for a whole run; each test takes contexts of it."""
    executable = find_program("chromium", "chromium-browser") or missing("Chromium (package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


def axe(page: Any) -> list[str]:
    """What axe finds on the page as it stands, one line for each finding."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # What it found is all that comes over: the nodes that passed are many times as much.
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(({violations}) => violations)")
    return [
        f"{page.url}: {item['id']} ({item['impact']}): {item['help']}: "
        + "; ".join(f"{node['html'][:160]} {node['failureSummary']}" for node in item["nodes"][:3])
        for item in found
    ]


def axe_everywhere(page: Any) -> list[str]:
    """`axe` in light and in dark, wide and at 320 px; at 320 px nothing may scroll sideways either."""
    size = page.viewport_size
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate("Promise.allSettled(document.getAnimations().map(change => change.finished))")
            found += [f"[{scheme} {width}] {line}" for line in axe(page)]
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                found.append(f"[{scheme} {width}] {page.url}: scrolls sideways by {over} px")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(size)
    return found
