"""closing reminder"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('closing_reminded_at', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('account', recreate='never') as batch_op:
        batch_op.drop_column('closing_reminded_at')
