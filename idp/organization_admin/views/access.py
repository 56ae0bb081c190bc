"""Access: why somebody may use an app or may not, what would open it, and the reports of who can use what."""

from __future__ import annotations

from typing import Any

from flask import flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from sqlalchemy import select

from idp.kernel import clock, language, listing, spreadsheet, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import reports, titles
from idp.organizations.catalog import App, current_catalog
from idp.organizations.models import Member
from idp.organizations.people import activation_told
from idp.organizations.policy import Decision
from idp.organizations.sentences import explain
from idp.organizations.service import access as service
from idp.organizations.simulations import Simulation, simulate
from idp.organizations.simulator import Path

from .. import proposals
from ..guard import acting, administrator
from . import blueprint
from .people.choices import state_of

PAGE = 50
READ = "account:people.read"


@blueprint.get("/access")
@administrator(READ)
def access() -> ResponseReturnValue:
    """Pick a person, and an app."""
    acts, apps = acting(), current_catalog().apps
    asked = listing.read(acts.address("access"), request.args, sorts=("name",), filters={"app": list(apps)})
    page = None
    if asked.query:
        statement = select(Member.id).where(
            Member.organization_id == acts.organization.id, listing.contains(Member.search_text, asked.query)
        )
        page = listing.page_of(statement, asked, (Member.search_text.asc(), Member.id.asc()))
        people = reports.shown(acts.organization.id, list(page.rows))
        page = page.with_rows(people[member_id] for member_id in page.rows if member_id in people)
    return render_template(
        "organization_admin/access.html", listing=asked, page=page, apps=apps.values(), app=asked.filters.get("app")
    )


def _person(member_id: str) -> tuple[Member, Any]:
    found = reports.shown(acting().organization.id, [member_id]).get(member_id)
    if found is None:
        raise Refusal("member_unknown", _("There is no such member."), status=404)
    return found


def _app(app_id: str) -> App:
    app = current_catalog().apps.get(app_id)
    if app is None:
        raise Refusal("app_unknown", _("There is no such app."), status=404)
    return app


# One person ----------------------------------------------------------------------------------------------------------


def _told(decision: Decision, app: App) -> dict[str, Any]:
    """A verdict as JSON."""
    said = (
        explain(
            decision.code,
            decision.detail,
            app_name=app.name,
            organization_name=decision.member.organization.name if decision.member else None,
            language=language.shown(),
        )
        if decision.code
        else None
    )
    return {
        "decision": "deny" if decision.code else "allow",
        "code": decision.code,
        "detail": decision.detail,
        "cause": said.cause if said else None,
        "remedy": said.remedy if said else None,
        "license": decision.license.edition if decision.license else None,
        "ends_at": decision.ends_at,
        "roles": list(decision.roles),
        "privileges": list(decision.privileges),
    }


def _paths(member_id: str) -> list[tuple[App, Path]]:
    paths = reports.apps_of(acting().organization.id, member_id)
    if paths is None:
        raise Refusal("member_unknown", _("There is no such member."), status=404)
    return list(zip(current_catalog().apps.values(), paths, strict=True))


@blueprint.get("/access/people/<member_id>")
@administrator(READ)
def access_person(member_id: str) -> ResponseReturnValue:
    """What can this person use?"""
    member, person = _person(member_id)
    lines = [(app, path, _told(path.decision, app)) for app, path in _paths(member_id)]
    return render_template(
        "organization_admin/access_person.html",
        member=member,
        person=person,
        activated=activation_told(member),
        lines=lines,
    )


@blueprint.get("/access/people/<member_id>.json")
@administrator(READ)
def access_person_json(member_id: str) -> ResponseReturnValue:
    """The same for a program of the administrator."""
    member, person = _person(member_id)
    answer = jsonify(
        person={**_about(member, person), "activated": activation_told(member)},
        apps=[
            {
                "app": app.id,
                "name": app.name,
                **_told(path.decision, app),
                "left_out": [{"privilege": one.privilege, "reason": one.reason} for one in path.left_out],
            }
            for app, path in _paths(member_id)
        ],
    )
    return web.private(answer)


@blueprint.get("/access/people/<member_id>.csv")
@administrator(READ)
def access_person_csv(member_id: str) -> ResponseReturnValue:
    """The same for a spreadsheet."""
    _person(member_id)
    rows = [_cells(app.name, path.decision) for app, path in _paths(member_id)]
    return spreadsheet.answer(f"person-{member_id}", [_("App"), *_verdict_heads()], rows)


def _about(member: Member, person: Any) -> dict[str, Any]:
    return {
        "id": member.id,
        "name": person.name,
        "email": person.email,
        "type": member.type,
        "status": member.status,
    }


# One person and one app ----------------------------------------------------------------------------------------------


class ChangesForm(FlaskForm):
    """The chosen way of each step is in `way`; `only` is the number of one step to make alone."""


def chosen() -> tuple[str, ...]:
    """The changes that a form of proposed steps asks for: of all its steps, or of the one whose button was pressed."""
    only = request.form.get("only", "")
    ways = [request.form.get(f"way-{number}", "") for number in range(8)]
    if only.isdecimal() and len(only) < 3:
        ways = ways[int(only) : int(only) + 1]
    elif only:
        ways = [only]
    return tuple(key for way in ways for key in way.split())


def simulation_of(member_id: str, app_id: str) -> Simulation:
    """What the simulator says of one member and app of this organization. Raises `Refusal` (404)."""
    found = simulate(db.session(), acting().organization.id, [(member_id, app_id)]).get((member_id, app_id))
    if found is None:
        raise Refusal("member_unknown", _("There is no such member."), status=404)
    return found


@blueprint.route("/access/people/<member_id>/<app_id>", methods=["GET", "POST"])
@administrator(READ)
def access_verdict(member_id: str, app_id: str) -> ResponseReturnValue:
    """The verdict, its path, and what would open it; a post makes the chosen changes."""
    acts = acting()
    app = _app(app_id)
    _member, person = _person(member_id)
    form = ChangesForm()
    if not form.validate_on_submit():
        return _verdict_page(member_id, app, None, 400 if form.errors else 200)
    try:
        with unit_of_work():
            after = service.apply_changes(member_id, app_id, chosen(), held=acts.privileges, actor_id=acts.account.id)
    except Refusal as refusal:
        return _verdict_page(member_id, app, refusal, refusal)
    if after.path.decision.allowed:
        flash(_("%(name)s can use %(app)s now.", name=person.name, app=app.name), "success")
    else:
        flash(_("Done. Something is still missing."), "info")
    return redirect(acts.address(f"access/people/{member_id}/{app_id}"), 303)


def _verdict_page(member_id: str, app: App, refusal: Refusal | None, status: web.Status) -> ResponseReturnValue:
    found = simulation_of(member_id, app.id)
    member, person = _person(member_id)
    return web.page(
        "organization_admin/access_verdict.html",
        status,
        member=member,
        person=person,
        app=app,
        found=found,
        activated=activation_told(member),
        told=proposals.sentence(found),
        proposal=proposals.shown([(found, person.name)], acting())[0],
        refusal=refusal,
        apps=current_catalog().apps.values(),
        now=clock.now(),
    )


# One app -------------------------------------------------------------------------------------------------------------


def _asked() -> dict[str, Any]:
    return {
        "everybody": request.args.get("people") == "all",
        "query": " ".join(request.args.get("q", "").replace("\0", " ").split())[: listing.LONGEST],
    }


@blueprint.get("/access/apps/<app_id>")
@administrator(READ)
def access_app(app_id: str) -> ResponseReturnValue:
    """Who can use this app? With `people=all` everybody, with the reason."""
    acts, app, asked = acting(), _app(app_id), _asked()
    after = request.args.get("after", "")[:36]
    lines = reports.portion(acts.organization, app, **asked, after=after, size=PAGE + 1)
    sentences = {line.member.id: _told(line.verdict, app) for line in lines[:PAGE]}
    return render_template(
        "organization_admin/access_app.html",
        app=app,
        apps=current_catalog().apps.values(),
        lines=lines[:PAGE],
        told=sentences,
        following=lines[PAGE - 1].member.id if len(lines) > PAGE else None,
        after=after,
        **asked,
    )


@blueprint.get("/access/apps/<app_id>.json")
@administrator(READ)
def access_app_json(app_id: str) -> ResponseReturnValue:
    """The same for a program, 200 people a page; `next` is the address of the page that follows, or null."""
    acts, app, asked = acting(), _app(app_id), _asked()
    lines = reports.portion(
        acts.organization, app, **asked, after=request.args.get("after", "")[:36], size=reports.PORTION + 1
    )
    shown = lines[: reports.PORTION]
    following = None
    if len(lines) > len(shown):
        path = acts.address(f"access/apps/{app_id}.json")
        values = {"q": asked["query"], "people": "all" if asked["everybody"] else None}
        following = listing.Listing(path, filters={"after": shown[-1].member.id}).address(
            **{name: value for name, value in values.items() if value}
        )
    answer = jsonify(
        app={"id": app.id, "name": app.name},
        people=[
            {**_about(line.member, line.person), "activated": line.activated, **_told(line.verdict, app)}
            for line in shown
        ],
        next=following,
    )
    return web.private(answer)


@blueprint.get("/access/apps/<app_id>.csv")
@administrator(READ)
def access_app_csv(app_id: str) -> ResponseReturnValue:
    """The same for a spreadsheet, streamed however many people there are."""
    organization, app, asked = acting().organization, _app(app_id), _asked()
    heads = [_("Name"), _("E-mail"), _("Status"), _("Activated"), *_verdict_heads()]
    rows = (
        [
            line.person.name,
            line.person.email or "",
            state_of(line.member)[0],
            {True: _("yes"), False: _("no"), None: ""}[line.activated],
            *_cells(None, line.verdict),
        ]
        for line in reports.walk(organization, app, **asked)
    )
    return spreadsheet.answer(f"app-{app.id}", heads, rows)


def _verdict_heads() -> list[str]:
    return [_("Access"), _("Reason"), _("License"), _("Roles"), _("Privileges")]


def _cells(first: str | None, decision: Decision) -> list[str]:
    cells = [
        _("no") if decision.code else _("yes"),
        decision.code or "",
        titles.edition_name(decision.license.edition) if decision.license else "",
        titles.roles_called(decision.roles),
        ", ".join(decision.privileges),
    ]
    return cells if first is None else [first, *cells]
