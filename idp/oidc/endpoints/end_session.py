"""OpenID RP-Initiated Logout 1.0: what a relying party may ask, and when the person is asked first.

Authlib's endpoint trusts a hint by its signature alone (security P12). Here the hint is also compared with the session
of this browser: anybody could have an old ID Token, and signing somebody out is a nuisance that needs a reason.

    a genuine hint of this very session ──> sign out at once, go where the client asked
    anything else, somebody is signed in ──> ask the person, then the same
    nobody is signed in                  ──> nothing to end; go where a genuine hint allows, else the signed-out page
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from idp import sessions
from idp.kernel import language
from idp.kernel.secrets import read_link, sign_link
from idp.kernel.web import allow_form_action
from idp.settings import current_settings

from ..clients import find_client
from ..extensions.issuer import origin
from ..extensions.openid import read_id_token

PURPOSE = "end-session"
LIFETIME = 600  # seconds a person may think about it
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class LogoutWish:
    """A logout request that holds. `sub` and `sid` are those of a genuine `id_token_hint`.

    `target` is where to go afterwards, state included: registered, and asked by somebody who showed who asks.
    `language` is what `ui_locales` comes to.
    """

    client_id: str | None = None
    sub: str | None = None
    sid: str | None = None
    target: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that does not hold: no redirect, a page (§4). `reason`: hint, client, redirect_uri, repeated."""

    reason: str


def read(values: MultiDict[str, str]) -> LogoutWish | Fault:
    """Judge a logout request; nothing is done yet."""
    names = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
    if any(len(values.getlist(name)) > 1 for name in names):
        return Fault("repeated")
    hint, client_id, target, state = (values.get(name) or None for name in names)
    claims: dict[str, Any] | None = None
    if hint is not None:
        claims = read_id_token(hint, str(current_settings().issuer))
        if claims is None:
            return Fault("hint")
        audience = claims.get("aud")
        for_whom = audience if isinstance(audience, list) else [audience]
        if client_id is not None and client_id not in for_whom:
            return Fault("client")
        client_id = client_id or (for_whom[0] if for_whom and isinstance(for_whom[0], str) else None)
    client = find_client(client_id) if client_id else None
    if client_id is not None and client is None:
        return Fault("client")
    if target is not None and client is not None and client.enabled:
        if not client.check_post_logout_redirect_uri(target):
            return Fault("redirect_uri")
        if state is not None and (len(state) > LONGEST or "\0" in state):
            return Fault("redirect_uri")
        if state is not None:
            target += ("&" if "?" in target else "?") + urlencode({"state": state})
    else:
        target = None  # without a client that it is registered for and that is in use, nobody vouches for it (§3)
    sid = claims.get("sid") if claims else None
    return LogoutWish(
        client_id=client.id if client else None,
        sub=claims["sub"] if claims else None,
        sid=sid if isinstance(sid, str) else None,
        target=target,
        language=language.match(values.get("ui_locales")),
    )


def next_step(wish: LogoutWish, sub: str | None, sid: str | None) -> Literal["end", "ask", "leave"]:
    """Pure. `sub` and `sid` are of this browser's live session, None without one."""
    if sub is None or sid is None:
        return "leave"
    return "end" if wish.sub == sub and wish.sid == sid else "ask"


def destination(wish: LogoutWish, *, asked: bool) -> str | None:
    """Where to go: only on a genuine hint, or after the person said yes (§3)."""
    return wish.target if asked or wish.sub is not None else None


def sign(wish: LogoutWish) -> str:
    """The wish as it travels through this browser: signed, and without the ID Token."""
    return sign_link(PURPOSE, asdict(wish))


def unsign(text: str) -> LogoutWish | None:
    """The wish again, or None when it is forged or old. Another release may have signed it: only our fields count."""
    found = read_link(PURPOSE, text, LIFETIME)
    if not isinstance(found, dict):
        return None
    return LogoutWish(**{field.name: found[field.name] for field in fields(LogoutWish) if field.name in found})


def page(wish: LogoutWish, who: sessions.Actor | None) -> dict[str, Any]:
    """What the page that asks shows."""
    client = find_client(wish.client_id)
    if wish.target:
        allow_form_action(origin(wish.target))
    return {
        "wish": sign(wish),
        "client_name": client.name(language.current()) if client else None,
        "account": who.account if who else None,
    }
