"""loss checks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('loss_check', schema=None) as batch_op:
        batch_op.add_column(sa.Column('member_ids', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True))
        # What waits already, and what a process of the release before still queues, is of a whole organization and due.
        batch_op.add_column(sa.Column('due_at', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.create_index(batch_op.f('ix_loss_check_due_at'), ['due_at'], unique=False)
    with op.batch_alter_table('authorization', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_authorization_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index('ix_authorization_withdrawn_at', ['withdrawn_at'], unique=False, sqlite_where=sa.text('withdrawn_at IS NOT NULL'), postgresql_where=sa.text('withdrawn_at IS NOT NULL'))


def downgrade() -> None:
    with op.batch_alter_table('authorization', schema=None) as batch_op:
        batch_op.drop_index('ix_authorization_withdrawn_at', sqlite_where=sa.text('withdrawn_at IS NOT NULL'), postgresql_where=sa.text('withdrawn_at IS NOT NULL'))
        batch_op.drop_index(batch_op.f('ix_authorization_expires_at'))

    with op.batch_alter_table('loss_check', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_loss_check_due_at'))
        batch_op.drop_column('due_at')
        batch_op.drop_column('member_ids')
