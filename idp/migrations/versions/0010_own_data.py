"""own data"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

CLOSED = sa.text('closes_at IS NOT NULL')


def upgrade() -> None:
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('closes_at', sa.BigInteger(), nullable=True))
        batch_op.create_index(
            'ix_account_closes_at', ['closes_at'], unique=False, sqlite_where=CLOSED, postgresql_where=CLOSED
        )
    op.create_table(
        'pin',
        sa.Column('account_id', sa.String(length=36), nullable=False),
        sa.Column('organization_id', sa.String(length=36), nullable=False),
        sa.Column('app_id', sa.String(length=40), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['account_id'], ['account.id'], name=op.f('fk_pin_account_id'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['organization_id'], ['organization.id'], name=op.f('fk_pin_organization_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('account_id', 'organization_id', 'app_id', name=op.f('pk_pin')),
    )
    op.create_index(op.f('ix_pin_organization_id'), 'pin', ['organization_id'], unique=False)
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.drop_constraint('fk_session_organization_id', type_='foreignkey')
        batch_op.drop_column('organization_id')


def downgrade() -> None:
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('organization_id', sa.String(length=36), nullable=True))
        batch_op.create_foreign_key(
            'fk_session_organization_id', 'organization', ['organization_id'], ['id'], ondelete='SET NULL'
        )
    op.drop_table('pin')
    op.execute("UPDATE account SET status = 'active' WHERE status = 'closing'")
    with op.batch_alter_table('account', recreate='never') as batch_op:
        batch_op.drop_index('ix_account_closes_at')
        batch_op.drop_column('closes_at')
