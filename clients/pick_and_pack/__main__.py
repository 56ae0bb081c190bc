"""`python -m clients.pick_and_pack` serves Onix Pick and Pack."""

from __future__ import annotations

from clients.relying_party.serve import serve

if __name__ == "__main__":
    raise SystemExit(serve("pickandpack", "clients.pick_and_pack.app:create_app"))
