"""A form that was sent too late, after the sign-in that it lacked."""

from __future__ import annotations

from flask import redirect
from flask.typing import ResponseReturnValue

from idp.kernel.web import kept

from .. import service
from ..guard import AGAIN, KEPT, KEPT_OF, login_required
from . import blueprint, page, read_continuation


@blueprint.get(AGAIN)
@login_required
def send_again() -> ResponseReturnValue:
    """What was typed before signing in, to be sent by one press: nothing is done without a look.

    Only whose it is gets to see it: on a shared machine somebody else may have signed in instead.
    """
    _handle, waiting = read_continuation()
    who, form = service.actor(), kept.read(waiting.context.get(KEPT)) if waiting else None
    if waiting is None or form is None or who is None or waiting.context.get(KEPT_OF) != who.account.id:
        return redirect("/", 303)
    return page("kept", form=None, kept=form, account=who.account)
