"""Debian's mod_auth_openidc in front of a page: an application that knows OpenID Connect and nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.support.apache import Apache
from tests.support.flow import Visitor, query_of
from tests.support.forms import forms_of
from tests.support.live import Live
from tests.support.needs import free_port, wait_until
from tests.support.world import Person


@pytest.fixture
def signed_in(live: Callable[..., Live]) -> Iterator[tuple[Live, Apache, Visitor, Person]]:
    """A person who has signed in to the protected page by way of the provider."""
    here = live(database="sqlite", worker=True)
    person = here.world.user(given_name="Kåre", family_name="Lund")
    port = free_port()
    base = f"http://localhost:{port}"
    here.application(
        "apache",
        redirect_uri=f"{base}/protected/callback",
        post_logout_redirect_uris=[f"{base}/goodbye.html"],
        backchannel_logout_uri=f"{base}/protected/callback?logout=backchannel",
        backchannel_logout_session_required=True,
    )
    apache = Apache(here.issuer, "apache", "an-app-secret", port=port)
    try:
        visitor = here.visitor(person)
        start = visitor.get(f"{base}/protected/")
        assert start.is_redirect, apache.log()
        assert start.headers["Location"].startswith(f"{here.issuer}/oauth2/authorize")
        callback = visitor.walk(start.headers["Location"], f"{base}/protected/callback")
        back = visitor.get(callback)
        assert back.is_redirect, f"{back.status_code} {back.text}\n{apache.log()}"
        yield here, apache, visitor, person
    finally:
        apache.stop()


def _inside(apache: Apache, visitor: Visitor) -> requests.Response:
    return visitor.get(f"{apache.base}/protected/")


@pytest.mark.slow
def test_a_page_behind_apache_opens(signed_in: tuple[Live, Apache, Visitor, Person]) -> None:
    _, apache, visitor, person = signed_in
    page = _inside(apache, visitor)
    assert page.status_code == 200, apache.log()
    assert "You are inside" in page.text
    assert page.headers["X-Subject"] == person.account_id
    assert page.headers["X-Person"] == person.address


@pytest.mark.slow
def test_signing_out_of_apache_ends_the_session_at_the_provider(
    signed_in: tuple[Live, Apache, Visitor, Person],
) -> None:
    """RP-initiated logout: out of the application, out of the provider, back at the application's goodbye page."""
    here, apache, visitor, _ = signed_in
    out = visitor.get(f"{apache.base}/protected/callback?logout={apache.base}/goodbye.html")
    assert out.headers["Location"].startswith(f"{here.issuer}/oauth2/logout"), out.headers
    page = visitor.get(out.headers["Location"])
    if not page.is_redirect:
        form = next(form for form in forms_of(page.text, page.url) if form.method == "post")
        page = visitor.post(form.action, form.fields)
    target = urljoin(page.url, page.headers["Location"])
    assert target.split("?")[0] == f"{apache.base}/goodbye.html"
    again = _inside(apache, visitor)
    assert again.is_redirect
    login = visitor.get(again.headers["Location"])
    while login.is_redirect:
        login = visitor.get(urljoin(login.url, login.headers["Location"]))
    assert any("password" in form.fields for form in forms_of(login.text)), "the provider still knew the person"


@pytest.mark.slow
def test_signing_out_at_the_provider_reaches_apache(signed_in: tuple[Live, Apache, Visitor, Person]) -> None:
    """Back-channel logout: the worker tells the application, whose session is gone without any visit of the browser."""
    here, apache, visitor, _ = signed_in
    assert _inside(apache, visitor).status_code == 200
    page = visitor.get(f"{here.issuer}/logout")
    form = next(form for form in forms_of(page.text, page.url) if urlsplit(form.action).path == "/logout")
    visitor.post(form.action, form.fields)
    wait_until(lambda: _inside(apache, visitor).is_redirect, what="the end of the session at Apache")


@pytest.mark.slow
def test_apache_is_told_why_a_person_is_refused(live: Callable[..., Live]) -> None:
    """An application that takes errors gets `access_denied`, and Apache lets nobody in.

    Debian 12's release takes an error with `iss` (RFC 9207 wants it there) for a sign-in that someone else initiated
    and begins anew; others show the error.
    """
    here = live(database="sqlite")
    person = here.world.account()
    port = free_port()
    base = f"http://localhost:{port}"
    here.application("apache", redirect_uri=f"{base}/protected/callback", deny_mode="error",
                     post_logout_redirect_uris=[])  # fmt: skip
    apache = Apache(here.issuer, "apache", "an-app-secret", port=port)
    try:
        visitor = here.visitor(person)
        start = visitor.get(f"{base}/protected/")
        callback = visitor.walk(start.headers["Location"], f"{base}/protected/callback")
        assert query_of(callback)["error"] == "access_denied"
        page = visitor.get(callback)
        if page.is_redirect:
            assert page.headers["Location"].startswith(f"{here.issuer}/oauth2/authorize"), apache.log()
        else:
            assert page.status_code >= 400
            assert "access_denied" in page.text
        assert _inside(apache, visitor).is_redirect
    finally:
        apache.stop()
