"""people"""

from __future__ import annotations

from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('member', schema=None) as batch_op:
        batch_op.drop_index('ix_member_search')
        batch_op.create_index('ix_member_search', ['organization_id', 'search_text', 'id', 'type'], unique=False)
        batch_op.create_index('ix_member_state', ['organization_id', 'status', 'search_text', 'id', 'type', 'account_id', 'ended_reason'], unique=False)
        batch_op.create_index('ix_member_added', ['organization_id', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_member_used', ['organization_id', 'last_used_at', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('member', recreate='never') as batch_op:
        batch_op.drop_index('ix_member_used')
        batch_op.drop_index('ix_member_added')
        batch_op.drop_index('ix_member_state')
        batch_op.drop_index('ix_member_search')
        batch_op.create_index('ix_member_search', ['organization_id', 'search_text', 'id'], unique=False)
