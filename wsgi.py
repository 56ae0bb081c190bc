"""The WSGI entry: `wsgi:app` for whichever server runs it; `onix-account serve` runs it on Granian."""

from idp import create_app

app = create_app()
