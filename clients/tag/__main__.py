"""`python -m clients.tag` serves Onix Tag."""

from __future__ import annotations

from clients.relying_party.serve import serve

if __name__ == "__main__":
    raise SystemExit(serve("tag", "clients.tag.app:create_app"))
