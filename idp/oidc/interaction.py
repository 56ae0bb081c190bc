"""What happens next with an authorization request: one pure function over plain values.

The steps never call one another. Each does its one thing, writes it down, and sends the browser back to the authorize
endpoint, which asks `next_step()` again:

    request ──> next_step ──> SignUp | Login | RequiredAction | SelectAccount | SecondFactor | ──┐
                   ^  │       ChooseOrganization | Ask ──────────────────────────────────────────┤
                   │  └─────> Issue | Refuse  (the request is answered)                          │
                   └─────────────────────────────────────────────────────────────────────────────┘

The order is the protocol's and a matter of safety: who is it, may that person act at all, shown how well, for which
organization, with what verdict, and only then whether the client may have it. `docs/explanation/acr.md` tells the part
about classes of authentication to developers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from idp.organizations.policy import Choices, Decision
from idp.sessions.policy import ACR_PASSWORD, ACR_TWO_FACTORS

PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
ACR_VALUES = (ACR_PASSWORD, ACR_TWO_FACTORS)
"""What a sign-in at this provider can reach (DESIGN §4); who reaches the second has reached the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What the client asked for, and what earlier steps have written down about this request.

    `signed_in_sid`: the session of a sign-in that was done for this request. `hint_sub`: the subject of a genuine
    `id_token_hint`; `subjects` those whom the `claims` parameter wants, None when it names none (Core §3.1.2.2).
    `essential_acr`: None when no `acr` is essential, else the values that would do (empty: any).
    `acr_values`: the wish of a client that goes on without, in its order of preference (Core §3.1.2.1).
    `family`: the client belongs to an app, so what it may know needs no consent. `consent_scope`: what the person has
    to agree to. `on_this_device`: anybody on the person's device could be who asks, and whoever listens there gets the
    answer, so the person is asked, whosever the client is.
    `max_age` is in seconds.
    """

    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    hint_sub: str | None = None
    subjects: frozenset[str] | None = None
    essential_acr: tuple[str, ...] | None = None
    acr_values: tuple[str, ...] = ()
    family: bool = True
    deny_mode: str = "error"
    consent_scope: frozenset[str] = frozenset()
    on_this_device: bool = False
    signed_in_sid: str | None = None
    signup_offered: bool = False
    account_confirmed_sid: str | None = None
    consented_sid: str | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The live session of this browser and its account. `required` is what the account must do before any token.

    `second_factor`: the account has one, so it can reach `urn:onix:acr:2`.
    """

    sid: str
    sub: str
    auth_time: int
    acr: str = ACR_VALUES[0]
    required: Literal["closing", "mailbox", "password"] | None = None
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """Show the sign-in page. `again`: although somebody is signed in."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class SignUp:
    """Show *Create an account* (Initiating User Registration via OpenID Connect 1.0)."""


@dataclass(frozen=True, slots=True)
class RequiredAction:
    """Something the account must do first: be kept when it is `closing`, prove its `mailbox`, change its `password`."""

    action: str


@dataclass(frozen=True, slots=True)
class SelectAccount:
    """Offer to go on as the signed-in person or to sign in as another."""


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Make the session stronger: ask for the second factor; `set_up`: the account has none and has to get one first."""

    set_up: bool = False


@dataclass(frozen=True, slots=True)
class ChooseOrganization:
    """Several organizations allow; only the person can say which is meant."""

    choices: Choices


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for consent to these scopes."""

    scope: frozenset[str]


@dataclass(frozen=True, slots=True)
class Issue:
    """Answer with a code. `decision` is None for a client that asks for no organization."""

    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with a registered error. `description` is printable ASCII."""

    error: str
    description: str


Step = Login | SignUp | RequiredAction | SelectAccount | SecondFactor | ChooseOrganization | Ask | Issue | Refuse


def signed_in_for_it(request: RequestFacts, session: SessionFacts) -> bool:
    """Whether a sign-in was done for this request. Comparing times would not do: both can fall into one second."""
    return request.signed_in_sid == session.sid


def is_about(request: RequestFacts, sub: str) -> bool:
    """Whether the client may be told of this person: whom it names is answered for, and nobody else (Core §3.1.2.2)."""
    return request.hint_sub in (None, sub) and (request.subjects is None or sub in request.subjects)


def must_sign_in(request: RequestFacts, session: SessionFacts, now: int) -> bool:
    """Whether a live session is not enough: `prompt`, `max_age` (0 means always, Core §3.1.2.1), or another person."""
    if signed_in_for_it(request, session):
        return False
    return bool(
        request.prompt & {"login", "create"}
        or (request.max_age is not None and (request.max_age == 0 or now - session.auth_time > request.max_age))
        or not is_about(request, session.sub)
    )


def reached(acr: str) -> tuple[str, ...]:
    """The classes that a sign-in of this class is in: two factors include the password's."""
    return ACR_VALUES if acr == ACR_TWO_FACTORS else (acr,)


def told_acr(request: RequestFacts, acr: str) -> str:
    """What the tokens of this request say: the first value asked for that was reached (Core §3.1.2.1, §5.5.1.1)."""
    wished = request.essential_acr or request.acr_values
    return next((value for value in wished if value in reached(acr)), acr)


def wants_stronger(request: RequestFacts, session: SessionFacts) -> bool:
    """Whether the client would rather have two factors, and the person can show the second."""
    known = [value for value in request.acr_values if value in ACR_VALUES]
    return bool(known) and known[0] not in reached(session.acr) and session.second_factor


def asks_second_factor(choice: Decision | None) -> bool:
    """Whether the organization that a decision opens asks its people for two factors."""
    return bool(choice and choice.allowed and choice.member and choice.member.organization.second_factor_required)


def next_step(
    request: RequestFacts,
    session: SessionFacts | None,
    choice: Decision | Choices | None,
    consent: frozenset[str] | None,
    now: int,
) -> Step:
    """Decide. `choice` is None when the client asks for no organization; `consent` what is remembered, or None.

    `choice` and `consent` are only looked at once the session is good enough, so callers may leave them out before, and
    ask again with them where the step is `SelectAccount`.
    """
    silent = "none" in request.prompt
    if request.denied:
        return Refuse("access_denied", "The person did not agree")
    if request.essential_acr and not set(request.essential_acr) & set(ACR_VALUES):
        return Refuse("unmet_authentication_requirements", "No requested acr can be reached")
    if "create" in request.prompt and not request.signup_offered:
        return SignUp()
    if session is None or must_sign_in(request, session, now):
        return Refuse("login_required", "The person has to sign in") if silent else Login(again=session is not None)
    if not is_about(request, session.sub):
        return Refuse("login_required", "Another person than the request names has signed in")
    if session.required:
        return _or_silent(silent, "interaction_required", RequiredAction(session.required))
    if (
        "select_account" in request.prompt
        and request.account_confirmed_sid != session.sid
        and not signed_in_for_it(request, session)
    ):
        # The organizations stand beside *Use another account*: one page answers both questions.
        return ChooseOrganization(choice) if isinstance(choice, Choices) else SelectAccount()
    if request.essential_acr and not set(request.essential_acr) & set(reached(session.acr)):
        if ACR_TWO_FACTORS not in request.essential_acr or not session.second_factor:
            return Refuse("unmet_authentication_requirements", "The account does not reach a requested acr")
        return _or_silent(silent, "login_required", SecondFactor())
    if not silent and wants_stronger(request, session):
        return SecondFactor()
    if isinstance(choice, Choices):
        return _or_silent(silent, "interaction_required", ChooseOrganization(choice))
    if choice is not None and not choice.allowed and request.deny_mode != "token":
        return Refuse("access_denied", choice.code or "denied")
    if asks_second_factor(choice) and ACR_TWO_FACTORS not in reached(session.acr):
        error = "login_required" if session.second_factor else "interaction_required"
        return _or_silent(silent, error, SecondFactor(set_up=not session.second_factor))
    if request.consented_sid == session.sid:
        return Issue(choice)
    if request.on_this_device and not signed_in_for_it(request, session):  # RFC 8252 §8.6
        return _or_silent(silent, "interaction_required", Ask(request.consent_scope))
    if not request.family and not _agreed(request, consent):
        return _or_silent(silent, "consent_required", Ask(request.consent_scope))
    return Issue(choice)


def _agreed(request: RequestFacts, consent: frozenset[str] | None) -> bool:
    """Whether what is remembered covers this request; `prompt=consent` asks again in any case."""
    return "consent" not in request.prompt and consent is not None and request.consent_scope <= consent


def _or_silent(silent: bool, error: str, step: Step) -> Step:
    """With `prompt=none` no page may be shown, so the step becomes its error (Core §3.1.2.6)."""
    return Refuse(error, "The person has to be asked") if silent else step
