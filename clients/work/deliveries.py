"""Handing an uploaded report to Onix Express: a file in a folder that both can reach (`RP_DELIVERIES`).

Written whole before it gets its name, so that the other side never meets half of it. Without the setting nothing is
delivered, and the page says so.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

SETTING = "RP_DELIVERIES"
MEDIA_TYPES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def media_type_of(content: bytes) -> str | None:
    """The type that the bytes themselves tell: PDF, PNG or JPEG; None for everything else."""
    return next((media_type for mark, media_type in MEDIA_TYPES.items() if content.startswith(mark)), None)


def possible() -> bool:
    """Whether there is a folder to deliver to."""
    return bool(os.environ.get(SETTING))


def deliver(
    supplier_id: str, company_id: str, company: str, *, number: str, equipment: str, media_type: str, content: bytes,
    now: int,
) -> None:  # fmt: skip
    """Hand it over, where that is `possible`."""
    folder = Path(os.environ[SETTING])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = "report" if media_type == "application/pdf" else "picture"
    title = f"{'Inspection report' if kind == 'report' else 'Picture'}: {equipment}"
    name = f"{supplier_id}.{now}-{secrets.token_hex(8)}.json"
    draft = folder / f".{name}.part"
    draft.write_text(
        json.dumps(
            {
                "company_id": company_id, "company_name": company, "number": number, "title": title, "kind": kind,
                "equipment": equipment, "issued_at": now, "media_type": media_type,
                "content": base64.b64encode(content).decode("ascii"),
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    draft.rename(folder / name)
