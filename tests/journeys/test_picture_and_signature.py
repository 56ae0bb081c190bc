"""On a telephone: a picture taken, or chosen and cropped by keyboard, mouse or fingers; a signature; both in Tag."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.support import images as made
from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WORDS = {
    "en": {
        "who": "allow@demo.example", "save": "Save the picture", "saved": "Your picture is saved.",
        "type": "Type your name", "sign": "Save the signature", "signed": "Your signature is saved.",
        "remove": "Remove the picture",
        "back": "Bring it back", "inspect": "Sign the inspection", "done": "The inspection is signed.",
        "make": "Make your signature", "undo": "Undo", "clear": "Clear",
    },
    "nb": {
        "who": "norsk@demo.example", "save": "Lagre bildet", "saved": "Bildet ditt er lagret.", "type": "Skriv navnet",
        "sign": "Lagre signaturen", "signed": "Signaturen din er lagret.", "remove": "Fjern bildet",
        "back": "Hent det tilbake", "inspect": "Signer kontrollen", "done": "Kontrollen er signert.",
        "make": "Lag signaturen din", "undo": "Angre", "clear": "Tøm",
    },
}  # fmt: skip


def color_of(page: Any) -> str:
    """What is in the middle of the picture that the menu shows."""
    source = page.locator("details.menu summary img.face").get_attribute("src")
    content = requests.get(page.url.split("/account")[0] + source, timeout=20).content
    red, green, blue = Image.open(io.BytesIO(content)).convert("RGB").getpixel((32, 48))  # type: ignore[misc]
    return "red" if red > max(green, blue) else "green" if green > blue else "blue"


class Fingers:
    """Touches on an element, in parts of its box."""

    def __init__(self, page: Any, target: Any) -> None:
        target.scroll_into_view_if_needed()
        self._cdp, self._box = page.context.new_cdp_session(page), target.bounding_box()

    def move(self, start: list[tuple[float, float]], end: list[tuple[float, float]]) -> None:
        """Put one finger or several down, move them evenly, and lift them."""
        for step in range(9):
            part = step / 8
            places = [(x + (u - x) * part, y + (v - y) * part) for (x, y), (u, v) in zip(start, end, strict=True)]
            self._tell("touchMove" if step else "touchStart", places)
        self._tell("touchEnd", [])

    def _tell(self, kind: str, places: list[tuple[float, float]]) -> None:
        box = self._box
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": finger}
            for finger, (x, y) in enumerate(places)
        ]
        self._cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def write(page: Any, surface: Any) -> None:
    """Two lines by pointer events."""
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    for start, width in ((0.1, 0.5), (0.55, 0.35)):
        page.mouse.move(box["x"] + box["width"] * start, box["y"] + box["height"] * 0.55)
        page.mouse.down()
        for step in range(40):
            part = step / 39
            page.mouse.move(
                box["x"] + box["width"] * (start + width * part),
                box["y"] + box["height"] * (0.55 - 0.3 * math.sin(part * 14)),
            )
        page.mouse.up()


@pytest.mark.parametrize("language", ["en", "nb"])
def test_picture_and_signature_on_a_telephone(
    language: str, demo: Demo, someone: Callable[..., Person], tmp_path: Path
) -> None:
    words = WORDS[language]
    kari = someone(language, viewport={"width": 360, "height": 740}, has_touch=True)
    page = kari.page
    file = tmp_path / "me.jpg"
    file.write_bytes(made.picture(size=(1200, 800)))
    large = tmp_path / "large.png"
    large.write_bytes(made.png(5200, 4000, more=b""))

    # A picture: chosen, moved to another part of it, saved, removed, brought back.
    kari.goes_to(f"{demo.base}/login")
    kari.signs_in(words["who"])
    kari.goes_to(f"{demo.base}/account/picture")
    page.locator("input[name=file]").set_input_files(file)
    stage = page.locator(".crop canvas")
    stage.wait_for()
    if language == "en":
        assert page.evaluate("document.activeElement.tagName") == "CANVAS"
        for key in ("+", "+", "+", "+", *["ArrowRight"] * 5):
            page.keyboard.press(key)
        left = float(page.locator("[name=crop_left]").input_value())
        box = stage.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 20, box["y"] + 100, steps=5)
        page.mouse.up()
        assert float(page.locator("[name=crop_left]").input_value()) > left
        for _ in range(40):
            page.keyboard.press("ArrowRight")
    else:
        fingers = Fingers(page, stage)
        fingers.move([(0.4, 0.5), (0.6, 0.5)], [(0.1, 0.5), (0.9, 0.5)])
        assert float(page.locator("[name=crop_side]").input_value()) < 0.4, "spread: closer"
        for _ in range(4):
            fingers.move([(0.9, 0.5)], [(0.1, 0.5)])
        assert page.evaluate("visualViewport.scale") == 1, "the picture moved, not the page"
    found = axe_everywhere(page)
    kari.clicks(words["save"])
    assert words["saved"] in kari.reads() and color_of(page) == "blue", "the right third"
    kari.clicks(words["remove"])
    assert page.locator("details.menu summary img.face").count() == 0
    found += axe_everywhere(page)
    kari.clicks(words["back"])
    assert color_of(page) == "blue"
    if language == "en":
        page.get_by_role("button", name="Use the camera").click()
        shutter = page.get_by_role("button", name="Take the picture")
        shutter.wait_for()
        assert not page.get_by_role("button", name=words["save"]).is_visible()
        shutter.click()  # once there is something to take
        stage.wait_for()
        page.get_by_role("button", name="Use the camera").click()
        shutter.wait_for()
        page.locator("input[name=file]").set_input_files(file)  # a file turns it off
        stage.wait_for()
        page.get_by_role("button", name="Use the camera").click()
        shutter.click()
        stage.wait_for()
        kari.clicks(words["save"])
        assert words["saved"] in kari.reads() and color_of(page) == "green", "what the camera saw"
    page.locator("input[name=file]").set_input_files(large)  # 20.8 million pixels: made smaller before it is sent
    stage.wait_for()
    kari.clicks(words["save"])
    assert words["saved"] in kari.reads()

    # A signature, which Tag asks for first.
    kari.opens("tag", words["who"])
    kari.presses(page.locator("a[href*='/inspections']").first)
    inspections = page.url
    kari.clicks(words["make"])
    page.wait_for_url(f"{demo.base}/account/signature")
    if language == "en":
        surface = page.locator(".draw canvas")
        write(page, surface)
        page.get_by_role("button", name=words["clear"]).click()
        assert page.locator("[data-save]").is_disabled()
        write(page, surface)
        page.get_by_role("button", name=words["undo"]).click()
        assert page.locator("[data-status]").text_content() == "One line is drawn"
        Fingers(page, surface).move([(0.2, 0.3)], [(0.7, 0.6)])
        assert page.locator("[data-status]").text_content() == "2 lines are drawn"
    else:
        kari.clicks(words["type"])
        page.locator("#name").press("End")
        page.keyboard.type(" Å")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.locator("img[data-style=plain][src*='%C3%85&style=plain']").wait_for()
        page.wait_for_load_state("networkidle")
    found += axe_everywhere(page)
    kari.presses(page.locator("main form .button--primary").last)
    assert words["signed"] in kari.reads()
    assert page.locator(".paper img").first.evaluate("image => image.naturalWidth") > 100
    found += axe_everywhere(page)

    page.wait_for_timeout(2500)  # Tag asks for today's token at most every two seconds
    kari.goes_to(inspections)
    page.locator("#remark").fill("Hook worn")
    kari.clicks(words["inspect"])
    assert words["done"] in kari.reads()
    page.wait_for_load_state("networkidle")
    for image in page.locator(".paper img, img.avatar").all():
        assert image.evaluate("image => image.naturalWidth") >= 64
    found += axe_everywhere(page)
    assert found == []
    kari.is_content()


def test_without_javascript(demo: Demo, someone: Callable[..., Person], tmp_path: Path) -> None:
    ada = someone("en", java_script_enabled=False)
    page = ada.page
    file = tmp_path / "me.jpg"
    file.write_bytes(made.picture(size=(1200, 800)))
    ada.goes_to(f"{demo.base}/login")
    ada.signs_in("many@demo.example")
    ada.goes_to(f"{demo.base}/account/picture")
    assert "The square in the middle is used." in ada.reads()
    page.locator("input[name=file]").set_input_files(file)
    ada.clicks("Save the picture")
    assert color_of(page) == "green", "the middle third"
    ada.goes_to(f"{demo.base}/account/signature")
    assert "Drawing needs JavaScript." in ada.reads()
    ada.clicks("Type your name")
    page.get_by_label("Formal").check()
    ada.clicks("Save the signature")
    assert "Your signature is saved." in ada.reads()
    ada.clicks("Upload")
    page.locator("input[name=file]").set_input_files(file)
    ada.clicks("Save the signature")
    assert "This looks like a picture" in ada.reads()
