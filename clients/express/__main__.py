"""`python -m clients.express` serves Onix Express."""

from __future__ import annotations

from clients.relying_party.serve import serve

if __name__ == "__main__":
    raise SystemExit(serve("express", "clients.express.app:create_app"))
