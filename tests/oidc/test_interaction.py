"""`next_step()` as a table: what was asked, who is there, what was decided and remembered, and what happens next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from idp.oidc.interaction import (
    Ask,
    ChooseOrganization,
    Issue,
    Login,
    Refuse,
    RequestFacts,
    RequiredAction,
    SecondFactor,
    SelectAccount,
    SessionFacts,
    SignUp,
    next_step,
    told_acr,
)
from idp.organizations.policy import Choices, Decision, MemberFacts, OrganizationFacts

NOW = 1_000_000
ME = SessionFacts(sid="s1", sub="ada", auth_time=NOW - 100)
MEMBER = MemberFacts(id="m1", type="employee", status="active", organization=OrganizationFacts("o1", "lift", "Lift"))
ALLOW = Decision(code=None, account_id="ada", app_id="tag", member=MEMBER, judged=MEMBER)
DENY = Decision(code="license_missing", account_id="ada", app_id="tag", member=MEMBER, judged=MEMBER)
ONE, TWO = "urn:onix:acr:1", "urn:onix:acr:2"
ABLE, STRONG = replace(ME, second_factor=True), replace(ME, acr=TWO, second_factor=True)
_STRICT = replace(MEMBER, organization=replace(MEMBER.organization, second_factor_required=True))
STRICT = replace(ALLOW, member=_STRICT, judged=_STRICT)
STRICT_DENY = replace(DENY, member=_STRICT, judged=_STRICT)
MANY = Choices((ALLOW, ALLOW))
PARTNER: dict[str, Any] = {"family": False, "consent_scope": frozenset({"openid", "email"})}
AGREED = frozenset({"openid", "email", "profile"})


def asked(prompt: str = "", **facts: Any) -> RequestFacts:
    return RequestFacts(prompt=frozenset(prompt.split()), **facts)


def refused(error: str) -> Any:
    class _Any(str):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, str)

        __hash__ = str.__hash__

    return Refuse(error, _Any("*"))


TABLE: list[tuple[str, RequestFacts, SessionFacts | None, Any, frozenset[str] | None, Any]] = [
    # who is there
    ("nobody there", asked(), None, None, None, Login()),
    ("nobody there, silent", asked("none"), None, None, None, refused("login_required")),
    ("somebody there", asked(), ME, ALLOW, None, Issue(ALLOW)),
    ("somebody there, silent", asked("none"), ME, ALLOW, None, Issue(ALLOW)),
    ("a client that asks for no organization", asked(), ME, None, None, Issue(None)),
    # prompt=login and its like
    ("prompt=login with a live session", asked("login"), ME, ALLOW, None, Login(again=True)),
    ("prompt=login, signed in for it", asked("login", signed_in_sid="s1"), ME, ALLOW, None, Issue(ALLOW)),
    ("prompt=login, another session signed in for it", asked("login", signed_in_sid="s0"), ME, ALLOW, None,
     Login(again=True)),
    ("max_age not reached", asked(max_age=100), ME, ALLOW, None, Issue(ALLOW)),
    ("max_age exceeded by a second", asked(max_age=99), ME, ALLOW, None, Login(again=True)),
    ("max_age exceeded, silent", asked("none", max_age=99), ME, ALLOW, None, refused("login_required")),
    ("max_age exceeded while consenting", asked(max_age=1, signed_in_sid="s1"), ME, ALLOW, None, Issue(ALLOW)),
    ("max_age=0 is prompt=login", asked(max_age=0), replace(ME, auth_time=NOW), ALLOW, None, Login(again=True)),
    ("max_age=0, silent", asked("none", max_age=0), replace(ME, auth_time=NOW), ALLOW, None,
     refused("login_required")),
    ("max_age=0, signed in for it", asked(max_age=0, signed_in_sid="s1"), ME, ALLOW, None, Issue(ALLOW)),
    # id_token_hint
    ("hint of this person", asked("none", hint_sub="ada"), ME, ALLOW, None, Issue(ALLOW)),
    ("hint of another, silent", asked("none", hint_sub="bob"), ME, ALLOW, None, refused("login_required")),
    ("hint of another", asked(hint_sub="bob"), ME, ALLOW, None, Login(again=True)),
    ("hint of another, who did not sign in", asked(hint_sub="bob", signed_in_sid="s1"), ME, ALLOW, None,
     refused("login_required")),
    ("hint, nobody there, silent", asked("none", hint_sub="ada"), None, None, None, refused("login_required")),
    # a subject asked for in `claims`
    ("this person's sub", asked("none", subjects=frozenset({"ada", "bob"})), ME, ALLOW, None, Issue(ALLOW)),
    ("another's sub, silent", asked("none", subjects=frozenset({"bob"})), ME, ALLOW, None, refused("login_required")),
    ("another's sub", asked(subjects=frozenset({"bob"})), ME, ALLOW, None, Login(again=True)),
    ("another's sub, who did not sign in", asked(subjects=frozenset({"bob"}), signed_in_sid="s1"), ME, ALLOW, None,
     refused("login_required")),
    ("a sub that the hint is not", asked("none", hint_sub="ada", subjects=frozenset({"bob"})), ME, ALLOW, None,
     refused("login_required")),
    ("nobody's sub", asked(subjects=frozenset()), ME, ALLOW, None, Login(again=True)),
    # prompt=create
    ("prompt=create", asked("create"), None, None, None, SignUp()),
    ("prompt=create with a live session", asked("create"), ME, ALLOW, None, SignUp()),
    ("prompt=create, back without an account", asked("create", signup_offered=True), None, None, None, Login()),
    ("prompt=create, back with the old session", asked("create", signup_offered=True), ME, ALLOW, None,
     Login(again=True)),
    ("prompt=create, signed in for it", asked("create", signup_offered=True, signed_in_sid="s1"), ME, ALLOW, None,
     Issue(ALLOW)),
    # required actions
    ("a mailbox to prove", asked(), replace(ME, required="mailbox"), ALLOW, None, RequiredAction("mailbox")),
    ("a password to change", asked(), replace(ME, required="password"), ALLOW, None, RequiredAction("password")),
    ("a required action, silent", asked("none"), replace(ME, required="mailbox"), ALLOW, None,
     refused("interaction_required")),
    # select_account
    ("prompt=select_account", asked("select_account"), ME, ALLOW, None, SelectAccount()),
    ("prompt=select_account, several organizations", asked("select_account"), ME, MANY, None, ChooseOrganization(MANY)),
    ("prompt=select_account, confirmed, several organizations", asked("select_account", account_confirmed_sid="s1"), ME,
     MANY, None, ChooseOrganization(MANY)),
    ("prompt=select_account, confirmed", asked("select_account", account_confirmed_sid="s1"), ME, ALLOW, None,
     Issue(ALLOW)),
    ("prompt=select_account, confirmed in another session", asked("select_account", account_confirmed_sid="s0"), ME,
     ALLOW, None, SelectAccount()),
    ("prompt=select_account, signed in for it", asked("select_account", signed_in_sid="s1"), ME, ALLOW, None,
     Issue(ALLOW)),
    ("prompt=select_account, nobody there", asked("select_account"), None, None, None, Login()),
    ("prompt=login select_account, confirmed only", asked("login select_account", account_confirmed_sid="s1"), ME,
     ALLOW, None, Login(again=True)),
    # acr
    ("an essential acr that is met", asked(essential_acr=("urn:onix:acr:1",)), ME, ALLOW, None, Issue(ALLOW)),
    ("an essential acr, any", asked(essential_acr=()), ME, ALLOW, None, Issue(ALLOW)),
    ("an essential acr out of reach, nobody there", asked(essential_acr=("urn:onix:acr:9",)), None, None, None,
     refused("unmet_authentication_requirements")),
    ("an essential acr out of reach, silent", asked("none", essential_acr=("x",)), ME, ALLOW, None,
     refused("unmet_authentication_requirements")),
    ("an essential acr the session does not have", asked(essential_acr=("urn:onix:acr:1",)),
     replace(ME, acr="urn:onix:acr:0"), ALLOW, None, refused("unmet_authentication_requirements")),
    ("essential two factors, shown", asked(essential_acr=(TWO,)), STRONG, ALLOW, None, Issue(ALLOW)),
    ("essential two factors, not shown yet", asked(essential_acr=(TWO,)), ABLE, ALLOW, None, SecondFactor()),
    ("essential two factors, not shown yet, silent", asked("none", essential_acr=(TWO,)), ABLE, ALLOW, None,
     refused("login_required")),
    ("essential two factors, none to show", asked(essential_acr=(TWO,)), ME, ALLOW, None,
     refused("unmet_authentication_requirements")),
    ("essential two factors, none to show, silent", asked("none", essential_acr=(TWO,)), ME, ALLOW, None,
     refused("unmet_authentication_requirements")),
    ("essential two factors or one", asked(essential_acr=(TWO, ONE)), ABLE, ALLOW, None, Issue(ALLOW)),
    ("essential one factor, two shown", asked(essential_acr=(ONE,)), STRONG, ALLOW, None, Issue(ALLOW)),
    ("essential and unknown, two shown", asked(essential_acr=("x",)), STRONG, ALLOW, None,
     refused("unmet_authentication_requirements")),
    ("essential two factors, nobody there", asked(essential_acr=(TWO,)), None, None, None, Login()),
    ("essential two factors, a mailbox to prove", asked(essential_acr=(TWO,)), replace(ABLE, required="mailbox"), ALLOW,
     None, RequiredAction("mailbox")),
    ("two factors wished", asked(acr_values=(TWO,)), ABLE, ALLOW, None, SecondFactor()),
    ("two factors wished, shown", asked(acr_values=(TWO,)), STRONG, ALLOW, None, Issue(ALLOW)),
    ("two factors wished, none to show", asked(acr_values=(TWO,)), ME, ALLOW, None, Issue(ALLOW)),
    ("two factors wished, silent", asked("none", acr_values=(TWO,)), ABLE, ALLOW, None, Issue(ALLOW)),
    ("two factors wished after something unknown", asked(acr_values=("x", TWO)), ABLE, ALLOW, None, SecondFactor()),
    ("one factor wished rather than two", asked(acr_values=(ONE, TWO)), ABLE, ALLOW, None, Issue(ALLOW)),
    ("something unknown wished", asked(acr_values=("x",)), ABLE, ALLOW, None, Issue(ALLOW)),
    # an organization that asks for two factors
    ("the organization asks, shown", asked(), STRONG, STRICT, None, Issue(STRICT)),
    ("the organization asks, not shown yet", asked(), ABLE, STRICT, None, SecondFactor()),
    ("the organization asks, not shown yet, silent", asked("none"), ABLE, STRICT, None, refused("login_required")),
    ("the organization asks, none to show", asked(), ME, STRICT, None, SecondFactor(set_up=True)),
    ("the organization asks, none to show, silent", asked("none"), ME, STRICT, None, refused("interaction_required")),
    ("the organization asks, but denies", asked(deny_mode="token"), ME, STRICT_DENY, None, Issue(STRICT_DENY)),
    ("the organization asks, but denies, as an error", asked(), ME, STRICT_DENY, None,
     Refuse("access_denied", "license_missing")),
    ("the organization asks before consent is", asked(**PARTNER), ABLE, STRICT, None, SecondFactor()),
    ("the organization is chosen first", asked(), ME, Choices((STRICT, ALLOW)), None,
     ChooseOrganization(Choices((STRICT, ALLOW)))),
    # organizations
    ("several organizations allow", asked(), ME, MANY, None, ChooseOrganization(MANY)),
    ("several organizations allow, silent", asked("none"), ME, MANY, None, refused("interaction_required")),
    ("denied, told as an error", asked(), ME, DENY, None, Refuse("access_denied", "license_missing")),
    ("denied, silent", asked("none"), ME, DENY, None, Refuse("access_denied", "license_missing")),
    ("denied, told in the token", asked(deny_mode="token"), ME, DENY, None, Issue(DENY)),
    # consent
    ("never asked", asked(**PARTNER), ME, None, None, Ask(PARTNER["consent_scope"])),
    ("never asked, silent", asked("none", **PARTNER), ME, None, None, refused("consent_required")),
    ("agreed to more", asked(**PARTNER), ME, None, AGREED, Issue(None)),
    ("agreed to more, silent", asked("none", **PARTNER), ME, None, AGREED, Issue(None)),
    ("agreed to less", asked(**PARTNER), ME, None, frozenset({"openid"}), Ask(PARTNER["consent_scope"])),
    ("prompt=consent asks again", asked("consent", **PARTNER), ME, None, AGREED, Ask(PARTNER["consent_scope"])),
    ("prompt=consent, answered", asked("consent", consented_sid="s1", **PARTNER), ME, None, AGREED, Issue(None)),
    ("prompt=consent, answered by another session", asked("consent", consented_sid="s0", **PARTNER), ME, None, AGREED,
     Ask(PARTNER["consent_scope"])),
    ("the family is never asked", asked("consent"), ME, ALLOW, None, Issue(ALLOW)),
    ("a denial comes before consent", asked(**PARTNER), ME, DENY, None, Refuse("access_denied", "license_missing")),
    # anybody on the person's device could be who asks
    ("on this device", asked(on_this_device=True), ME, ALLOW, None, Ask(frozenset())),
    ("on this device, silent", asked("none", on_this_device=True), ME, ALLOW, None, refused("interaction_required")),
    ("on this device, signed in for it", asked(on_this_device=True, signed_in_sid="s1"), ME, ALLOW, None,
     Issue(ALLOW)),
    ("on this device, pressed Go on", asked(on_this_device=True, consented_sid="s1"), ME, ALLOW, None, Issue(ALLOW)),
    ("on this device, pressed in another session", asked(on_this_device=True, consented_sid="s0"), ME, ALLOW, None,
     Ask(frozenset())),
    ("on this device, agreed long ago", asked(on_this_device=True, **PARTNER), ME, None, AGREED,
     Ask(PARTNER["consent_scope"])),
    ("on this device, signed in for it, never asked", asked(on_this_device=True, signed_in_sid="s1", **PARTNER), ME,
     None, None, Ask(PARTNER["consent_scope"])),
    # the person said no
    ("the person said no", asked(denied=True), None, None, None, refused("access_denied")),
    ("the person said no, signed in", asked(denied=True), ME, ALLOW, None, refused("access_denied")),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "session", "choice", "consent", "step"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_next_step(request_: Any, session: Any, choice: Any, consent: Any, step: Any) -> None:
    assert next_step(request_, session, choice, consent, NOW) == step


@pytest.mark.parametrize(
    ("request_", "acr", "told"),
    [
        (asked(), ONE, ONE),
        (asked(), TWO, TWO),
        (asked(essential_acr=(ONE,)), TWO, ONE),
        (asked(essential_acr=(TWO, ONE)), TWO, TWO),
        (asked(essential_acr=(TWO, ONE)), ONE, ONE),
        (asked(essential_acr=()), TWO, TWO),
        (asked(acr_values=("x", ONE)), TWO, ONE),
        (asked(acr_values=("x",)), TWO, TWO),
        (asked(acr_values=(TWO,)), ONE, ONE),
    ],
)
def test_told_acr_is_true_and_one_of_those_asked_for(request_: RequestFacts, acr: str, told: str) -> None:
    assert told_acr(request_, acr) == told


def test_nothing_but_a_live_session_with_no_question_open_issues() -> None:
    """Whatever else is true: no code without a session, none before a required action, none after a no."""
    for _, request, session, choice, consent, _ in TABLE:
        for changed in (replace(request, denied=True), request):
            for other in (None, session and replace(session, required="mailbox")):
                assert not isinstance(next_step(changed, other, choice, consent, NOW), Issue)


def test_silence_never_shows_a_page() -> None:
    for _, request, session, choice, consent, _ in TABLE:
        silent = replace(request, prompt=frozenset({"none"}))
        assert isinstance(next_step(silent, session, choice, consent, NOW), Issue | Refuse)
