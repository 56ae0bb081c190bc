"""What a person reads in: the language, English or Norwegian Bokmål, the time zone, and light or dark.

The language, in this order: what the person chose on the page (kept in the signed cookie), what the application asked
for (`ui_locales`, OpenID Connect Core §3.1.2.1), what the account says, what the browser says, the default setting. The
theme: what was chosen on the page, then the account's, else the system's. Signing in forgets what was chosen before,
where the account says otherwise. The time zone is the account's, else the browser's, which a cookie of ours tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel import dates
from flask import Flask, current_app, g, has_request_context, request
from flask import session as cookie
from flask_babel import Babel, format_date, format_datetime, get_locale, refresh
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException

from . import continuation

THEMES = ("light", "dark")
LANGUAGES = {"en": "English", "nb": "Norsk (bokmål)"}
_BOKMAAL = {"nb", "no", "nn"}  # whoever asks for any Norwegian is served the one we have

# How dates are written in each: whole, in the columns of lists, with the time of day.
_LONG = {"en": "d MMMM y", "nb": "d. MMMM y"}
_SHORT = {"en": "d MMM y", "nb": "d. MMM y"}
_TIMED = {"en": "d MMM y, HH:mm", "nb": "d. MMM y HH:mm"}

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


def zone() -> str:
    """The time zone of whoever reads, a name of the IANA database: what the account says, else what the browser tells,
    else UTC."""
    if not has_request_context():
        return "UTC"
    return _known("zoneinfo") or _of_the_browser() or "UTC"


def _of_the_browser() -> str | None:
    """A cookie says what it likes: only a zone that there is counts."""
    told = request.cookies.get("zone")
    return told if told in _zones() else None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _zone_of(name: str) -> tzinfo:
    """The zone of this name; UTC for one that is not there (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _there(instant: int, where: str | None) -> datetime:
    return datetime.fromtimestamp(instant, tz=_zone_of(where or zone()))


def on_date(instant: int, where: str | None = None) -> str:
    """An instant (UTC seconds) as a date in the person's language: "22 November 2026", "22. november 2026".

    `where` is a time zone, by default the reader's. A day that somebody chose (a license's end) is one of "UTC".
    """
    return str(format_date(_there(instant, where).date(), _LONG[shown()], rebase=False))


def date_in(spoken: str, instant: int) -> str:
    """The same in the language that is given: for mails, which nobody is reading yet."""
    return str(dates.format_date(datetime.fromtimestamp(instant, tz=UTC), _LONG[spoken], locale=spoken))


def calendar_day(day: str) -> str:
    """A day of the calendar, `YYYY-MM-DD`, which no time zone moves, as `on_date` writes one."""
    return str(format_date(date.fromisoformat(day), _LONG[shown()]))


def on_day(instant: int, where: str | None = None) -> str:
    """The same as a short date for the columns of lists: "22 Nov 2026", "22. nov. 2026"."""
    return str(format_date(_there(instant, where).date(), _SHORT[shown()], rebase=False))


def at_time(instant: int, where: str | None = None) -> str:
    """An instant (UTC seconds) as date and time of day in the person's language and time zone, which it names."""
    there = _there(instant, where)
    name = there.tzname() or "UTC"
    if not name.isalpha():  # "+03", "-0330": a zone that nobody has given letters
        name = f"UTC{name}"
    return f"{format_datetime(there, _TIMED[shown()], rebase=False)} {name}"


def day_of(instant: int) -> date:
    """The day on which an instant (UTC seconds) lies for whoever reads."""
    return _there(instant, None).date()


def start_of(day: date) -> int:
    """When a day of whoever reads begins, in UTC seconds: 23 to 25 hours after the one before."""
    there = datetime(day.year, day.month, day.day, tzinfo=_zone_of(zone()))
    return int((there - datetime.fromtimestamp(0, tz=UTC)).total_seconds())


def end_of(day: date) -> int | None:
    """When it is over: the start of the day that follows. None for the last day of the calendar."""
    return None if day == date.max else start_of(day + timedelta(1))


def iso(instant: int) -> str:
    """An instant for machines: `2026-11-22T09:30:00+00:00`."""
    return datetime.fromtimestamp(instant, tz=UTC).isoformat(timespec="seconds")


def init_app(app: Flask) -> None:
    """Hook Babel on the application and give every template `language`, `theme`, their links, and `this_page`."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "en")
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", "UTC")
    babel.init_app(app, locale_selector=current)
    LazyString.__html__ = _as_text
    app.before_request(_choose)
    app.jinja_env.filters["on_date"] = on_date
    app.jinja_env.filters["at_time"] = at_time
    app.jinja_env.filters["iso"] = iso
    app.jinja_env.filters["on_day"] = on_day
    app.jinja_env.filters["calendar_day"] = calendar_day

    @app.context_processor
    def _names() -> dict[str, Any]:
        return {
            "language": shown(),
            "language_links": _links,
            "theme": theme(),
            "theme_links": _theme_links,
            "this_page": this_page,
        }


def _as_text(sentence: LazyString) -> Markup:
    """A lazy sentence on a page is text, also where it holds what somebody typed: the library takes it for markup."""
    return escape(str(sentence))


def _choose() -> None:
    """`?lang=nb` and `?theme=dark` on any page keep the choice; reading preferences, so a GET may set them."""
    chosen = match([request.args.get("lang", "")]) if "lang" in request.args else None
    if chosen and cookie.get("language") != chosen:
        cookie["language"] = chosen
        refresh()
    wanted = request.args.get("theme")
    if wanted in (*THEMES, "system") and cookie.get("theme") != wanted:
        cookie["theme"] = wanted


def follow_account(locale: str | None, theme: str | None) -> None:
    """Somebody has signed in: what the account says counts from now on, also in this browser.

    Where it says nothing, what was chosen here stays; what is chosen here afterwards stands above it again.
    """
    forget_choices(*(name for name, says in (("language", locale), ("theme", theme)) if says))


def forget_choices(*names: str) -> None:
    """What was chosen on a page of this browser, `language` or `theme`, counts no longer."""
    for name in names:
        cookie.pop(name, None)
    refresh()


def theme() -> str | None:
    """Give "light" or "dark" where the person wants one of them; None where the system decides."""
    if not has_request_context():
        return None
    chosen = cookie.get("theme") or _known("theme")
    return chosen if chosen in THEMES else None


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
    return [(code, name, _with("lang", code)) for code, name in LANGUAGES.items() if code != shown()]


def _theme_links() -> list[tuple[str, str]]:
    """(theme, address) of each theme other than the one that is on."""
    return [(name, _with("theme", name)) for name in (*THEMES, "system") if name != (theme() or "system")]


def _with(name: str, value: str) -> str:
    """The address of this page with one reading preference chosen."""
    path, parameters = this_page(), []
    if has_request_context() and path != "/":
        parameters = [(key, one) for key, one in request.args.items(multi=True) if key != name]
    return f"{path}?{urlencode([*parameters, (name, value)])}"


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
    """The language stored on the account of the signed-in person."""
    locale = _known("locale")
    return [locale] if locale else []


def _known(what: str) -> str | None:
    """What the signed-in person's account says; read through Flask-Login, which floors above fill."""
    if not hasattr(current_app, "login_manager"):
        return None
    from flask_login import current_user

    return getattr(getattr(current_user, "account", None), what, None)
