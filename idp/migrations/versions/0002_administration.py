"""administration"""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op
revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('access_request',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('organization_id', sa.String(length=36), nullable=False),
    sa.Column('member_id', sa.String(length=36), nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('app_id', sa.String(length=40), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('detail', sa.String(length=20), nullable=True),
    sa.Column('message', sa.String(length=500), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('decided_at', sa.BigInteger(), nullable=True),
    sa.Column('decided_by', sa.String(length=36), nullable=True),
    sa.Column('outcome', sa.String(length=12), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_access_request_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_access_request_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_access_request_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access_request'))
    )
    with op.batch_alter_table('access_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_access_request_account_id'), ['account_id'], unique=False)
        batch_op.create_index('ix_access_request_waiting', ['organization_id', 'decided_at', 'created_at'], unique=False)
        batch_op.create_index('uq_access_request_open', ['member_id', 'app_id'], unique=True, sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))

    with op.batch_alter_table('license', schema=None) as batch_op:
        batch_op.add_column(sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))

    with op.batch_alter_table('member', schema=None) as batch_op:
        batch_op.add_column(sa.Column('search_text', sa.String(length=700), server_default='', nullable=False))
        batch_op.create_index('ix_member_search', ['organization_id', 'search_text', 'id'], unique=False)

    with op.batch_alter_table('organization', schema=None) as batch_op:
        batch_op.add_column(sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))

    with op.batch_alter_table('role', schema=None) as batch_op:
        batch_op.add_column(sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))

    _fold_names()


def _fold_names() -> None:
    """What was recorded before has to be found too."""
    member = sa.table(
        'member', *(sa.column(name) for name in ('id', 'given_name', 'family_name', 'email', 'search_text'))
    )
    connection = op.get_bind()
    last = ''
    while rows := connection.execute(
        sa.select(member).where(member.c.id > last).order_by(member.c.id).limit(1000)
    ).all():
        for row in rows:
            words = ' '.join(' '.join(part for part in (row.family_name, row.given_name, row.email) if part).split())
            folded = unicodedata.normalize('NFC', words.casefold())
            connection.execute(sa.update(member).where(member.c.id == row.id).values(search_text=folded[:700]))
        last = rows[-1].id


def downgrade() -> None:
    with op.batch_alter_table('role', recreate='never') as batch_op:
        batch_op.drop_column('version')

    with op.batch_alter_table('organization', recreate='never') as batch_op:
        batch_op.drop_column('version')

    with op.batch_alter_table('member', recreate='never') as batch_op:
        batch_op.drop_index('ix_member_search')
        batch_op.drop_column('search_text')

    with op.batch_alter_table('license', recreate='never') as batch_op:
        batch_op.drop_column('version')

    with op.batch_alter_table('access_request', recreate='never') as batch_op:
        batch_op.drop_index('uq_access_request_open', sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))
        batch_op.drop_index('ix_access_request_waiting')
        batch_op.drop_index(batch_op.f('ix_access_request_account_id'))

    op.drop_table('access_request')
