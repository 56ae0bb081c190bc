"""images"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('picture',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('handle', sa.String(length=43), nullable=False),
    sa.Column('small', sa.LargeBinary(), nullable=False),
    sa.Column('medium', sa.LargeBinary(), nullable=False),
    sa.Column('large', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('put_aside_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_picture_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_picture'))
    )
    with op.batch_alter_table('picture', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_picture_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_picture_handle'), ['handle'], unique=False)
        batch_op.create_index(batch_op.f('ix_picture_put_aside_at'), ['put_aside_at'], unique=False)
        batch_op.create_index('uq_picture_current', ['account_id'], unique=True, sqlite_where=sa.text('put_aside_at IS NULL'), postgresql_where=sa.text('put_aside_at IS NULL'))

    op.create_table('signature',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('made', sa.String(length=16), nullable=False),
    sa.Column('image', sa.LargeBinary(), nullable=False),
    sa.Column('width', sa.BigInteger(), nullable=False),
    sa.Column('height', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('put_aside_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_signature_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signature'))
    )
    with op.batch_alter_table('signature', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signature_account_id'), ['account_id'], unique=False)
        batch_op.create_index('uq_signature_current', ['account_id'], unique=True, sqlite_where=sa.text('put_aside_at IS NULL'), postgresql_where=sa.text('put_aside_at IS NULL'))

    op.create_table('member_image',
    sa.Column('member_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('image', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('uploaded_by', sa.String(length=36), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_member_image_member_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('member_id', 'kind', name=op.f('pk_member_image'))
    )
    with op.batch_alter_table('member', schema=None) as batch_op:
        batch_op.add_column(sa.Column('picture', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('signature', sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('member', recreate='never') as batch_op:
        batch_op.drop_column('signature')
        batch_op.drop_column('picture')
    op.drop_table('member_image')
    op.drop_table('signature')
    op.drop_table('picture')
