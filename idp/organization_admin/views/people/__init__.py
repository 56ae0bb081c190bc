"""*People*: contacts and users in one list; one by itself; many at once; from a table and to one.

Start reading: `listed.py`, then `person.py`. `choices.py` has the words, `forms.py` what is typed, `sheet.py` reads a
table without knowing what it is for; `images.py` is what the organization sees of a person.
"""

from .. import blueprint
from . import images, listed, many, person, table
from .choices import state_of

blueprint.add_app_template_filter(state_of, "member_state")

__all__ = ["images", "listed", "many", "person", "table"]
