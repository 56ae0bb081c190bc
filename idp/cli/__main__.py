"""`python -m idp.cli` is `onix-account`."""

from . import main

main()
