"""profile"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('title', sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column('theme', sa.String(length=8), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('account', recreate='never') as batch_op:
        batch_op.drop_column('theme')
        batch_op.drop_column('title')
