"""`python -m clients.oneoffice` serves OneOffice."""

from __future__ import annotations

from clients.relying_party.serve import serve

if __name__ == "__main__":
    raise SystemExit(serve("oneoffice", "clients.oneoffice.app:create_app"))
