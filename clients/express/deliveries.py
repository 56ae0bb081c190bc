"""Taking in what suppliers' systems deliver: files in a folder that both can reach (`RP_DELIVERIES`).

One file is one document, named `<supplier id>.<anything>.json`. What does not fit is put aside under `.refused`, so
that it holds up nothing and somebody can look at it. Each is taken in once, also when two processes meet at it.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from clients.express import data
from clients.relying_party.store import Store

SETTING = "RP_DELIVERIES"
AT_ONCE = 50  # documents taken in while somebody waits for a page
LARGEST = data.LARGEST * 2  # bytes of one file: its content is base64

log = logging.getLogger(__name__)


def take(store: Store, supplier_id: str) -> int:
    """Take in what this supplier delivered since; how many. A file goes only when its document is kept."""
    taken = 0
    for file in islice(_waiting(supplier_id), AT_ONCE):
        with suppress(FileNotFoundError):  # another process took it
            try:
                company_id, company_name, delivery = _read(file)
                with store.writing() as connection:
                    data.deliver(connection, supplier_id, company_id, company_name, delivery)
            except (data.Unfit, ValueError, KeyError, TypeError) as error:
                log.warning("a delivery was refused: %s (%s)", file.name, type(error).__name__)
                file.rename(file.with_suffix(".refused"))
                continue
            file.unlink()
            taken += 1
    return taken


def _waiting(supplier_id: str) -> Iterator[Path]:
    folder = os.environ.get(SETTING)
    if not folder or not supplier_id.replace("-", "").isalnum():
        return iter(())
    return iter(sorted(Path(folder).glob(f"{supplier_id}.*.json")))


def _read(file: Path) -> tuple[str, str, data.Delivery]:
    if file.stat().st_size > LARGEST:
        raise ValueError("size")
    told = json.loads(file.read_text(encoding="utf-8"))
    texts = {name: told[name] for name in ("number", "title", "kind", "equipment", "media_type")}
    if not all(isinstance(value, str) and 0 < len(value) <= 300 for value in texts.values()):
        raise ValueError("text")
    if type(told["issued_at"]) is not int or not isinstance(told["company_id"], str):
        raise ValueError("type")
    content = base64.b64decode(told["content"], validate=True)
    delivery = data.Delivery(**texts, issued_at=told["issued_at"], content=content)
    return told["company_id"][:80], str(told["company_name"])[:200], delivery
