"""audit"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.add_column(sa.Column('app_ids', sa.String(length=200), server_default='', nullable=False))
        batch_op.add_column(sa.Column('authorization_id', sa.String(length=36), nullable=True))
        batch_op.create_index(batch_op.f('ix_audit_entry_authorization_id'), ['authorization_id'], unique=False)
        batch_op.drop_index(batch_op.f('ix_audit_entry_event'))
        batch_op.drop_index(batch_op.f('ix_audit_entry_organization_id'))
        batch_op.create_index('ix_audit_entry_event_at', ['event', 'at'], unique=False)
        batch_op.create_index('ix_audit_entry_organization_at', ['organization_id', 'at', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('audit_entry', recreate='never') as batch_op:
        batch_op.drop_index('ix_audit_entry_organization_at')
        batch_op.drop_index('ix_audit_entry_event_at')
        batch_op.create_index(batch_op.f('ix_audit_entry_organization_id'), ['organization_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_audit_entry_event'), ['event'], unique=False)
        batch_op.drop_index(batch_op.f('ix_audit_entry_authorization_id'))
        batch_op.drop_column('authorization_id')
        batch_op.drop_column('app_ids')
