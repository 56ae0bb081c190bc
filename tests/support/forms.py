"""Read and fill in the forms of a page, as a browser without JavaScript does."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin


@dataclass
class Form:
    """`fields` hold what a browser sends when nothing is typed, `buttons` each (name, value, text)."""

    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)

    def filled(self, **values: str) -> dict[str, str]:
        """What is sent after typing `values`."""
        return {**self.fields, **values}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._select: str | None = None
        self._textarea: str | None = None
        self._button: tuple[Form, str, str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value if value is not None else "" for name, value in attrs}
        if tag == "form":
            self._open = Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._open)
            if values.get("id"):
                self.by_id[values["id"]] = self._open
            return
        form = self.by_id.get(values.get("form", "")) or self._open
        if form is None:
            return
        name, kind = values.get("name", ""), values.get("type", "text").lower()
        if tag == "button" and values.get("type", "submit") == "submit":
            self._button, self._text = (form, name, values.get("value", "")), ""
        elif tag == "input" and kind == "submit":
            form.buttons.append((name, values.get("value", ""), values.get("value", "")))
        elif tag == "input" and kind in ("radio", "checkbox") and name:
            form.choices.setdefault(name, []).append(values.get("value", "on"))
            if "checked" in values:
                form.fields[name] = values.get("value", "on")
        elif tag == "input" and name:
            form.fields[name] = values.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select is not None:
            form.choices.setdefault(self._select, []).append(values.get("value", ""))
            if "selected" in values or self._select not in form.fields:
                form.fields[self._select] = values.get("value", "")
        elif tag == "textarea":
            self._textarea, self._text = name, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._textarea is not None and self._open is not None:
            self._open.fields[self._textarea], self._textarea = self._text.strip(), None
        elif tag == "button" and self._button is not None:
            form, name, value = self._button
            form.buttons.append((name, value, " ".join(self._text.split())))
            self._button = None


def forms_of(html: str, base: str = "") -> list[Form]:
    """Every form of a page, in order; an empty action means the page's own address `base`."""
    reader = _Reader()
    reader.feed(html)
    for form in reader.forms:
        form.action = urljoin(base, form.action) if form.action else base
    return reader.forms


def form_with(html: str, field_name: str, base: str = "") -> Form:
    """The first form of a page that has this field."""
    for form in forms_of(html, base):
        if field_name in form.fields or field_name in form.choices:
            return form
    raise AssertionError(f"no form with a field {field_name!r} on the page:\n{html[:3000]}")


class _Text(HTMLParser):
    """Collects what is read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "template")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "template")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def text_of(page: Any) -> str:
    """What a person reads on a page (its HTML, or an answer with it), white space folded; scripts and styles left out.

    Look here for a short text, never in the HTML: there stand form tokens, ids and the like, and what is random holds
    any three letters or digits once in a while.
    """
    reader = _Text()
    reader.feed(page if isinstance(page, str) else page.text)
    reader.close()
    return " ".join(" ".join(reader.parts).split())


def submit(client: Any, page: Any, field_name: str, **values: str) -> Any:
    """Fill in the form that has `field_name` on a page that Flask's test client fetched, and post it (no redirect)."""
    base = page.request.path
    if page.request.query_string:
        base += "?" + page.request.query_string.decode()
    form = form_with(page.get_data(as_text=True), field_name, base)
    return client.open(form.action, method=form.method.upper(), data=form.filled(**values))


def log_in(client: Any, address: str, password: str, path: str = "/login") -> Any:
    """Sign in on the provider's own page; gives its answer."""
    return submit(client, client.get(path), "password", identifier=address, password=password)


def browser_of(app: Any, world: Any, person: Any) -> Any:
    """A new browser in which this person of the world is signed in."""
    browser = app.test_client()
    log_in(browser, person.address, world.password)
    return browser
