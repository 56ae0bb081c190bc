"""Projects and their documents:  planned ──start──▶ under way ──finish──▶ done;  draft ──publish──▶ published."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from clients.relying_party.rows import next_step, numbered, take, take_step

SCHEMA = """
CREATE TABLE IF NOT EXISTS projects (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, name TEXT NOT NULL, customer TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'under way', 'done')), moved_by TEXT,
  UNIQUE (organization_id, number));
CREATE TABLE IF NOT EXISTS documents (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, project_id TEXT NOT NULL REFERENCES projects (id),
  title TEXT NOT NULL, written_by TEXT NOT NULL, published_by TEXT);
CREATE INDEX IF NOT EXISTS documents_of ON documents (organization_id, title);
"""

STEPS = {"start": ("planned", "under way"), "finish": ("under way", "done")}

_FIRST = (
    ("P-310", "Crane hall, Sotra", "Havn & Last AS", "under way", (("Load plan", "Ida Bø"), ("Rigging drawing", None))),
    ("P-311", "Quay lift, Florø", "Kystservice AS", "planned", (("Risk assessment", None),)),
    ("P-298", "Boom change, Odda", "Fjellbygg AS", "done", (("Handover protocol", "Ida Bø"),)),
)


@dataclass(frozen=True)
class Project:
    """A piece of work for a customer, and how far it has come."""

    id: str
    number: str
    name: str
    customer: str
    status: str
    moved_by: str | None

    @property
    def next_step(self) -> str | None:
        """The only step that can be taken now, if any."""
        return next_step(STEPS, self.status)


@dataclass(frozen=True)
class Document:
    """A document of a project; a draft until somebody publishes it."""

    id: str
    project: str
    title: str
    written_by: str
    published_by: str | None


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    for number, name, customer, status, documents_ in _FIRST:
        project_id = secrets.token_hex(8)
        connection.execute(
            "INSERT INTO projects (id, organization_id, number, name, customer, status) VALUES (?, ?, ?, ?, ?, ?)",
            (project_id, organization_id, number, name, customer, status),
        )
        connection.executemany(
            "INSERT INTO documents VALUES (?, ?, ?, ?, 'Ola Dal', ?)",
            [(secrets.token_hex(8), organization_id, project_id, title, by) for title, by in documents_],
        )


def projects(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Project]:
    """A page of the organization's projects, those that are furthest from done first."""
    rows = connection.execute(
        "SELECT id, number, name, customer, status, moved_by FROM projects WHERE organization_id = ?"
        " ORDER BY CASE status WHEN 'planned' THEN 0 WHEN 'under way' THEN 1 ELSE 2 END, number LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Project(**row) for row in rows]


def add_project(connection: sqlite3.Connection, organization_id: str, number: str, name: str, customer: str) -> None:
    """Plan a project. Raises `Taken`."""
    with numbered():
        connection.execute(
            "INSERT INTO projects (id, organization_id, number, name, customer) VALUES (?, ?, ?, ?, ?)",
            (secrets.token_hex(8), organization_id, number, name, customer),
        )


def move(connection: sqlite3.Connection, organization_id: str, id_: str, step: str, by: str) -> bool | None:
    """Take `step` for one project. False when it is not at that point any more, None when there is no such project."""
    return take_step(connection, "projects", organization_id, id_, STEPS[step], moved_by=by)


def documents(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Document]:
    """A page of the organization's documents, by project and title."""
    rows = connection.execute(
        "SELECT documents.id, projects.number AS project, title, written_by, published_by FROM documents"
        " JOIN projects ON projects.id = project_id WHERE documents.organization_id = ?"
        " ORDER BY projects.number, title, documents.id LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Document(**row) for row in rows]


def add_document(connection: sqlite3.Connection, organization_id: str, project: str, title: str, by: str) -> bool:
    """Add a draft to the project with this number. False when the organization has none with it."""
    return bool(
        connection.execute(
            "INSERT INTO documents (id, organization_id, project_id, title, written_by)"
            " SELECT ?, organization_id, id, ?, ? FROM projects WHERE organization_id = ? AND number = ?",
            (secrets.token_hex(8), title, by, organization_id, project),
        ).rowcount
    )


def publish(connection: sqlite3.Connection, organization_id: str, id_: str, by: str) -> bool | None:
    """Publish a draft. False when it is published already, None when there is no such document."""
    return take(connection, "documents", organization_id, id_, "published_by = :by", "published_by IS NULL", by=by)
