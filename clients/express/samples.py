"""The demo's documents: certificates and inspection reports as PDF, and pictures of what was inspected.

Made only where the demo says so (`RP_SAMPLES`, a file that names each supplier's customers), when a supplier or a
customer of it opens Onix Express for the first time.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from clients.express import data
from clients.express.paper import WIDTH, Page, pdf
from clients.express.reach import Reach

SETTING = "RP_SAMPLES"
DAY = 86400
ACCENT = (0.6, 0.31, 0.04)
INSPECTED = (
    (
        "Overhead crane 10 t",
        "Hall 2",
        ("Hooks and blocks", "Wire rope", "Brakes", "Limit switches", "Runway and rails"),
    ),
    ("Chain hoist 2 t", "Workshop", ("Load chain", "Hook with latch", "Brake", "Suspension", "Marking")),
    ("Lifting beam 5 t", "Quay", ("Welds", "Shackles", "Marking", "Corrosion", "Test load")),
)


def missing(connection: sqlite3.Connection, reach: Reach) -> bool:
    """Whether some customer within reach has no samples yet, where there are to be some."""
    told = os.environ.get(SETTING)
    if not told:
        return False
    wanted = {reach.company_id} if reach.company_id else set(_customers(told, reach.supplier_id))
    rows = connection.execute("SELECT company_id FROM supplied WHERE supplier_id = ?", (reach.supplier_id,))
    return not wanted <= {row["company_id"] for row in rows}


def deliver(connection: sqlite3.Connection, reach: Reach, supplier: str, company: str | None, now: int) -> None:
    """See that the customers within reach have their samples; nothing outside the demo. Inside a write transaction."""
    told = os.environ.get(SETTING)
    if not told:
        return
    wanted = {reach.company_id: company or ""} if reach.company_id else _customers(told, reach.supplier_id)
    for company_id, name in wanted.items():
        new = connection.execute("INSERT OR IGNORE INTO supplied VALUES (?, ?)", (reach.supplier_id, company_id))
        if new.rowcount:
            for delivery in samples(supplier, name, company_id, now):
                data.deliver(connection, reach.supplier_id, company_id, name, delivery)


def _customers(path: str, supplier_id: str) -> dict[str, str]:
    found: Any = None
    with suppress(OSError, ValueError):  # the demo may not have written it yet
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    customers = found.get(supplier_id) if isinstance(found, dict) else None
    return {str(id_): str(name) for id_, name in customers.items()} if isinstance(customers, dict) else {}


def samples(supplier: str, company: str, company_id: str, now: int) -> Iterator[data.Delivery]:
    """What the demo's supplier has delivered to a customer: for each thing a certificate, a report and a picture."""
    mark = company_id.replace("-", "")[-4:].upper()
    for place, (equipment, location, points) in enumerate(INSPECTED):
        at = now - (17 + 41 * place) * DAY
        thing = f"{equipment}, {location}"
        for kind, letter in (("certificate", "C"), ("report", "R"), ("picture", "P")):
            number = f"{letter}-{datetime.fromtimestamp(at, UTC):%Y}-{mark}{place + 1}"
            title = {"certificate": f"Certificate: {equipment}", "report": f"Inspection report: {equipment}",
                     "picture": f"Picture: {equipment}"}[kind]  # fmt: skip
            if kind == "picture":
                media_type, content = (
                    "image/png" if place else "image/jpeg",
                    picture(equipment, "JPEG" if not place else "PNG"),
                )
            else:
                media_type = "application/pdf"
                content = document(kind, number, title, supplier, company, thing, points, at)
            yield data.Delivery(number, title, kind, thing, at, media_type, content)


def document(
    kind: str, number: str, title: str, supplier: str, company: str, thing: str, points: tuple[str, ...], at: int
) -> bytes:
    """A certificate or report as PDF."""
    page = Page()
    page.box(0, 0, WIDTH, 8, ACCENT)
    page.text(56, 68, supplier, 12, bold=True, colour=ACCENT)
    page.text(56, 112, title, 22, bold=True)
    page.text(56, 134, f"No. {number}", 11)
    page.line(56, 152, WIDTH - 56, 152)
    facts = (("Customer", company), ("Equipment", thing), ("Inspected", f"{datetime.fromtimestamp(at, UTC):%d.%m.%Y}"))
    for row, (name, value) in enumerate(facts):
        page.text(56, 180 + 22 * row, name, 11, bold=True)
        page.text(170, 180 + 22 * row, value, 11)
    y = 270.0
    if kind == "report":
        page.text(56, y, "What was looked at", 14, bold=True)
        for row, point in enumerate(points):
            page.text(56, y + 30 + 24 * row, point, 11)
            page.text(WIDTH - 140, y + 30 + 24 * row, "No remarks" if row != 3 else "Watch", 11, bold=row == 3)
            page.line(56, y + 38 + 24 * row, WIDTH - 56, y + 38 + 24 * row, width=0.4)
        y += 60 + 24 * len(points)
    page.box(56, y, WIDTH - 112, 54, (0.98, 0.94, 0.87))
    page.text(
        72, y + 23, "Approved for use" if kind == "certificate" else "In order, with one point to watch", 14, bold=True
    )
    page.text(72, y + 42, "Next inspection within twelve months.", 11)
    page.line(56, 730, 260, 730)
    page.text(56, 746, f"Inspector, {supplier}", 10)
    page.text(56, 806, "A document of the demo. It certifies nothing.", 9, colour=(0.45, 0.45, 0.45))
    return pdf([page], f"{number} {title}")


def picture(equipment: str, form: str) -> bytes:
    """A drawing of a crane in its hall, in place of a photograph."""
    size = (960, 640)
    image = Image.new("RGB", size, "#dfe8ef")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 520, 960, 640), fill="#b8c3cc")
    for x in range(60, 960, 140):
        draw.rectangle((x, 60, x + 10, 520), fill="#c7d3dc")
    draw.rectangle((40, 110, 920, 160), fill="#d08325")
    draw.rectangle((40, 148, 920, 160), fill="#9a4f0a")
    trolley = 380 + 37 * (len(equipment) % 6)
    draw.rectangle((trolley, 96, trolley + 130, 174), fill="#33536f")
    for x in (trolley + 45, trolley + 85):
        draw.line((x, 174, x, 360), fill="#1c2a38", width=5)
    draw.rectangle((trolley + 30, 352, trolley + 100, 396), fill="#1c2a38")
    draw.arc((trolley + 42, 388, trolley + 90, 440), 20, 270, fill="#1c2a38", width=10)
    draw.text((40, 590), equipment, fill="#16212b", font_size=30)
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()
