"""The authorization endpoint's one act: look at a request and at who is there, ask `next_step()`, and do that.

The hot way, a live session and nothing to ask, makes five statements and one commit: who is acting; the client's and
the account's standing with what is remembered between them; the facts of the decision; the authorization; its code.
The audit room adds its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import current_app, redirect, render_template
from flask_babel import lazy_gettext as _l
from sqlalchemy import BindParameter, Select, and_, bindparam, select, true
from werkzeug.wrappers import Response

from idp import sessions
from idp.accounts.credentials.methods import has_second_factor
from idp.accounts.models import EmailAddress
from idp.accounts.policy import required_action
from idp.kernel import continuation, language
from idp.kernel.database import reader, unit_of_work
from idp.kernel.refusal import Refusal
from idp.kernel.web import allow_form_action, allow_image, count_request, in_rate_here
from idp.organizations.facts import load_facts
from idp.organizations.policy import AccountFacts, Choices, Decision, candidates, choose, entitlement
from idp.organizations.sentences import explain
from idp.organizations.service import note_use
from idp.settings import current_settings

from . import authorizations, consents, requests
from .clients import ClientInfo, cached_client, find_client, load_client
from .extensions import issuer
from .forms import AnswerForm
from .interaction import (
    Ask,
    ChooseOrganization,
    Issue,
    Login,
    Refuse,
    RequiredAction,
    SecondFactor,
    SelectAccount,
    SessionFacts,
    SignUp,
    Step,
    next_step,
    told_acr,
)
from .models import AuthorizationRequest, Client, Consent, LastChoice
from .requests import Asked


@dataclass(frozen=True, slots=True)
class Between:
    """What is remembered between one account and one client, and about the account: whether its mailbox is proven, and
    whether it has a second factor."""

    mailbox_proven: bool
    second_factor: bool
    last_member_id: str | None
    consents: Mapping[str, frozenset[str]]  # by organization id, "" for none


@dataclass(frozen=True, slots=True)
class Judged:
    """A step, and what was read on the way to it: what the pages and the answer are made of."""

    step: Step
    facts: AccountFacts | None = None
    between: Between | None = None
    choice: Decision | Choices | None = None


@cache
def _standing() -> Select[Any]:
    client, email, last, consent = (model.__table__ for model in (Client, EmailAddress, LastChoice, Consent))
    account_id: BindParameter[str] = bindparam("account_id")
    return (
        select(
            client.c.status, client.c.rev, email.c.verified_at, last.c.member_id,
            consent.c.organization_id, consent.c.scope, has_second_factor(account_id).label("second_factor"),
        )
        .select_from(
            client.outerjoin(email, and_(email.c.account_id == account_id, email.c.is_primary == true()))
            .outerjoin(last, and_(last.c.account_id == account_id, last.c.client_id == client.c.id))
            .outerjoin(consent, and_(consent.c.account_id == account_id, consent.c.client_id == client.c.id))
        )
        .where(client.c.id == bindparam("client_id"))
    )  # fmt: skip


def recognize(client_id: str | None, who: sessions.Actor | None) -> tuple[ClientInfo | None, Between | None]:
    """The client as it is now, and what lies between it and who is signed in. One statement when nothing changed."""
    if not client_id:
        return None, None
    known = cached_client(client_id) if who is not None else find_client(client_id)
    if known is None or who is None:
        return known, None
    values = {"account_id": who.account.id, "client_id": known.id}
    rows = reader().execute(_standing(), values).all()
    if not rows or rows[0].rev != known.rev or rows[0].status != known.status:
        known = load_client(client_id)
    if known is None or not rows:
        return None, None
    return known, Between(
        mailbox_proven=rows[0].verified_at is not None,
        second_factor=bool(rows[0].second_factor),
        last_member_id=rows[0].member_id,
        consents={row.organization_id: frozenset(row.scope.split()) for row in rows if row.scope is not None},
    )


def judge(
    asked: Asked, row: AuthorizationRequest | None, who: sessions.Actor | None, between: Between | None, now: int
) -> Judged:
    """Ask `next_step()`, reading what it needs only as far as it gets."""
    request = asked.facts(row)
    if who is None or between is None:
        return Judged(next_step(request, None, None, None, now))
    session = SessionFacts(
        sid=who.session.id,
        sub=who.account.id,
        auth_time=who.session.auth_time,
        acr=who.session.acr,
        required=required_action(
            mailbox_proven=between.mailbox_proven,
            must_change_password=who.account.must_change_password,
            closing=who.account.status == "closing",
        ),
        second_factor=between.second_factor,
    )
    first = next_step(request, session, None, frozenset(asked.consent_scope), now)
    if not isinstance(first, Issue | Ask | SelectAccount):
        return Judged(first, None, between)
    app = asked.app
    facts, choice = None, None
    if asked.wants_organization:
        facts = load_facts(reader(), who.account.id, app.id if app else None)
    if facts is not None:
        choice = choose(
            facts,
            app,
            now,
            organization=asked.organization,
            member_id=row.chosen_member_id if row else None,
            # Asked to choose anew, so what was chosen last does not decide.
            last_member_id=None if "select_account" in request.prompt else between.last_member_id,
        )
    consent = between.consents.get(organization_of(choice) or "")
    return Judged(next_step(request, session, choice, consent, now), facts, between, choice)


def organization_of(choice: Decision | Choices | None) -> str | None:
    """The organization that a decision speaks about, if it may speak of one."""
    return choice.member.organization.id if isinstance(choice, Decision) and choice.member else None


def carry_out(
    asked: Asked, row: AuthorizationRequest | None, judged: Judged, who: sessions.Actor | None, now: int
) -> Response:
    """Do what `next_step()` said: answer the client, show a page, or send the browser to another room and back."""
    language.hint(asked.ui_locales)
    match judged.step:
        case Issue(decision):
            assert who is not None and judged.between is not None
            return _issue(asked, row, decision, judged, who)
        case Refuse(error, description):
            if row is not None:
                with unit_of_work():
                    requests.answer(row)
            return issuer.failure(asked.destination, error, description, _issuer())
        case Ask(scope):
            return _on_page(asked, row, lambda kept: _consent_page(asked, kept, judged, who, scope))
        case ChooseOrganization():
            return _on_page(asked, row, lambda kept: _picker_page(asked, kept, judged, who, now))
        case SelectAccount():
            return send_to(asked, row, "/login/choose")
        case SecondFactor(set_up):
            return send_to(asked, row, "/login/set-up" if set_up else "/login/stronger")
        case RequiredAction():
            return send_to(asked, row, "/login/required")
        case SignUp():
            return send_to(asked, row, "/signup", signup_offered=True)
        case Login(again):
            return send_to(asked, row, "/login", joins=not again)


def send_to(
    asked: Asked, row: AuthorizationRequest | None, page: str, *, joins: bool = False, **established: Any
) -> Response:
    """Send the browser to a page of another room, which brings it back to the stored request.

    `joins`: whoever has signed in meanwhile, in another tab say, is who the request waits for.
    Anybody may ask for that, signed in or not, and it makes rows: it counts like a form that is posted.
    """
    count_request()
    with unit_of_work():
        kept = row or requests.keep(asked.client.id, asked.parameters)
        if established:
            requests.note(kept, **established)
        path = requests.path_of(kept.id)
        handle = continuation.begin(path, _context(asked, path) | ({continuation.JOINS: True} if joins else {}))
    return redirect(f"{page}?continue={handle}", 303)


def _context(asked: Asked, path: str) -> dict[str, Any]:
    """What the pages in between may show about the client, and where their forms may end (security P23)."""
    shown = shown_client(asked.client, language.match(asked.ui_locales) or language.current())
    context = {
        **shown,
        "app_id": asked.client.app_id,
        "login_hint": (asked.login_hint or "")[:254] or None,
        "language": language.match(asked.ui_locales),
        "cancel_path": f"{path}/cancel",
        "form_action": issuer.origin(asked.redirect_uri),
    }
    return {name: value for name, value in context.items() if value}


def shown_client(client: ClientInfo, locale: str) -> dict[str, str | None]:
    """How a client is named to a person: name, logo, policy and terms, in that person's language (conformance 48)."""
    return {
        "client_id": client.id,
        "client_name": client.name(locale),
        "logo_uri": client.text("logo_uri", locale),
        "policy_uri": client.text("policy_uri", locale),
        "tos_uri": client.text("tos_uri", locale),
    }


def _issue(
    asked: Asked, row: AuthorizationRequest | None, decision: Decision | None, judged: Judged, who: sessions.Actor
) -> Response:
    """Open the authorization and answer with its code; of two parallel answers to one stored request one gets it."""
    about = decision.judged if decision else None
    if not in_rate_here("authorize", who.account.id, current_settings().throttle.authorizations_per_minute):
        if "none" in asked.facts(row).prompt:
            return issuer.failure(asked.destination, "temporarily_unavailable", "Too many requests", _issuer())
        # A page, not the client's error: what asks so often may well ask again at once.
        raise Refusal(
            "too_many_requests",
            _l("The app asks far too often. Wait a minute, then open it again."),
            status=429,
            retry_after=60,
        )
    with unit_of_work():
        if row is not None and not requests.answer(row):
            code = None
        else:
            code = authorizations.open_authorization(
                asked,
                client=asked.client,
                account_id=who.account.id,
                member_id=about.id if about else None,
                # Another's or an unknown organization is kept as it was asked, so that the answer stays the same.
                organization_id=about.organization.id if about else asked.organization and asked.organization[:36],
                session=who.session,
                acr=told_acr(asked.facts(row), who.session.acr),
                scope=asked.scope,
                resource=asked.resource,
                claims_request=asked.claims,
                nonce=asked.nonce,
                language=language.match(asked.ui_locales) or who.account.locale or language.current(),
                offline=asked.offline,
                decision=decision,
            ).code
            if about and decision and decision.allowed:
                note_use(about.id, about.last_used_at)
                if _worth_remembering(judged):
                    consents.remember_member(who.account.id, asked.client.id, about.id)
    if code is None:
        return answered_page(asked.client)
    return issuer.success(asked.destination, code, _issuer())


def _worth_remembering(judged: Judged) -> bool:
    """Only a person with several organizations can be asked again, and only a new choice has to be written."""
    several = judged.facts is not None and len(judged.facts.members) > 1
    about = judged.choice.judged if isinstance(judged.choice, Decision) else None
    return several and about is not None and (judged.between is None or judged.between.last_member_id != about.id)


def _on_page(
    asked: Asked, row: AuthorizationRequest | None, page: Callable[[AuthorizationRequest], Response]
) -> Response:
    """Pages stand at the stored request's own address, so none of the client's parameters stays in the bar."""
    if row is not None:
        return page(row)
    count_request()
    with unit_of_work():
        kept = requests.keep(asked.client.id, asked.parameters)
    return redirect(requests.path_of(kept.id), 303)


def _frame(asked: Asked, row: AuthorizationRequest, who: sessions.Actor | None) -> dict[str, Any]:
    shown = shown_client(asked.client, language.current())
    allow_form_action(issuer.origin(asked.redirect_uri))
    if shown["logo_uri"]:
        allow_image(shown["logo_uri"])
    return {
        "client": shown,
        "context": {**shown, "app_id": asked.client.app_id},
        "unverified": asked.client.status == "unverified",
        "target": issuer.origin(asked.redirect_uri),
        "path": requests.path_of(row.id),
        "account": who.account if who else None,
        "form": AnswerForm(),
    }


def _consent_page(
    asked: Asked, row: AuthorizationRequest, judged: Judged, who: sessions.Actor | None, scope: frozenset[str]
) -> Response:
    member = judged.choice.member if isinstance(judged.choice, Decision) else None
    agreed = asked.client.family  # then the question is only whether it was the person who began
    shown = shown_to_agree(organization_of(judged.choice), scope)
    return _rendered("oidc/consent.html", _frame(asked, row, who), scope=sorted(scope), member=member, shown=shown,
                     agreed=agreed, on_this_device=asked.on_this_device)  # fmt: skip


def shown_to_agree(organization_id: str | None, scope: frozenset[str]) -> str:
    """What a consent page asks, as its form says it again: a yes counts for that and for nothing else."""
    return " ".join((organization_id or "-", *sorted(scope)))


def _picker_page(
    asked: Asked, row: AuthorizationRequest, judged: Judged, who: sessions.Actor | None, now: int
) -> Response:
    """Every organization of the person with its state: those that allow as buttons, the others with their reason."""
    assert judged.facts is not None
    app = asked.app
    name = app.name if app else asked.client.name(language.current())
    decisions = [entitlement(judged.facts, member, app, now) for member in candidates(judged.facts, asked.organization)]
    refused = [
        (decision.judged, explain(
            decision.code, decision.detail, app_name=name,
            organization_name=decision.judged.organization.name, language=language.current(),
        ))
        for decision in decisions
        if decision.code is not None and decision.judged is not None
    ]  # fmt: skip
    return _rendered(
        "oidc/organization.html",
        _frame(asked, row, who),
        choices=[decision.member for decision in decisions if decision.allowed and decision.member],
        refused=refused,
    )


def _rendered(template: str, frame: dict[str, Any], **values: Any) -> Response:
    return current_app.make_response(render_template(template, **frame, **values))


def answered_page(client: ClientInfo | None) -> Response:
    """For the back button and reloads after the end: say so, and offer the way back to the application."""
    again = client.metadata.get("initiate_login_uri") or client.metadata.get("client_uri") if client else None
    page = render_template(
        "oidc/answered.html", again=again, client_name=client.name(language.current()) if client else None
    )
    response = current_app.make_response(page)
    response.status_code = 400
    return response


def _issuer() -> str:
    return current_settings().issuer
