"""Where pictures are served: to whoever was told the address, which nobody can guess. No cookie is read or written."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from idp.kernel.web import image

from . import service
from .images import PIXELS

blueprint = Blueprint("pictures", __name__)
SIZES = {str(pixels): pixels for pixels in PIXELS}
USUAL = "192"  # pixels of a side, where nothing is asked
KEPT_FOR_GOOD = "private, max-age=31536000, immutable"
ASKED_AGAIN = "private, max-age=300, must-revalidate"


@blueprint.get("/pictures/<handle>")
def picture(handle: str) -> Response:
    """A person's picture. `?size=`: 64, 192 or 512; an address with `?v=` names one version and may be kept."""
    pixels = SIZES.get(request.args.get("size", USUAL))
    found = service.find_picture(handle[:50], pixels) if pixels else None
    if found is None:
        abort(404)
    cache = KEPT_FOR_GOOD if request.args.get("v") else ASKED_AGAIN
    return image(*found, cache=cache, elsewhere=True)
