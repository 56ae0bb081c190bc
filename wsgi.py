"""The WSGI entry: `wsgi:app` for whichever server runs it; `onix-account serve` runs it on Granian."""

import gc

from idp import create_app

app = create_app()

# What stands now stays: the collector need not walk it again and again between requests.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 10)
