"""How a person gets the application for Windows: one file, made of the code in `clients/desktop`."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, current_app, render_template

from clients.relying_party.product import Product
from clients.relying_party.settings import Settings

blueprint = Blueprint("native", __name__)
HERE = Path(__file__).resolve().parent


@blueprint.get("/windows")
def windows() -> Any:
    """How to get the application for Windows."""
    return render_template("kit/windows.html", settings=current_app.extensions["onix_settings"])


@blueprint.get("/windows/<name>.pyz")
def windows_download(name: str) -> Any:
    """The native client with this application's addresses in it: one file, made of the code in `clients/desktop`."""
    settings: Settings = current_app.extensions["onix_settings"]
    product: Product = current_app.extensions["onix_product"]
    if name != windows_name() or not settings.desktop_client_id:
        abort(404)
    content = io.BytesIO()
    root = HERE.parent
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(path: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(path, (2022, 10, 1, 0, 0, 0)), data)

        for folder in ("relying_party", "desktop"):
            for file in sorted((root / folder).glob("*.py")):
                put(f"clients/{folder}/{file.name}", file.read_bytes())
        put("clients/__init__.py", (root / "__init__.py").read_bytes())
        about = {"app": product.id, "issuer": settings.issuer, "client_id": settings.desktop_client_id}
        put("clients/desktop/preset.json", json.dumps({**about, "resource": settings.resource}).encode())
        put("__main__.py", b"from clients.desktop.__main__ import main\n\nraise SystemExit(main())\n")
    response = current_app.make_response(content.getvalue())
    response.headers["Content-Type"] = "application/zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pyz"'
    return response


def windows_name() -> str:
    """The native client's file name without its ending, such as `onix-pick-and-pack`."""
    product: Product = current_app.extensions["onix_product"]
    return product.name.lower().replace(" ", "-")


@blueprint.app_context_processor
def _windows_values() -> dict[str, Any]:
    return {"windows_name": windows_name}
