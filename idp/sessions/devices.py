"""What a browser is called by people: "Chrome on Windows". Pure.

From the User-Agent header, which says what it likes: a help for recognizing one's own, never a ground for a decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from ua_parser import parse

_SYSTEMS = {"Mac OS X": "macOS", "Other": None, "Chrome OS": "ChromeOS"}
_BROWSERS = {"Mobile Safari": "Safari", "Chrome Mobile": "Chrome", "Firefox Mobile": "Firefox", "Other": None}
_HAND_HELD = frozenset({"iOS", "Android"})


@dataclass(frozen=True, slots=True)
class Device:
    """`browser` and `system` are names, None for what nobody knows. `hand_held`: a phone or tablet."""

    browser: str | None
    system: str | None

    @property
    def hand_held(self) -> bool:
        return self.system in _HAND_HELD


def device_of(user_agent: str) -> Device:
    """The device behind a User-Agent header; the library reads at most what a session keeps of it."""
    found = parse(user_agent[:300])
    browser = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    return Device(
        _BROWSERS.get(browser, browser) if browser else None, _SYSTEMS.get(system, system) if system else None
    )


def network_shown(address: str) -> str:
    """The network of an address, as much of it as is shown: the first 24 bits of IPv4, 48 of IPv6; empty for none.

    Enough to tell one's office from elsewhere, and no address of anybody's home (docs/decisions/0026).
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))
