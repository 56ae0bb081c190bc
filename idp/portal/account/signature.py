"""Signature: drawn, typed or uploaded; shown on light and dark; an earlier one brought back or deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts import images
from idp.accounts import service as accounts
from idp.accounts.forms import content_of
from idp.kernel import web
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.kernel.web import image, large_forms

from . import blueprint, owner
from .forms import DrawForm, TypeForm, UploadForm

HERE = "/account/signature"
WAYS = ("draw", "type", "upload")
MADE = {"draw": "drawn", "type": "typed", "upload": "uploaded"}


@blueprint.get("/signature")
@sessions.login_required
def signature() -> ResponseReturnValue:
    """The signature as it is, earlier ones, and three ways to another. `?way=`: `draw`, `type`, `upload`."""
    way = request.args.get("way", "draw")
    return _page(way if way in WAYS else "draw")


@blueprint.post("/signature")
@large_forms(images.LARGEST_FORM)
@sessions.login_required
def make_signature() -> ResponseReturnValue:
    """Make the signature anew from what was drawn, typed or uploaded, and keep it."""
    way = request.form.get("way", "")
    if way not in WAYS:
        raise Refusal("way_unknown", _("Draw, type or upload your signature."))
    form = _FORMS[way]()
    try:
        images.admit(owner().id)
        drawn = _made(way, form)
        with unit_of_work():
            accounts.set_signature(owner().id, MADE[way], drawn)
    except Refusal as refusal:
        form.validate()
        refuse(form, refusal)
        return _page(way, form, refusal)
    flash(_("Your signature is saved."), "success")
    return redirect(HERE, 303)


_FORMS: dict[str, Callable[..., Any]] = {"draw": DrawForm, "type": TypeForm, "upload": UploadForm}


def _made(way: str, form: Any) -> images.Drawn:
    if way == "draw":
        return images.from_strokes(form.drawing)
    if way == "type":
        return images.from_text((form.name.data or "")[:200], form.style.data or "")
    return images.from_image(content_of(form.file.data))


def _page(way: str, form: Any = None, status: web.Status = 200) -> ResponseReturnValue:
    account = owner()
    if form is None:
        form = _FORMS[way](formdata=None)
        if way == "type":
            form.name.data = account.name[: images.LONGEST_NAME]
    current, earlier = accounts.signatures_of(account.id)
    return web.page(
        "portal/account/signature.html",
        status,
        form=form,
        way=way,
        current=current,
        earlier=earlier,
        made={"drawn": _("Drawn"), "typed": _("Typed"), "uploaded": _("Uploaded")},
        most_points=images.MOST_POINTS,
    )


@blueprint.get("/signature/preview")
@sessions.login_required
def preview_signature() -> Response:
    """How a typed name would look; keeps nothing."""
    images.admit(owner().id)
    drawn = images.from_text(request.args.get("name", "")[:200], request.args.get("style", ""))
    return image(drawn.png, "image/png", drawn.digest, cache="private, max-age=3600")


@blueprint.get("/signature/<signature_id>.png")
@sessions.login_required
def own_signature(signature_id: str) -> Response:
    """One of the person's own signatures; anybody else's is not there."""
    found = accounts.own_signature(owner().id, signature_id[:36])
    return image(found.image, "image/png", found.digest, cache="private, no-cache")


@blueprint.post("/signature/remove")
@sessions.login_required
def remove_signature() -> ResponseReturnValue:
    """Give no signature any more."""
    with unit_of_work():
        accounts.remove_signature(owner().id)
    flash(_("Your signature is removed. Applications get it no more."), "success")
    return redirect(HERE, 303)


@blueprint.post("/signature/<signature_id>/again")
@sessions.login_required
def bring_back_signature(signature_id: str) -> ResponseReturnValue:
    """Use an earlier one again."""
    with unit_of_work():
        accounts.bring_back_signature(owner().id, signature_id[:36])
    flash(_("Your earlier signature is used again."), "success")
    return redirect(HERE, 303)


@blueprint.post("/signature/<signature_id>/delete")
@sessions.login_required
def delete_signature(signature_id: str) -> ResponseReturnValue:
    """Delete an earlier one for good."""
    with unit_of_work():
        accounts.delete_signature(owner().id, signature_id[:36])
    flash(_("The earlier signature is deleted."), "success")
    return redirect(HERE, 303)
