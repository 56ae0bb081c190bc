"""The migrations make what the models say, on both databases; two upgrades at once queue."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from idp.kernel.database import db
from idp.migrations import head
from tests.support.configuration import environment
from tests.support.needs import ROOT
from tests.support.processes import clean_environment


def test_models_and_migrations_agree(context: Any) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from idp.migrations import import_models

    import_models()
    with db.engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLite can't reflect indexes over expressions
        migration = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(migration, db.metadata) == []


def test_indexes_over_expressions_are_there(context: Any) -> None:
    with db.engine.connect() as connection:
        query = (
            "SELECT name FROM sqlite_master"
            if db.engine.dialect.name == "sqlite"
            else "SELECT indexname FROM pg_indexes"
        )
        names = {row[0] for row in connection.execute(text(query))}
    assert {"uq_member_person", "uq_role_name"} <= names


def test_a_database_can_go_back_and_forth(context: Any) -> None:
    from flask_migrate import downgrade

    from idp.migrations import FOLDER, bring_to_head

    downgrade(directory=str(FOLDER), revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    assert bring_to_head() == head()


def test_a_loss_that_waits_during_the_upgrade_to_0003_is_compared_after_it(context: Any) -> None:
    """Also one that a process of the release before queues while it still runs."""
    from flask_migrate import downgrade

    from idp.kernel.database import unit_of_work
    from idp.migrations import FOLDER, bring_to_head
    from idp.oidc import authorizations

    queue = text("INSERT INTO loss_check (id, organization_id, cursor, created_at) VALUES (:id, 'o', '', 1)")
    downgrade(directory=str(FOLDER), revision="0002")
    with unit_of_work() as session:
        session.execute(queue, {"id": "before"})
    bring_to_head()
    with unit_of_work() as session:
        session.execute(queue, {"id": "meanwhile"})
    compared = []
    while authorizations.losses_due():
        with unit_of_work():
            compared.append(authorizations.expand_losses())
    assert compared == [0, 0]


def test_addresses_that_were_folded_are_compared_in_small_letters_after_0014(context: Any, world: Any) -> None:
    """P35: folding made `ß` two s, and so the mailbox of one domain another's."""
    from flask_migrate import downgrade

    from idp.accounts.models import EmailAddress
    from idp.migrations import FOLDER, bring_to_head
    from idp.organizations.models import Member

    world.account("Åse@straße.example")  # kept folded, as it was
    world.account("Åse@Plain.example")
    world.member(world.organization(), email="Ola@straße.example", email_normalized="ola@strasse.example")
    downgrade(directory=str(FOLDER), revision="0013")
    bring_to_head()
    found = db.session.scalars(db.select(EmailAddress.normalized).order_by(EmailAddress.normalized)).all()
    assert found == ["åse@plain.example", "åse@straße.example"]
    assert db.session.scalars(db.select(Member.email_normalized)).all() == ["ola@straße.example"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_upgrades_at_once_queue(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Three processes that start together on an empty database: each finds it at head."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
    else:
        url = request.getfixturevalue("postgresql").create("at_once")
    from idp.migrations import head

    told = clean_environment(**environment(url, "http://localhost:8000"))
    command = [sys.executable, "-m", "idp.cli", "db", "upgrade"]
    runs = [
        subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert (run.returncode, out) == (0, f"at {head()}\n"), err
