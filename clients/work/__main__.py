"""`python -m clients.work` serves Onix Work."""

from __future__ import annotations

from clients.relying_party.serve import serve

if __name__ == "__main__":
    raise SystemExit(serve("work", "clients.work.app:create_app"))
