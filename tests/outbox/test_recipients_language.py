"""A mail speaks the language of who gets it: the stored one, whatever browser asked; else the browser's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from idp.kernel.database import unit_of_work
from tests.support.forms import form_with
from tests.support.live import Live

pytestmark = pytest.mark.slow

SUBJECTS = {  # kind -> a word of the subject or the text, in each language
    "nb": {"reset": "passord", "known": "bruker", "new": "Velkommen", "invitation": "inviterer", "told": "endret"},
    "en": {"reset": "password", "known": "user", "new": "Welcome", "invitation": "invites", "told": "changed"},
}


def _ask(issuer: str, path: str, address: str, browser: str) -> None:
    http = requests.Session()
    http.headers["Accept-Language"] = browser
    page = http.get(issuer + path, timeout=30)
    form = form_with(page.text, "csrf_token", page.url)
    field = next(name for name in form.fields if name not in ("csrf_token", "continue"))
    assert http.post(form.action, data=form.filled(**{field: address}), timeout=30).ok


@pytest.mark.parametrize(("stored", "browser", "expected"), [
    ("nb", "en-GB", "nb"), ("en", "nb-NO", "en"), (None, "nb-NO", "nb"), (None, "en-GB", "en"), (None, "fr", "en"),
])  # fmt: skip
def test_mails_speak_the_recipients_language(
    live: Callable[..., Live], sink: Any, stored: str | None, browser: str, expected: str
) -> None:
    from idp.accounts import passwords, service
    from idp.accounts.models import Account
    from idp.kernel.database import db
    from idp.organizations import service as organizations

    here = live(database="sqlite", worker=True, ONIX_MAIL_URL=sink.url)
    words = SUBJECTS[expected]

    def came(address: str, count: int) -> Any:
        letter = sink.wait(address, count)
        assert f'lang="{expected}"' in letter.html, letter.html[:300]
        return letter

    person = here.world.account(locale=stored)
    _ask(here.issuer, "/password/forgot", person.address, browser)
    assert words["reset"] in came(person.address, 1).subject.casefold()
    _ask(here.issuer, "/signup", person.address, browser)
    assert words["known"] in came(person.address, 2).text
    if stored is not None:
        place = here.world.organization()
        member = here.world.member(place, email=person.address, email_normalized=person.address, status="contact")
        with here.app.app_context():
            hashed = passwords.hash_password("lake-orange-tractor-nine")
            with unit_of_work():
                organizations.link_address(person.account_id, person.address)
                organizations.invite(member)
            with unit_of_work():
                service.change_password(db.session.get_one(Account, person.account_id), hashed)
        texts = [came(person.address, number) for number in (3, 4)]
        said = " ".join(letter.subject + letter.text for letter in texts)
        assert words["invitation"] in said and words["told"] in said
    else:
        stranger = f"new-{person.address}"
        _ask(here.issuer, "/signup", stranger, browser)
        letter = came(stranger, 1)
        assert words["new"].casefold() in (letter.subject + letter.text).casefold()
