"""How many SQL statements a block of code sends, and how often it commits durably."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event

_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")
_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Statements:
    """`texts` are the statements in order; `commits` counts transactions that changed a row and were committed."""

    texts: list[str] = field(default_factory=list)
    commits: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def __str__(self) -> str:
        return "\n".join(f"{number}. {' '.join(text.split())}" for number, text in enumerate(self.texts, 1))


def _alone(connection: Connection) -> bool:
    """Whether a statement sent now is a transaction by itself, as the driver sees it."""
    driver: Any = connection.connection.dbapi_connection
    return not driver.in_transaction if connection.dialect.name == "sqlite" else bool(driver.autocommit)


@contextmanager
def counting() -> Iterator[Statements]:
    """Count everything that any engine of this process sends while the block runs; transaction control is left out."""
    seen = Statements()

    def executed(
        connection: Connection, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool
    ) -> None:
        text = statement.lstrip().upper()
        if text.startswith(_CONTROL):
            return
        seen.texts.append(statement)
        if text.startswith(_WRITES) or (text.startswith("WITH") and any(f"{word} " in text for word in _WRITES)):
            if _alone(connection):
                seen.commits += 1
            else:
                connection.info["onix_test_wrote"] = True

    def committed(connection: Connection) -> None:
        if connection.info.pop("onix_test_wrote", False):
            seen.commits += 1

    def rolled_back(connection: Connection) -> None:
        connection.info.pop("onix_test_wrote", None)

    listeners = (("before_cursor_execute", executed), ("commit", committed), ("rollback", rolled_back))
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)
