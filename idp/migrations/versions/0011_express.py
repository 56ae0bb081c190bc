"""express"""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_NORWEGIAN = re.compile(r'(?:NO)?(\d{9})(?:MVA)?')


def upgrade() -> None:
    with op.batch_alter_table('organization', schema=None) as batch_op:
        batch_op.add_column(sa.Column('number_key', sa.String(length=20), nullable=True))
        batch_op.create_index('ix_organization_number_key', ['number_key'], unique=False)
    with op.batch_alter_table('company', schema=None) as batch_op:
        batch_op.add_column(sa.Column('number_key', sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column('search_text', sa.String(length=300), server_default='', nullable=False))
        batch_op.add_column(sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))
        batch_op.create_index('ix_company_search', ['organization_id', 'search_text', 'id'], unique=False)
        batch_op.create_index('ix_company_number_key', ['organization_id', 'number_key'], unique=False)
        batch_op.create_index('ix_company_linked_organization_id', ['linked_organization_id'], unique=False)
    with op.batch_alter_table('member', schema=None) as batch_op:
        batch_op.add_column(sa.Column('active_since', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('terminates_at', sa.BigInteger(), nullable=True))
        batch_op.create_index(
            'ix_member_guests', ['status', 'created_at', 'id'], unique=False,
            sqlite_where=sa.text("type = 'express'"), postgresql_where=sa.text("type = 'express'"),
        )
    op.create_table('invitation_batch',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('organization_id', sa.String(length=36), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('asked', sa.String(length=64), nullable=False),
    sa.Column('results', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_invitation_batch_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitation_batch')),
    sa.UniqueConstraint('organization_id', 'key', name=op.f('uq_invitation_batch_organization_id_key'))
    )
    op.create_table('guest_request',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('organization_id', sa.String(length=36), nullable=False),
    sa.Column('given_name', sa.String(length=100), nullable=False),
    sa.Column('family_name', sa.String(length=100), nullable=False),
    sa.Column('address', sa.String(length=254), nullable=False),
    sa.Column('normalized', sa.String(length=254), nullable=False),
    sa.Column('company_name', sa.String(length=200), nullable=False),
    sa.Column('company_number', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=10), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.Column('confirmed_at', sa.BigInteger(), nullable=True),
    sa.Column('decided_at', sa.BigInteger(), nullable=True),
    sa.Column('decided_by', sa.String(length=36), nullable=True),
    sa.Column('outcome', sa.String(length=12), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('company_id', sa.String(length=36), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_guest_request_company_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_guest_request_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_guest_request'))
    )
    waiting = sa.text('confirmed_at IS NOT NULL AND decided_at IS NULL')
    op.create_index('uq_guest_request_open', 'guest_request', ['organization_id', 'normalized'], unique=True, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index('ix_guest_request_waiting', 'guest_request', ['organization_id', 'decided_at', 'confirmed_at'], unique=False)
    op.create_index('ix_guest_request_created_at', 'guest_request', ['created_at'], unique=False)
    op.create_table('ladder_mail',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('organization_id', sa.String(length=36), nullable=False),
    sa.Column('member_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('period', sa.String(length=36), nullable=False),
    sa.Column('days', sa.BigInteger(), nullable=False),
    sa.Column('sent_at', sa.BigInteger(), nullable=False),
    sa.Column('ends_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_ladder_mail_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_ladder_mail_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ladder_mail')),
    sa.UniqueConstraint('kind', 'member_id', 'period', 'days', name=op.f('uq_ladder_mail_kind_member_id_period_days'))
    )
    op.create_index('ix_ladder_mail_organization_id', 'ladder_mail', ['organization_id', 'sent_at'], unique=False)
    op.create_index(op.f('ix_ladder_mail_member_id'), 'ladder_mail', ['member_id'], unique=False)
    _fill('organization')
    _fill('company')


def _fill(name: str) -> None:
    """Numbers as they are compared, and what companies are searched by, of the rows that are there."""
    columns = ['id', 'name', 'organization_number', 'number_key'] + (['search_text'] if name == 'company' else [])
    table = sa.table(name, *(sa.column(column) for column in columns))
    connection = op.get_bind()
    last = ''
    while rows := connection.execute(
        sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(1000)
    ).all():
        for row in rows:
            values = {'number_key': _key(row.organization_number)}
            if name == 'company':
                words = ' '.join(' '.join(part for part in (row.name, row.organization_number) if part).split())
                values['search_text'] = unicodedata.normalize('NFC', words.casefold())[:300]
            connection.execute(sa.update(table).where(table.c.id == row.id).values(**values))
        last = rows[-1].id


def _key(typed: str | None) -> str | None:
    plain = ''.join(sign for sign in (typed or '').upper() if sign.isalnum())
    if not plain:
        return None
    norwegian = _NORWEGIAN.fullmatch(plain)
    return norwegian[1] if norwegian and plain.isascii() else plain[:20]


def downgrade() -> None:
    for table in ('ladder_mail', 'guest_request', 'invitation_batch'):
        op.drop_table(table)
    with op.batch_alter_table('member', recreate='never') as batch_op:
        batch_op.drop_index('ix_member_guests')
        batch_op.drop_column('terminates_at')
        batch_op.drop_column('active_since')
    with op.batch_alter_table('company', recreate='never') as batch_op:
        batch_op.drop_index('ix_company_linked_organization_id')
        batch_op.drop_index('ix_company_number_key')
        batch_op.drop_index('ix_company_search')
        batch_op.drop_column('version')
        batch_op.drop_column('search_text')
        batch_op.drop_column('number_key')
    with op.batch_alter_table('organization', recreate='never') as batch_op:
        batch_op.drop_index('ix_organization_number_key')
        batch_op.drop_column('number_key')
