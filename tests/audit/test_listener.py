"""The audit trail (R46): who, what, whom, from where, with which result; never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import g

from idp.accounts.events import AccountDisabled, ActivationRequested
from idp.audit.models import AuditEntry
from idp.kernel.database import db, unit_of_work
from idp.kernel.events import Event, emit
from idp.oidc.events import AuthorizationWithdrawn, ClientRegistered


def _entry() -> AuditEntry:
    return db.session.query(AuditEntry).one()


def test_an_event_becomes_one_entry(context: Any) -> None:
    with unit_of_work():
        emit(ClientRegistered(at=7, actor_id="someone", client_id="tag", organization_id="org"))
    entry = _entry()
    assert (entry.at, entry.event, entry.result) == (7, "ClientRegistered", "ok")
    assert (entry.actor_id, entry.client_id, entry.organization_id) == ("someone", "tag", "org")
    assert entry.request_id is None and entry.address is None


def test_a_request_gives_its_id_and_address(app: Any) -> None:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        app.preprocess_request()
        with unit_of_work():
            emit(AccountDisabled(at=1, account_id="a"))
        entry = _entry()
        assert entry.request_id == g.request_id and entry.address == "192.0.2.7" and entry.account_id == "a"


def test_what_is_rolled_back_leaves_no_entry(context: Any) -> None:
    with pytest.raises(RuntimeError), unit_of_work():
        emit(AccountDisabled(at=1, account_id="a"))
        raise RuntimeError
    assert db.session.query(AuditEntry).count() == 0


def test_mail_addresses_are_not_in_the_trail(context: Any) -> None:
    with unit_of_work():
        emit(ActivationRequested(at=1, proof_id="p", address="kari@bedrift.example", language="nb", known=False))
    entry = _entry()
    assert entry.data == {"proof_id": "p", "known": False}


def test_reasons_are_results_and_long_lists_are_counted(context: Any) -> None:
    with unit_of_work():
        emit(AuthorizationWithdrawn(at=1, authorization_ids=tuple(f"a{n}" for n in range(50)), reason="code_reused"))
    entry = _entry()
    assert entry.result == "code_reused"
    assert entry.data == {"authorization_ids": {"count": 50}, "reason": "code_reused"}


@dataclass(frozen=True, kw_only=True)
class _Careless(Event):
    password: str
    note: str


def test_r19_a_careless_event_leaks_nothing(context: Any) -> None:
    with unit_of_work():
        emit(_Careless(at=1, password="correct-horse", note="token=abcdef123456 and more"))
    assert _entry().data == {"password": "[redacted]", "note": "[redacted] and more"}
