"""lists: a role's holders by organization, and the audit trail by person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('member_role', schema=None) as batch_op:
        batch_op.add_column(sa.Column('organization_id', sa.String(length=36), nullable=True))
    op.execute(
        'UPDATE member_role SET organization_id ='
        ' (SELECT m.organization_id FROM member m WHERE m.id = member_role.member_id)'
    )
    with op.batch_alter_table('member_role', schema=None) as batch_op:
        batch_op.alter_column('organization_id', existing_type=sa.String(length=36), nullable=False)
        batch_op.create_index(
            'ix_member_role_organization', ['organization_id', 'role_id', 'member_id'], unique=False
        )
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_audit_entry_at'))
        batch_op.create_index('ix_audit_entry_at', ['at', 'id'], unique=False)
        batch_op.create_index('ix_audit_entry_member_id', ['member_id'], unique=False)
    with op.batch_alter_table('seat', schema=None) as batch_op:
        batch_op.create_index('ix_seat_assigned', ['assigned_at', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('seat', recreate='never') as batch_op:
        batch_op.drop_index('ix_seat_assigned')
    with op.batch_alter_table('audit_entry', recreate='never') as batch_op:
        batch_op.drop_index('ix_audit_entry_member_id')
        batch_op.drop_index('ix_audit_entry_at')
        batch_op.create_index(batch_op.f('ix_audit_entry_at'), ['at'], unique=False)
    with op.batch_alter_table('member_role', recreate='never') as batch_op:
        batch_op.drop_index('ix_member_role_organization')
        batch_op.drop_column('organization_id')
