"""lists: a role's holders by organization, and the audit trail by person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
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
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.alter_column(
            'search_text', existing_type=sa.String(length=310), type_=sa.String(length=600),
            existing_server_default='', existing_nullable=False,
        )
    _fold_addresses()


def _fold_addresses() -> None:
    """Accounts are searched by their addresses too, in the one column."""
    account = sa.table('account', sa.column('id'), sa.column('search_text'))
    email = sa.table('email_address', *map(sa.column, ('account_id', 'normalized', 'created_at')))
    connection = op.get_bind()
    last = ''
    while rows := connection.execute(
        sa.select(account).where(account.c.id > last).order_by(account.c.id).limit(1000)
    ).all():
        known: dict[str, list[str]] = {row.id: [] for row in rows}
        for mine in connection.execute(
            sa.select(email)
            .where(email.c.account_id.in_(known))
            .order_by(email.c.created_at, email.c.normalized)
        ):
            known[mine.account_id].append(mine.normalized)
        for row in rows:
            found = ' '.join([row.search_text, *known[row.id]]).strip()[:600]
            if found != row.search_text:
                connection.execute(sa.update(account).where(account.c.id == row.id).values(search_text=found))
        last = rows[-1].id


def downgrade() -> None:
    account = sa.table('account', sa.column('search_text'))
    op.execute(sa.update(account).values(search_text=sa.func.substr(account.c.search_text, 1, 310)))
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.alter_column(
            'search_text', existing_type=sa.String(length=600), type_=sa.String(length=310),
            existing_server_default='', existing_nullable=False,
        )
    with op.batch_alter_table('seat', recreate='never') as batch_op:
        batch_op.drop_index('ix_seat_assigned')
    with op.batch_alter_table('audit_entry', recreate='never') as batch_op:
        batch_op.drop_index('ix_audit_entry_member_id')
        batch_op.drop_index('ix_audit_entry_at')
        batch_op.create_index(batch_op.f('ix_audit_entry_at'), ['at'], unique=False)
    with op.batch_alter_table('member_role', recreate='never') as batch_op:
        batch_op.drop_index('ix_member_role_organization')
        batch_op.drop_column('organization_id')
