"""*Companies*: a supplier's customers, their contacts and Onix Express users, and those who ask for access.

Start reading: `listed.py`, then `company.py`. `many.py` invites several in one act and `typed.py` reads what was pasted
for it; `asked.py` is *Handle Requests*; `due.py` shows what the ladders will do and have said.
"""

from __future__ import annotations

from idp.organizations.numbers import shown as number_shown

from .. import blueprint
from . import asked, company, due, listed, many

blueprint.add_app_template_filter(number_shown, "organization_number")

__all__ = ["asked", "company", "due", "listed", "many"]
