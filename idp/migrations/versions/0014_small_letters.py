"""addresses are compared in small letters"""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

_TABLES = (
    ('email_address', 'address', 'normalized'),
    ('mailbox_proof', 'address', 'normalized'),
    ('guest_request', 'address', 'normalized'),
    ('member', 'email', 'email_normalized'),
)


def upgrade() -> None:
    """They were folded, which made addresses of different domains alike."""
    connection = op.get_bind()
    for name, typed, compared in _TABLES:
        table = sa.table(name, sa.column('id'), sa.column(typed), sa.column(compared))
        address, normalized = table.c[typed], table.c[compared]
        # Of plain ASCII either is the same on both databases, so few rows are left to be looked at.
        rows = connection.execute(sa.select(table.c.id, address).where(sa.func.lower(address) != normalized)).all()
        for row_id, text in rows:
            small = unicodedata.normalize('NFC', text.lower())
            connection.execute(sa.update(table).where(table.c.id == row_id).values({normalized: small}))


def downgrade() -> None:
    """Addresses that folding would make alike can't be told apart again: they stay as they are."""
