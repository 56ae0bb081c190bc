"""The workshop: hostile files are refused with a reason or come out clean, in bounded memory (R45, P34)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw

from idp import create_app
from idp.accounts import images
from idp.accounts.images import Crop
from idp.kernel.refusal import Refusal
from tests.support import images as made
from tests.support.configuration import settings
from tests.support.needs import ROOT

pytestmark = pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")  # as the program itself says

HEAVY = (
    "30,000 by 30,000 in one bit", "a WebP that promises 16,383 by 16,383", "26 MB",
    "a text that unpacks to 50 MB", "10,000 frames of PNG", "10,000 frames of WebP", "black and white",
    "as many pixels as may be",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def bench() -> Iterator[None]:
    """One application for all: nothing here reads or writes a row."""
    with create_app(settings("sqlite://")).app_context():
        yield


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("name", made.REFUSED)
def test_what_is_no_picture_is_refused_with_its_reason(name: str) -> None:
    code, make = made.REFUSED[name]
    with pytest.raises(Refusal) as refusal:
        images.make_picture(make())
    assert (refusal.value.code, refusal.value.status, refusal.value.field) == (code, 400, "file")


@pytest.mark.parametrize("name", made.CLEANED)
def test_what_is_odd_comes_out_clean(name: str) -> None:
    sent = made.CLEANED[name]()
    files = images.make_picture(sent)
    assert list(files) == [64, 192, 512]
    for pixels, content in files.items():
        image = _open(content)
        assert (image.format, image.size, getattr(image, "n_frames", 1)) == ("JPEG", (pixels, pixels), 1)
        assert not image.getexif() and "icc_profile" not in image.info and "comment" not in image.info
        assert made.SECRET not in content and content not in sent
        image.load()
    assert len(files[64]) < 5_000 and len(files[512]) < 300_000


def _near(image: Image.Image, x: float, y: float) -> str:
    red, green, blue = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))  # type: ignore[misc]
    return "red" if red > max(green, blue) else "green" if green > blue else "blue"


def test_the_square_asked_for_is_used_and_else_the_middle() -> None:
    sent = made.picture(size=(900, 300))
    assert {_near(_open(images.make_picture(sent)[512]), x, 0.5) for x in (0.05, 0.5, 0.95)} == {"green"}
    left = _open(images.make_picture(sent, Crop(0, 0, 1))[192])
    assert {_near(left, x, 0.5) for x in (0.05, 0.95)} == {"red"}
    corner = _open(images.make_picture(sent, Crop(0.9, 0.9, 0.5))[192])  # moved inside
    assert _near(corner, 0.5, 0.5) == "blue"
    tiny = images.make_picture(sent, Crop(0.5, 0.5, 1e-9))
    assert _open(tiny[512]).size == (512, 512)


def test_how_the_camera_was_held_is_seen_to() -> None:
    upright = _open(images.make_picture(made.turned(6), Crop(0, 0, 1))[512])
    assert _near(upright, 0.5, 0.1) == "red", "the left side came up"
    assert _near(_open(images.make_picture(made.turned(8), Crop(0, 0, 1))[512]), 0.5, 0.1) == "blue"
    assert _near(_open(images.make_picture(made.turned(99))[512]), 0.5, 0.5) == "green"


def test_memory_is_bounded(tmp_path: Path) -> None:
    """What is heavy, one after the other, in a process of its own that may not have more than 2 GB of addresses."""
    for number, name in enumerate(HEAVY):
        made_by = made.REFUSED[name][1] if name in made.REFUSED else made.CLEANED[name]
        (tmp_path / f"{number}").write_bytes(made_by())
    script = """
import json, resource, sys
from idp import create_app
from tests.support.configuration import settings
from tests.support import images as made
from tests.support.configuration import settings
from idp import create_app
from idp.accounts import images
from idp.kernel.refusal import Refusal
app = create_app(settings("sqlite://"))
corpus = [make() for _code, make in made.REFUSED.values()] + [make() for make in made.CLEANED.values()]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
with app.app_context():
    images.make_picture(made.picture())
    open("/proc/self/clear_refs", "w").write("5")
    before = resident()
    resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
    for content in corpus:
        for work in (images.make_picture, images.from_image):
            try:
                work(content)
            except Refusal:
                pass
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"before": before, "peak": peak}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert 20_000_000 < told["peak"] - told["before"] < 300_000_000, told


# Signatures ----------------------------------------------------------------------------------------------------------


def _ink(drawn: images.Drawn) -> Image.Image:
    image = _open(drawn.png)
    assert image.format == "PNG" and image.size == (drawn.width, drawn.height)
    assert drawn.width <= 960 and drawn.height <= 320
    image = image.convert("RGBA")
    for corner in ((0, 0), (image.width - 1, image.height - 1)):
        assert image.getpixel(corner)[3] == 0  # type: ignore[index]
    colors = {color[:3] for _count, color in image.getcolors(1 << 20) or [] if color[3]}  # type: ignore[index]
    assert colors == {(59, 111, 224)}, "one ink, whatever was sent"
    alpha = image.getchannel("A")
    left, top, right, bottom = alpha.getbbox() or (0, 0, 0, 0)
    assert left == top == 8 and right == image.width - 8 and bottom == image.height - 8, "trimmed"
    return alpha


def test_a_drawing_is_drawn_anew() -> None:
    alpha = _ink(images.from_strokes([[[10, 10, 2], [200, 60, 3], [400, 20, 2.5]], [[10, 80, 2], [400, 80, 2]]]))
    assert alpha.getpixel((alpha.width // 2, alpha.height - 10)), "the line below"
    assert not alpha.getpixel((30, alpha.height // 2)), "nothing between"
    _ink(images.from_strokes([[[-100, 0, 12], [3000, 0, 12]]]))


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        ("drawing_empty", []),
        ("drawing_empty", [[]]),
        ("drawing_empty", [[[5, 5, 2]]]),
        ("drawing_unreadable", None),
        ("drawing_unreadable", {"strokes": []}),
        ("drawing_unreadable", "data:image/png;base64,iVBORw0KGgo="),
        ("drawing_unreadable", [[[1, 2]]]),
        ("drawing_unreadable", [[[1, 2, "3"]]]),
        ("drawing_unreadable", [[[1, 2, True]]]),
        ("drawing_unreadable", [[[0, 0, 2], [float("nan"), 5, 2]]]),
        ("drawing_unreadable", [[[0, 0, 2], [10**400, 5, 2]]]),
        ("drawing_unreadable", [[[0, 0, 2], [9000, 5, 2]]]),
        ("drawing_unreadable", [[[0, 0, 2], [90, 5, 1e9]]]),
        ("drawing_too_long", [[[x % 400, x % 90, 2] for x in range(100_000)]]),
        ("drawing_too_long", [[]] * 5000),
    ],
)
def test_a_drawing_that_is_none(code: str, sent: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        images.from_strokes(sent)
    assert refusal.value.code == code and refusal.value.field == "strokes"


def test_the_longest_drawing_is_drawn() -> None:
    _ink(images.from_strokes([[[(x * 37) % 600, (x * 91) % 200, 2] for x in range(images.MOST_POINTS)]]))


@pytest.mark.parametrize("style", images.STYLES)
def test_a_typed_name_is_written(style: str) -> None:
    one, other = images.from_text("  Bjørn   Ødegård ", style), images.from_text("Åse Müller-Łuczak", style)
    assert ImageChops.difference(_ink(one).resize((96, 32)), _ink(other).resize((96, 32))).getbbox()
    assert one.digest == images.from_text("Bjørn Ødegård", style).digest


@pytest.mark.parametrize(
    ("code", "name", "style"),
    [
        ("name_missing", " \t ", "plain"),
        ("name_too_long", "x" * 61, "plain"),
        ("name_unwritable", "王小明", "flowing"),
        ("name_unwritable", "Ada\u202eBerg", "plain"),
        ("name_unwritable", "Ada \ud800", "formal"),
        ("style", "Ada", "../../etc/passwd"),
    ],
)
def test_a_name_that_is_not_written(code: str, name: str, style: str) -> None:
    with pytest.raises(Refusal) as refusal:
        images.from_text(name, style)
    assert refusal.value.code == code


def test_of_an_upload_only_the_lines_remain() -> None:
    alpha = _ink(images.from_image(made.handwriting()))
    share = alpha.point(lambda value: 255 if value > 60 else 0).histogram()[255] / (alpha.width * alpha.height)
    assert 0.005 < share < 0.1, "the lines and not the paper, nor the shadow on it"
    see_through = Image.new("RGBA", (600, 300))
    ImageDraw.Draw(see_through).line([(50, 50), (300, 250), (550, 60)], fill="white", width=9)  # white ink on nothing
    _ink(images.from_image(made.saved(see_through, "PNG")))


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("signature_blank", lambda: made.saved(Image.new("RGB", (600, 300), "white"), "PNG")),
        ("signature_blank", lambda: made.saved(Image.new("RGBA", (600, 300)), "PNG")),
        ("signature_no_lines", made.photograph),
        ("signature_no_lines", made.picture),
        ("image_type", made.svg),
        ("image_pixels", lambda: made.png(30_000, 30_000, depth=1, color=0)),
    ],
)
def test_an_upload_that_is_no_signature(code: str, make: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        images.from_image(make())
    assert refusal.value.code == code
