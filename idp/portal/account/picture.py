"""Picture: chosen, cropped, shown, removed, and brought back."""

from __future__ import annotations

from flask import Response, abort, flash, redirect
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
from idp.kernel.web import allow_camera, image, large_forms

from . import blueprint, owner
from .forms import PictureForm

HERE = "/account/picture"


@blueprint.route("/picture", methods=["GET", "POST"])
@large_forms(images.LARGEST_FORM)
@sessions.login_required
def picture() -> ResponseReturnValue:
    """The picture as it is, and a form for another one."""
    account, form = owner(), PictureForm()
    status: web.Status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            images.admit(account.id)
            files = images.make_picture(content_of(form.file.data), form.crop)
            with unit_of_work():
                accounts.set_picture(account.id, files)
        except Refusal as refusal:
            status = refusal
            refuse(form, refusal)
        else:
            flash(_("Your picture is saved."), "success")
            return redirect(HERE, 303)
    allow_camera()
    earlier = accounts.earlier_picture(account.id)
    return web.page("portal/account/picture.html", status, form=form, earlier=earlier)


@blueprint.get("/picture/earlier")
@sessions.login_required
def earlier_picture() -> Response:
    """What could be brought back, for its owner alone."""
    content = accounts.earlier_picture_file(owner().id)
    if content is None:
        abort(404)
    return image(content, "image/jpeg", str(len(content)), cache="no-store")


@blueprint.post("/picture/remove")
@sessions.login_required
def remove_picture() -> ResponseReturnValue:
    """Show initials instead."""
    with unit_of_work():
        accounts.remove_picture(owner().id)
    flash(_("Your picture is removed. You can bring it back for a day."), "success")
    return redirect(HERE, 303)


@blueprint.post("/picture/undo")
@sessions.login_required
def bring_back_picture() -> ResponseReturnValue:
    """Undo the last change."""
    try:
        with unit_of_work():
            accounts.bring_back_picture(owner().id)
    except Refusal as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("Your earlier picture is back."), "success")
    return redirect(HERE, 303)
