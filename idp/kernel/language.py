"""Which language a person reads: English or Norwegian Bokmål.

In this order: what the person chose on the page (kept in the signed cookie), what the application asked for
(`ui_locales`, OpenID Connect Core §3.1.2.1), what the account says, what the browser says, the default setting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from babel import dates
from flask import Flask, current_app, g, has_request_context, request
from flask import session as cookie
from flask_babel import Babel, format_date, format_datetime, get_locale, refresh
from werkzeug.exceptions import HTTPException

from . import continuation

LANGUAGES = {"en": "English", "nb": "Norsk (bokmål)"}
_BOKMAAL = {"nb", "no", "nn"}  # whoever asks for any Norwegian is served the one we have

babel = Babel()


def match(tags: str | Iterable[str] | None) -> str | None:
    """The first of these BCP 47 tags that we speak, as "en" or "nb"; None when there is none.

    A text is read as `ui_locales` writes it: tags in order of preference, separated by spaces.
    """
    for tag in tags.split() if isinstance(tags, str) else tags or ():
        primary = tag.replace("_", "-").split("-", 1)[0].lower()
        if primary in _BOKMAAL:
            return "nb"
        if primary == "en":
            return "en"
    return None


def hint(tags: str | None) -> None:
    """Remember for this request what an application asked for; called by pages that know (`ui_locales`)."""
    g.language_hint = tags
    refresh()


def current() -> str:
    """Give "en" or "nb" for whoever reads this answer; outside a request the default."""
    if not has_request_context():
        return default()
    return (
        match([str(cookie.get("language", ""))])
        or match(getattr(g, "language_hint", None))
        or match(_asked_by_the_application())
        or match(_of_the_account())
        or match(request.accept_languages.values())
        or default()
    )


def default() -> str:
    """The language of the settings."""
    settings = current_app.extensions.get("onix_settings")
    return str(getattr(settings, "default_locale", "en"))


def shown() -> str:
    """Give "en" or "nb" as Babel translates right now: `current()`, unless a mail or a test has forced another."""
    locale = get_locale()
    return match([str(locale)]) or "en" if locale else default()


def on_date(instant: int) -> str:
    """An instant (UTC seconds) as a date in the person's language: "22 November 2026", "22. november 2026"."""
    pattern = "d. MMMM y" if shown() == "nb" else "d MMMM y"
    return str(format_date(datetime.fromtimestamp(instant, tz=UTC), pattern))


def date_in(spoken: str, instant: int) -> str:
    """The same in the language that is given: for mails, which nobody is reading yet."""
    pattern = "d. MMMM y" if spoken == "nb" else "d MMMM y"
    return str(dates.format_date(datetime.fromtimestamp(instant, tz=UTC), pattern, locale=spoken))


def on_day(instant: int) -> str:
    """An instant (UTC seconds) as a short date for the columns of lists: "22 Nov 2026", "22. nov. 2026"."""
    pattern = "d. MMM y" if shown() == "nb" else "d MMM y"
    return str(format_date(datetime.fromtimestamp(instant, tz=UTC), pattern))


def at_time(instant: int) -> str:
    """An instant (UTC seconds) as date and time of day in the person's language, in UTC and saying so."""
    pattern = "d. MMM y HH:mm" if shown() == "nb" else "d MMM y, HH:mm"
    return f"{format_datetime(datetime.fromtimestamp(instant, tz=UTC), pattern)} UTC"


def iso(instant: int) -> str:
    """An instant for machines: `2026-11-22T09:30:00+00:00`."""
    return datetime.fromtimestamp(instant, tz=UTC).isoformat(timespec="seconds")


def init_app(app: Flask) -> None:
    """Hook Babel on the application and give every template `language`, `language_links` and `this_page`."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "en")
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", "UTC")
    babel.init_app(app, locale_selector=current)
    app.before_request(_choose)
    app.jinja_env.filters["on_date"] = on_date
    app.jinja_env.filters["at_time"] = at_time
    app.jinja_env.filters["iso"] = iso
    app.jinja_env.filters["on_day"] = on_day

    @app.context_processor
    def _names() -> dict[str, Any]:
        return {"language": shown(), "language_links": _links, "this_page": this_page}


def _choose() -> None:
    """`?lang=nb` on any page keeps the choice; a reading preference, so a GET may set it."""
    chosen = match([request.args.get("lang", "")]) if "lang" in request.args else None
    if chosen and cookie.get("language") != chosen:
        cookie["language"] = chosen
        refresh()


def this_page() -> str:
    """The path of the page being answered if it can be opened again with GET, else the start page."""
    if not has_request_context():
        return "/"
    readable = request.method in ("GET", "HEAD")
    if not readable and (adapter := current_app.create_url_adapter(request)):
        readable = adapter.test(method="GET")
    path = quote(request.path, safe="/:@!$&'()*+,;=~-._")
    return path if readable and not path.startswith("//") else "/"


def _links() -> list[tuple[str, str, str]]:
    """(language, its own name, address) of each language other than the shown one, for the foot of a page."""
    path, parameters = this_page(), []
    if has_request_context() and path != "/":
        parameters = [(key, value) for key, value in request.args.items(multi=True) if key != "lang"]
    return [
        (code, name, f"{path}?{urlencode([*parameters, ('lang', code)])}")
        for code, name in LANGUAGES.items()
        if code != shown()
    ]


def _asked_by_the_application() -> str | None:
    """The `language` that a continuation carries, when this page was reached through one."""
    try:
        handle = request.values.get("continue")
    except HTTPException:  # the page that says that the form is too large is rendered too
        handle = request.args.get("continue")
    if not handle:
        return None
    if "continuation_language" not in g:
        found = continuation.find(handle)
        g.continuation_language = (found.context or {}).get("language") if found else None
    return g.continuation_language  # type: ignore[no-any-return]


def _of_the_account() -> list[str]:
    """The language stored on the account of the signed-in person; read through Flask-Login, which floors above fill."""
    if not hasattr(current_app, "login_manager"):
        return []
    from flask_login import current_user

    account = getattr(current_user, "account", None)
    locale = getattr(account, "locale", None)
    return [locale] if locale else []
