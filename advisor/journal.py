"""Past conversations, kept in one SQLite file on this computer and nowhere else."""

from __future__ import annotations

import datetime
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from advisor.errors import AdvisorError, BadQuestion, UnknownName

T = TypeVar("T")

_TABLE = """\
create table if not exists conversations (
    id integer primary key, started text not null, changed text not null,
    title text not null, turns integer not null, body text not null
)"""
# Two windows may write at once; a write takes milliseconds.
PATIENCE = 5.0
TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the list of past conversations; `changed` is local time, to the minute."""

    id: int
    changed: str
    title: str
    turns: int

    @property
    def length(self) -> str:
        """`1 turn`, `12 turns`: as wide for each, so that titles stand below each other."""
        return f"{self.turns:>2} turn{'s' if self.turns != 1 else ' '}"


@dataclass(frozen=True, slots=True)
class Journal:
    """The file of past conversations. Every call opens and closes it, so threads may share this.

    Each write is one transaction: a program killed at any point leaves what was saved before.
    Raises AdvisorError when the file cannot be read or written.
    """

    path: Path

    def save(self, key: int | None, title: str, body: dict[str, Any]) -> int:
        """Write a conversation, as a new one if `key` is None; returns its id."""
        now = datetime.datetime.now().isoformat(timespec="microseconds", sep=" ")
        short = " ".join(title.split())[:TITLE_LENGTH]
        values = (now, short, len(body["turns"]), json.dumps(body, ensure_ascii=False))

        def write(database: sqlite3.Connection) -> int:
            if key is not None:
                changed = database.execute(
                    "update conversations set changed = ?, title = ?, turns = ?, body = ? "
                    "where id = ?",
                    (*values, key),
                )
                if changed.rowcount:
                    return key
            added = database.execute(
                "insert into conversations (started, changed, title, turns, body) "
                "values (?, ?, ?, ?, ?)",
                (now, *values),
            )
            return int(added.lastrowid or 0)

        return self._do(write)

    def all(self) -> list[Kept]:
        """Every conversation, the last changed first."""
        query = (
            "select id, substr(changed, 1, 16), title, turns from conversations "
            "order by changed desc, id desc"
        )
        return self._do(lambda database: [Kept(*row) for row in database.execute(query)])

    def read(self, key: int | None = None) -> tuple[int, dict[str, Any]]:
        """Id and body of one conversation, the last one if `key` is None.

        Raises UnknownName if there is no such one, BadQuestion if there is none at all.
        """
        kept = self.all()
        if key is None and not kept:
            raise BadQuestion("No conversations are kept yet.", "Begin one: dladvisor chat")
        chosen = key if key is not None else kept[0].id
        query = "select body from conversations where id = ?"
        row = self._do(lambda database: database.execute(query, (chosen,)).fetchone())
        if row is None:
            known = [str(item.id) for item in kept]
            raise UnknownName("conversation", str(chosen), known, "List them: dladvisor history")
        try:
            body = json.loads(row[0])
        except ValueError as error:
            raise self._problem(error) from error
        return chosen, body

    def delete(self, key: int | None = None) -> int:
        """Delete one conversation, or all of them; returns how many."""

        def remove(database: sqlite3.Connection) -> int:
            # Deleted text must not stay in free pages of the file.
            database.execute("pragma secure_delete = on")
            if key is None:
                return database.execute("delete from conversations").rowcount
            return database.execute("delete from conversations where id = ?", (key,)).rowcount

        return self._do(remove)

    def _do(self, act: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._open() as database:
                return act(database)
        except (sqlite3.Error, OSError) as error:
            raise self._problem(error) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            # Logs hold paths and names: nobody else on this computer should read them.
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database, database:
            database.execute(_TABLE)
            yield database

    def _problem(self, error: Exception) -> AdvisorError:
        return AdvisorError(
            f"The history in '{self.path}' cannot be used: {error}.",
            "Delete or repair the file, or go without: --no-history, DLADVISOR_HISTORY=off.",
        )
