"""second factors"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def _account(**options: bool) -> sa.Column[str]:
    return sa.Column('account_id', sa.String(length=36), sa.ForeignKey('account.id', ondelete='CASCADE'), **options)


def upgrade() -> None:
    op.create_table(
        'authenticator',
        _account(primary_key=True, nullable=False),
        sa.Column('seed', sa.String(length=300), nullable=False),
        sa.Column('last_step', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('last_used_at', sa.BigInteger(), nullable=True),
    )
    op.create_table(
        'recovery_code',
        sa.Column('id', sa.String(length=36), primary_key=True, nullable=False),
        _account(nullable=False),
        sa.Column('code_digest', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('spent_at', sa.BigInteger(), nullable=True),
    )
    op.create_index('ix_recovery_code_account', 'recovery_code', ['account_id', 'code_digest'], unique=True)
    op.create_table(
        'passkey',
        sa.Column('id', sa.String(length=36), primary_key=True, nullable=False),
        _account(nullable=False),
        sa.Column('credential_id', sa.String(length=1400), nullable=False),
        sa.Column('public_key', sa.String(length=1400), nullable=False),
        sa.Column('sign_count', sa.BigInteger(), nullable=False),
        sa.Column('aaguid', sa.String(length=36), nullable=False),
        sa.Column('transports', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
        sa.Column('synced', sa.Boolean(), nullable=False),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('last_used_at', sa.BigInteger(), nullable=True),
        sa.UniqueConstraint('credential_id', name='uq_passkey_credential_id'),
    )
    op.create_index('ix_passkey_account_id', 'passkey', ['account_id'])
    op.create_table(
        'ceremony',
        sa.Column('id', sa.String(length=36), primary_key=True, nullable=False),
        sa.Column('purpose', sa.String(length=20), nullable=False),
        sa.Column('browser_digest', sa.String(length=64), nullable=False),
        _account(nullable=True),
        sa.Column('secret', sa.String(length=300), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.Column('spent_at', sa.BigInteger(), nullable=True),
    )
    op.create_index('ix_ceremony_account_id', 'ceremony', ['account_id'])
    op.create_index('ix_ceremony_expires_at', 'ceremony', ['expires_at'])
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('passkey_offered_at', sa.BigInteger(), nullable=True))
    with op.batch_alter_table('organization', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('second_factor_required', sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table('organization', recreate='never') as batch_op:
        batch_op.drop_column('second_factor_required')
    with op.batch_alter_table('account', recreate='never') as batch_op:
        batch_op.drop_column('passkey_offered_at')
    for table in ('ceremony', 'passkey', 'recovery_code', 'authenticator'):
        op.drop_table(table)
