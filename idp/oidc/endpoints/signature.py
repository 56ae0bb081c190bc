"""A signature at the address that a claim told: judged anew, like a token, by what it stands on today."""

from __future__ import annotations

from flask import Response, abort

from idp.kernel.database import autocommit
from idp.kernel.web import image
from idp.organizations.catalog import current_catalog

from .. import signatures, statements
from ..authorizations import decide, fallen, ground_of, too_weak
from ..claims import gives_signature
from ..clients import client_at


def respond(link: str, now: int) -> Response:
    """The image, or 404 whatever is wrong: run out, replaced, authorization withdrawn, privilege lost, never ours."""
    named = signatures.read(link, now)
    if named is None:
        abort(404)
    authorization_id, app_id, signature_id = named
    with autocommit() as connection:
        row = connection.execute(
            statements.signature_standing, {"authorization_id": authorization_id, "signature_id": signature_id}
        ).one_or_none()
        if row is None or fallen(row, now) is not None:
            abort(404)
        client, app = client_at(row.client_id, row.client_rev), current_catalog().apps.get(app_id)
        if client is None or app is None:
            abort(404)
        ground = ground_of(row, client, app)
        decision = decide(connection, row, ground, app, now)
        if too_weak(row, decision) or not gives_signature(ground, decision):
            abort(404)
    return image(row.signature_image, "image/png", row.signature_digest, cache="private, no-store")
