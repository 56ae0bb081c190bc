"""Routes of the protocol that a browser walks: the authorization endpoint, its pages, and RP-initiated logout."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from idp import sessions
from idp.kernel import clock, language, web
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.kernel.web import cross_site

from . import authorize as endpoint
from . import consents, requests
from .clients import ClientInfo
from .endpoints import end_session as logging_out
from .extensions import issuer
from .extensions.stored_request import known
from .interaction import Ask, ChooseOrganization
from .models import AuthorizationRequest
from .requests import Asked
from .server import Rejected, Unrecognized, server

blueprint = Blueprint("oidc", __name__)


@blueprint.before_request
def only_look() -> Response | None:
    """HEAD asks what a GET would answer; here a GET can issue a code or end a session, so HEAD does nothing."""
    return Response(headers={"Cache-Control": "no-store"}) if request.method == "HEAD" else None


_PROBLEMS = {
    "client_missing": _l("The request names no application: client_id is missing."),
    "client_unknown": _l("This application is not known here: the client_id is not registered, or it was disabled."),
    "redirect_uri_missing": _l("The request does not say where to return to: redirect_uri is missing."),
    "redirect_uri_unknown": _l("The address to return to is not registered for this application: redirect_uri."),
    "repeated": _l("The request says twice who asks or where to return to: client_id or redirect_uri is repeated."),
}

_GONE = _l("This sign-in can no longer go on. Start again in the application.")
_LOST = _l("This sign-in took too long, was begun in another browser, or is finished.")


@blueprint.route("/oauth2/authorize", methods=["GET", "POST"])
@cross_site
def authorize() -> ResponseReturnValue:
    """The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2)."""
    if request.method == "POST":
        return _posted(request.form)
    who = sessions.actor()
    client, between = endpoint.recognize(_one(request.args, "client_id"), who)
    try:
        asked = server().read(request.args, client)
    except (Unrecognized, Rejected) as problem:
        return _refused(problem, request.args)
    now = clock.now()
    return endpoint.carry_out(asked, None, endpoint.judge(asked, None, who, between, now), who, now)


def _posted(values: MultiDict[str, str]) -> ResponseReturnValue:
    """A request by POST comes from the client's site, without our cookie (P22): keep it and go on with a GET."""
    client, _between = endpoint.recognize(_one(values, "client_id"), None)
    try:
        asked = server().read(values, client)
    except (Unrecognized, Rejected) as problem:
        return _refused(problem, values)
    with unit_of_work():
        kept = requests.keep(asked.client.id, asked.parameters, bound=False)
    return redirect(requests.path_of(kept.id), 303)


@blueprint.get("/oauth2/authorize/<handle>")
def resume(handle: str) -> ResponseReturnValue:
    """A stored request goes on, wherever the browser has been meanwhile."""
    row = requests.find(handle)
    if row is None:
        return _expired()
    if not row.browser_digest:
        with unit_of_work():
            mine = requests.bind(row)
        if not mine:
            return _expired()
    who = sessions.actor()
    client, between = endpoint.recognize(row.client_id, who)
    if row.answered_at is not None:
        return endpoint.answered_page(client)
    asked = _again(row, client)
    if isinstance(asked, Response):
        return asked
    now = clock.now()
    return endpoint.carry_out(asked, row, endpoint.judge(asked, row, who, between, now), who, now)


@blueprint.post("/oauth2/authorize/<handle>/consent")
def consent(handle: str) -> ResponseReturnValue:
    """*Allow*: remember what was shown, for the account that it was shown to; of a client of the family only for this
    request. *Deny* is a cancel."""
    if request.form.get("answer") != "allow":
        return cancel(handle)
    row, asked, judged, who = _on_the_way(handle)
    if isinstance(judged.step, Ask) and who is not None:
        organization_id = endpoint.organization_of(judged.choice)
        if request.form.get("shown") != endpoint.shown_to_agree(organization_id, judged.step.scope):
            return redirect(requests.path_of(handle), 303)  # it has become another question: ask that one
        with unit_of_work():
            # With the family nothing has to be agreed: that yes was about this one time.
            if requests.note(row, consented_sid=who.session.id) and not asked.client.family:
                consents.give(who.account.id, asked.client.id, organization_id, judged.step.scope)
    return redirect(requests.path_of(handle), 303)


@blueprint.post("/oauth2/authorize/<handle>/organization")
def organization(handle: str) -> ResponseReturnValue:
    """The person picked one of the organizations that were offered; anything else asks again."""
    row, _asked, judged, who = _on_the_way(handle)
    picked = request.form.get("member", "")
    if isinstance(judged.step, ChooseOrganization) and who is not None:
        offered = {decision.member.id for decision in judged.step.choices.decisions if decision.member}
        if picked in offered:
            with unit_of_work():
                requests.note(row, chosen_member_id=picked, account_confirmed_sid=who.session.id)
    return redirect(requests.path_of(handle), 303)


@blueprint.post("/oauth2/authorize/<handle>/another")
def another(handle: str) -> ResponseReturnValue:
    """*Use another account*: from now on this request wants a sign-in."""
    row = _mine(handle)
    with unit_of_work():
        requests.as_another(row)
    client, _between = endpoint.recognize(row.client_id, None)
    asked = _again(row, client)
    if isinstance(asked, Response):
        return asked
    return endpoint.send_to(asked, row, "/login/another")


@blueprint.post("/oauth2/authorize/<handle>/cancel")
def cancel(handle: str) -> ResponseReturnValue:
    """The person said no, on a page of ours or of the sign-in family: the client gets `access_denied`."""
    row = _mine(handle)
    with unit_of_work():
        requests.note(row, denied=True)
    return redirect(requests.path_of(handle), 303)


@blueprint.route("/oauth2/logout", methods=["GET", "POST"])
@cross_site
def end_session() -> ResponseReturnValue:
    """RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0 §2)."""
    values = request.form if request.method == "POST" else request.args
    language.hint(values.get("ui_locales"))
    wish = logging_out.read(values)
    if isinstance(wish, logging_out.Fault):
        return web.page("oidc/logout_error.html", 400, reason=wish.reason)
    if request.method == "POST":
        # Our cookie did not come with the other site's form (P22); the wish travels signed, without the token.
        return redirect(f"/oauth2/logout/confirm?request={logging_out.sign(wish)}", 303)
    return _log_out(wish)


@blueprint.get("/oauth2/logout/confirm")
def confirm_end_session() -> ResponseReturnValue:
    """The same, after a POST."""
    wish = logging_out.unsign(request.args.get("request", ""))
    language.hint(wish.language if wish else None)
    return web.page("oidc/logout_error.html", 400, reason="expired") if wish is None else _log_out(wish)


@blueprint.post("/oauth2/logout/confirm")
def end_session_confirmed() -> ResponseReturnValue:
    """*Sign out* was pressed on the page that asks."""
    wish = logging_out.unsign(request.form.get("request", ""))
    if wish is None:
        return web.page("oidc/logout_error.html", 400, reason="expired")
    with unit_of_work():
        sessions.sign_out()
    return _logged_out(wish, asked=True)


@blueprint.get("/oauth2/logged-out")
def logged_out() -> ResponseReturnValue:
    """Where a sign-out ends that leads nowhere else."""
    language.hint(request.args.get("ui_locales"))
    return web.page("oidc/logged_out.html")


def _log_out(wish: logging_out.LogoutWish) -> ResponseReturnValue:
    who = sessions.actor()
    step = logging_out.next_step(wish, who.account.id if who else None, who.session.id if who else None)
    if step == "ask":
        return web.page("oidc/logout.html", **logging_out.page(wish, who))
    if step == "end":
        with unit_of_work():
            sessions.sign_out()
    return _logged_out(wish, asked=False)


def _logged_out(wish: logging_out.LogoutWish, *, asked: bool) -> ResponseReturnValue:
    here = f"/oauth2/logged-out?ui_locales={wish.language}" if wish.language else "/oauth2/logged-out"
    return redirect(logging_out.destination(wish, asked=asked) or here, 303)


def _on_the_way(handle: str) -> tuple[AuthorizationRequest, Asked, endpoint.Judged, sessions.Actor | None]:
    """A stored request of this browser as it stands now, for a button that was pressed on one of its pages."""
    row = _mine(handle)
    who = sessions.actor()
    client, between = endpoint.recognize(row.client_id, who)
    try:
        asked = server().read(requests.values_of(row), client)
    except (Unrecognized, Rejected):
        raise Refusal("request_expired", _GONE) from None
    return row, asked, endpoint.judge(asked, row, who, between, clock.now()), who


def _mine(handle: str) -> AuthorizationRequest:
    row = requests.find(handle)
    if row is None or not row.browser_digest or row.answered_at is not None:
        raise Refusal("request_expired", _GONE)
    return row


def _again(row: AuthorizationRequest, client: ClientInfo | None) -> Asked | Response:
    """A stored request judged afresh: the client may have changed meanwhile."""
    try:
        return server().read(requests.values_of(row), client)
    except (Unrecognized, Rejected) as problem:
        return _refused(problem, requests.values_of(row))


def _refused(problem: Unrecognized | Rejected, values: MultiDict[str, str]) -> Response:
    """A page when nobody can be told, otherwise an answer to the client. Nothing is written."""
    if isinstance(problem, Rejected):
        return issuer.failure(problem.destination, problem.error, problem.description, server().issuer)
    language.hint(known(values).get("ui_locales"))
    return web.page("oidc/error.html", 400, reason=problem.reason, problem=_PROBLEMS[problem.reason])


def _expired() -> Response:
    return web.page("oidc/error.html", 400, reason="request_expired", problem=_LOST)


def _one(values: MultiDict[str, str], name: str) -> str | None:
    found = values.getlist(name)
    return found[0] if len(found) == 1 else None
