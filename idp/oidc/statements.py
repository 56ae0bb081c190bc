"""The hot paths' SQL, in one place: prebuilt Core statements, so that a token costs few round trips and little Python.

Every statement that judges a token reads all that its identity stands on in the same breath: the authorization, the
client, the account and the session (`*_standing`). What the person may do is `organizations.facts.load_facts`.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from sqlalchemy import Select, Table, and_, bindparam, exists, insert, literal_column, or_, select, update

from idp.accounts.models import Account, EmailAddress, Signature
from idp.sessions.models import Session

from .models import Authorization, AuthorizationCode, Client, RefreshToken, RevokedAccessToken


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


authorization = _table(Authorization)
client = _table(Client)
account = _table(Account)
session = _table(Session)
email = _table(EmailAddress)
signature = _table(Signature)
code = _table(AuthorizationCode)
refresh = _table(RefreshToken)
revoked = _table(RevokedAccessToken)
caller = client.alias("caller")

_standing = [
    *(column for column in authorization.c if column.name not in ("created_at", "withdrawn_reason")),
    client.c.status.label("client_status"),
    client.c.rev.label("client_rev"),
    account.c.status.label("account_status"),
    session.c.ended_at.label("session_ended_at"),
    session.c.ended_reason.label("session_ended_reason"),
    session.c.expires_at.label("session_expires_at"),
    session.c.last_seen_at.label("session_last_seen_at"),
]
_ground = (
    authorization.join(client, client.c.id == authorization.c.client_id)
    .outerjoin(account, account.c.id == authorization.c.account_id)
    .outerjoin(session, session.c.id == authorization.c.sid)
)
_person = [
    column.label(f"person_{column.name}")
    for column in account.c
    if column.name
    in {
        "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
        "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at",
    }
]  # fmt: skip
person_names = tuple(column.name.removeprefix("person_") for column in _person)
"""What the person's columns are called without `person_`, in the order in which `of_person` gives them."""
of_person = attrgetter(*(column.name for column in _person))
_primary = and_(email.c.account_id == account.c.id, email.c.is_primary)
_signature = [signature.c.id.label("signature_id"), signature.c.digest.label("signature_digest")]
_present = and_(signature.c.account_id == account.c.id, signature.c.put_aside_at.is_(None))


def _code(*extra: Any) -> Select[Any]:
    return (
        select(
            code.c.code_digest, code.c.client_id.label("code_client_id"), code.c.redirect_uri, code.c.code_challenge,
            code.c.expires_at.label("code_expires_at"), code.c.spent_at, *_standing, *extra,
        )
        .select_from(code.join(_ground, authorization.c.id == code.c.authorization_id))
        .where(code.c.code_digest == bindparam("digest"))
    )  # fmt: skip


code_standing = _code()
"""A code, spent or not, with its authorization's standing."""

refresh_standing = (
    select(
        refresh.c.token_digest, refresh.c.client_id.label("token_client_id"), refresh.c.scope.label("token_scope"),
        refresh.c.expires_at.label("token_expires_at"), refresh.c.spent_at, refresh.c.successor_digest, *_standing,
    )
    .select_from(refresh.join(_ground, authorization.c.id == refresh.c.authorization_id))
    .where(refresh.c.token_digest == bindparam("digest"))
)  # fmt: skip
"""A refresh token, spent or not, with its authorization's standing."""

held_against_withdrawal = (
    select(authorization.c.withdrawn_at)
    .where(authorization.c.id == bindparam("authorization_id"))
    .with_for_update(read=True)
)
"""When an authorization was withdrawn; who withdraws it now waits until the transaction ends."""

refresh_standing_locked = refresh_standing.with_for_update(of=refresh)
"""The same, holding the token's row until the transaction ends, so that parallel uses queue."""

token_standing = (
    select(*_standing, exists().where(revoked.c.jti == bindparam("jti")).label("revoked"),
           caller.c.status.label("caller_status"), caller.c.rev.label("caller_rev"))
    .select_from(_ground.outerjoin(caller, caller.c.id == bindparam("caller")))
    .where(authorization.c.id == bindparam("authorization_id"))
)  # fmt: skip
"""What an access token stands on, whether it was revoked by itself, and the state of the client that asks."""

person_standing = (
    select(*_standing, exists().where(revoked.c.jti == bindparam("jti")).label("revoked"), *_person,
           email.c.address.label("person_email"), email.c.verified_at.label("person_email_verified_at"))
    .select_from(_ground.outerjoin(email, _primary))
    .where(authorization.c.id == bindparam("authorization_id"))
)  # fmt: skip
"""The same with the person's own data, for UserInfo."""

person_standing_signed = (
    select(*_standing, exists().where(revoked.c.jti == bindparam("jti")).label("revoked"), *_person, *_signature,
           email.c.address.label("person_email"), email.c.verified_at.label("person_email_verified_at"))
    .select_from(_ground.outerjoin(email, _primary).outerjoin(signature, _present))
    .where(authorization.c.id == bindparam("authorization_id"))
)  # fmt: skip
"""The same with which signature the person has: for a token with the scope of that name."""

person = (
    select(*_person, *_signature, email.c.address.label("person_email"),
           email.c.verified_at.label("person_email_verified_at"))
    .select_from(account.outerjoin(email, _primary).outerjoin(signature, _present))
    .where(account.c.id == bindparam("account_id"))
)  # fmt: skip
"""The person's own data alone: for an ID Token whose request asked for some of them."""

signature_standing = (
    select(*_standing, signature.c.image.label("signature_image"), signature.c.digest.label("signature_digest"))
    .select_from(_ground.join(signature, _present))
    .where(authorization.c.id == bindparam("authorization_id"), signature.c.id == bindparam("signature_id"))
)
"""A signature that is still its owner's, with the standing of the authorization that it was given through."""

machine_standing = (
    select(client.c.status, client.c.rev, authorization.c.id.label("authorization_id"))
    .select_from(
        client.outerjoin(
            authorization,
            and_(
                authorization.c.client_id == client.c.id,
                authorization.c.account_id.is_(None),
                authorization.c.withdrawn_at.is_(None),
            ),
        )
    )
    .where(client.c.id == bindparam("client"))
    .order_by(authorization.c.id)
    .limit(1)
)
"""A client's state and its standing authorization for itself, the first one if there should be several."""

spend_code = (
    update(code)
    .where(code.c.code_digest == bindparam("digest"), code.c.spent_at.is_(None))
    .values(spent_at=bindparam("now"))
)
spend_refresh = (
    update(refresh)
    .where(refresh.c.token_digest == bindparam("digest"), refresh.c.spent_at.is_(None))
    .values(spent_at=bindparam("now"), successor_digest=bindparam("successor"))
)
_told_now = (
    select(authorization.c.told).where(authorization.c.id == refresh.c.authorization_id).correlate(refresh)
).scalar_subquery()
rotate_refresh = spend_refresh.returning(_told_now)
"""The same at rotation. Gives what the client has been told by now: it may have been told of a loss meanwhile."""

replace_successor = (
    update(refresh)
    .where(refresh.c.token_digest == bindparam("digest"), refresh.c.successor_digest == bindparam("old"))
    .values(successor_digest=bindparam("successor"))
    .returning(_told_now)
)
revive_refresh = update(refresh).where(refresh.c.token_digest == bindparam("digest")).values(spent_at=None)
insert_refresh = insert(refresh)
insert_refresh_telling = insert_refresh.returning(
    # by its name, since SQLAlchemy correlates nothing with the row that an INSERT makes
    select(authorization.c.told)
    .where(authorization.c.id == literal_column(f"{refresh.name}.authorization_id"))
    .scalar_subquery()
)
"""The same for a client that has redeemed a code. Gives what it has been told by now."""
insert_authorization = insert(authorization)
insert_opened = insert(authorization).values(
    {column.name: bindparam(f"opened_{column.name}") for column in authorization.c}
)
"""The same for an authorization whose code comes with it."""
insert_code = insert(code).values({column.name: bindparam(f"code_{column.name}") for column in code.c})
tell = (
    update(authorization)
    .where(
        authorization.c.id == bindparam("authorization_id"),
        or_(
            authorization.c.told.is_distinct_from(bindparam("verdict")),
            authorization.c.member_id.is_distinct_from(bindparam("member")),
        ),
    )
    .values(told=bindparam("verdict"), member_id=bindparam("member"), organization_id=bindparam("organization"))
)
insert_revoked = insert(revoked)
