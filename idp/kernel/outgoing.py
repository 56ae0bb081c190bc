"""Calls to addresses that others registered: a client's key set, its back-channel logout."""

from __future__ import annotations

from functools import cache

from requests_hardened import Config, Manager


@cache
def caller(connect: float, read: float, *, loopback: bool) -> Manager:
    """What makes them. They never reach private networks and follow no redirects (R34).

    `connect` and `read` are seconds; `loopback` lets them reach this machine, for the local demo only.
    """
    return Manager(
        Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=loopback,
            never_redirect=True,
            default_timeout=(connect, read),
            user_agent_override="Onix-Account",
        )
    )
