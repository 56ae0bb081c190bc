"""The routes to and from the provider, the same in every web application of the family."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, g, jsonify, redirect, render_template, request, url_for
from flask import session as form_session

from clients.relying_party.access import Granted
from clients.relying_party.flow import PROMPTS, RelyingParty, SignInFailed
from clients.relying_party.guard import Person, begin, forget_cookie, set_cookie, who
from clients.relying_party.pages import ConfirmForm
from clients.relying_party.provider import Unreachable
from clients.relying_party.settings import Settings
from clients.relying_party.store import Session
from clients.relying_party.tokens import TokenRefused

log = logging.getLogger(__name__)
blueprint = Blueprint("rp", __name__)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Any:
    """Begin a sign-in; also when the provider or another site asks for it (OpenID Connect Core §4)."""
    settings: Settings = current_app.extensions["onix_settings"]
    values = request.values
    if any(len(values.getlist(name)) > 1 for name in ("iss", "login_hint", "target_link_uri", "organization")):
        abort(400)
    if "iss" in values and values["iss"] != settings.issuer:
        raise SignInFailed("wrong_issuer")
    target = values.get("target_link_uri") or "/"
    path = local_path(target, settings.base_url)
    if path is None:
        abort(400)
    prompt = values.get("prompt")
    return begin(
        path,
        prompt=prompt if prompt in PROMPTS and prompt != "none" else None,
        login_hint=(values.get("login_hint") or "")[:320] or None,
        organization=(values.get("organization") or "")[:200] or None,
    )


def local_path(target: str, base_url: str) -> str | None:
    """Path and query of an address within this application, or None for any other address."""
    if len(target) > 2000 or any(ord(character) < 33 for character in target) or "\\" in target:
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if (parts.scheme or parts.netloc) and f"{parts.scheme}://{parts.netloc}" != base_url:
        return None
    path = parts.path or "/"
    if not path.startswith("/") or path.startswith("//") or path.split("?")[0].rstrip("/") in ("/login", "/callback"):
        return None
    return f"{path}?{parts.query}" if parts.query else path


@blueprint.get("/callback")
def callback() -> Any:
    """The provider's answer to a sign-in."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    old = request.cookies.get(settings.cookie("session"))
    try:
        session, sign_in = rp.finish(
            request.args.to_dict(flat=False), request.cookies.get(settings.cookie("browser"), ""), replaces=old
        )
    except SignInFailed as error:
        if error.sign_in is None:
            raise
        if error.code == "overtaken":
            return begin(error.sign_in.target, organization=error.sign_in.organization)
        if error.sign_in.silent and error.code == "login_required":
            if old:
                rp.store.end_session(old)
            response = redirect(url_for("rp.home_signed_out"), 303)
            forget_cookie(response, "session")
            return response
        if error.sign_in.silent and error.code.endswith(("_required", "_selection_required")):
            return begin(error.sign_in.target, organization=error.sign_in.organization)
        raise
    form_session.clear()
    response = redirect(sign_in.target, 303)
    set_cookie(response, "session", session.handle)
    return response


@blueprint.get("/signed-out")
def home_signed_out() -> Any:
    """Where somebody lands whose sign-in ended elsewhere."""
    return redirect("/?signed_out=1", 303)


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> Any:
    """Ask, then sign out here and at the provider (RP-Initiated Logout 1.0)."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    handle = request.cookies.get(settings.cookie("session"))
    session = rp.store.find_session(handle) if handle else None
    if request.method == "GET" and isinstance(session, Session):
        return render_template("kit/sign_out.html", form=ConfirmForm())
    target: str | None = None
    if request.method == "POST" and handle and isinstance(session, Session):
        target = rp.client.end_session_url(session.id_token, f"{settings.base_url}/", g.language)
        rp.store.end_session(handle)
    response = redirect(target or "/?signed_out=1", 303)
    forget_cookie(response, "session")
    if target:
        set_cookie(response, "goodbye", "1", max_age=120)  # the provider sends the person back with no word of it
    form_session.clear()
    return response


@blueprint.post("/backchannel-logout")
def receive_logout() -> Any:
    """The provider says that sessions ended or that somebody's access changed (Back-Channel Logout 1.0 §2.5)."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    given = request.form.getlist("logout_token")
    if request.mimetype != "application/x-www-form-urlencoded" or len(given) != 1:
        return jsonify(error="invalid_request"), 400
    try:
        ended = rp.receive_logout(given[0])
    except TokenRefused as error:
        log.warning("logout token refused: %s", error.reason)
        return jsonify(error="invalid_request", error_description=f"the logout token fails on: {error.reason}"), 400
    except Unreachable:
        return jsonify(error="temporarily_unavailable"), 400
    log.info("logged out by the provider: %d sessions", ended)
    return "", 200


@blueprint.get("/me.json")
def me() -> Any:
    """Verdict and claims of the person who is signed in."""
    found = who()
    if not isinstance(found, Person):
        return jsonify(error="not_signed_in"), 401
    verdict = found.verdict
    if isinstance(verdict, Granted):
        said: dict[str, Any] = {"decision": "allow", "code": None, "privileges": sorted(verdict.privileges)}
        said |= {"organization_id": verdict.organization_id, "organization_name": verdict.organization_name}
        said |= {"roles": list(verdict.roles), "edition": verdict.edition, "expires_at": verdict.expires_at}
    else:
        said = {"decision": "deny", "code": verdict.code, "privileges": [], "headline": verdict.headline}
        said |= {"cause": verdict.cause, "remedy": verdict.remedy, "ask": list(verdict.ask)}
        said |= {"organization_id": verdict.organization_id, "organization_name": verdict.organization_name}
        said |= {"expires_at": verdict.expires_at}
    return jsonify(verdict=said, claims=found.session.access, id_token_claims=found.session.identity)


@blueprint.get("/recheck")
def recheck() -> Any:
    """Asked by a denial page now and then: has the verdict changed since `was`?"""
    found = who(recheck_denied=True)
    if not isinstance(found, Person):
        return jsonify(changed=True)
    return jsonify(changed=found.fingerprint != request.args.get("was", ""))


@blueprint.get("/healthz/live")
def live() -> Any:
    """This process answers."""
    return jsonify(status="ok")
