"""platform"""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# What a list is searched by, and the columns that it is folded from.
FOLDED = (
    ('account', 310, ('family_name', 'given_name', 'middle_name')),
    ('organization', 300, ('name', 'slug', 'organization_number')),
)


def upgrade() -> None:
    for table, length, _parts in FOLDED:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column('search_text', sa.String(length=length), server_default='', nullable=False))
            batch_op.create_index(f'ix_{table}_search', ['search_text', 'id'], unique=False)
    for table, length, parts in FOLDED:
        _fold(table, length, parts)


def _fold(name: str, length: int, parts: tuple[str, ...]) -> None:
    """What was recorded before has to be found too."""
    table = sa.table(name, *(sa.column(column) for column in ('id', 'search_text', *parts)))
    connection = op.get_bind()
    last = ''
    while rows := connection.execute(
        sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(1000)
    ).all():
        for row in rows:
            words = ' '.join(' '.join(getattr(row, part) for part in parts if getattr(row, part)).split())
            folded = unicodedata.normalize('NFC', words.casefold())[:length]
            connection.execute(sa.update(table).where(table.c.id == row.id).values(search_text=folded))
        last = rows[-1].id


def downgrade() -> None:
    for table, _length, _parts in FOLDED:
        with op.batch_alter_table(table, recreate='never') as batch_op:
            batch_op.drop_index(f'ix_{table}_search')
            batch_op.drop_column('search_text')
