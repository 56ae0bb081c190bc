"""What the organization keeps to see of a person: a picture and a signature, made anew by the same workshop."""

from __future__ import annotations

from flask import Response, abort, flash, redirect
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp.accounts import images
from idp.accounts.forms import ImageForm, content_of
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.kernel.web import image, large_forms
from idp.organizations import service

from ...guard import acting, administrator
from .. import blueprint
from .choices import MANAGE, READ
from .person import entry_of, show


@blueprint.get("/people/<member_id>/images/<kind>")
@administrator(*READ)
def person_image(member_id: str, kind: str) -> Response:
    """The organization's own image of one of its people."""
    found = service.find_member_image(acting().organization.id, member_id, kind)
    if found is None:
        abort(404)
    return image(*found, cache="private, no-cache")


@blueprint.post("/people/<member_id>/images/<kind>")
@large_forms(images.LARGEST_FORM)
@administrator(MANAGE)
def upload_person_image(member_id: str, kind: str) -> ResponseReturnValue:
    """Upload one; it takes the place of the one before."""
    acts, entry = acting(), entry_of(member_id)
    if kind not in service.IMAGE_TYPES:
        abort(404)
    form = ImageForm()
    try:
        images.admit(acts.account.id)
        content = content_of(form.file.data)
        made = images.make_picture(content)[192] if kind == "picture" else images.from_image(content).png
        with unit_of_work():
            service.set_member_image(member_id, kind, made, actor_id=acts.account.id)
    except Refusal as refusal:
        return show(entry_of(member_id), problem=refusal.message, status=refusal)
    said = _("The picture of %(name)s is saved.") if kind == "picture" else _("The signature of %(name)s is saved.")
    flash(said % {"name": entry.person.name}, "success")
    return redirect(acts.address(f"people/{member_id}#images"), 303)


@blueprint.post("/people/<member_id>/images/<kind>/remove")
@administrator(MANAGE)
def remove_person_image(member_id: str, kind: str) -> ResponseReturnValue:
    """Keep none any more."""
    acts, _known = acting(), entry_of(member_id)
    with unit_of_work():
        service.remove_member_image(member_id, kind, actor_id=acts.account.id)
    flash(_("The image is removed."), "success")
    return redirect(acts.address(f"people/{member_id}#images"), 303)
