"""What Slack sent and was not yet answered, and the conversations, in one SQLite file.

A payload is written here before it is acknowledged, so that kill -9 loses none, and its key
stays after it was answered, so that a retry by Slack is not answered again, also across a
restart. One process at a time uses a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from advisor.errors import AdvisorError

DAY = 86_400
# Slack retries for an hour at most.
KEYS_DAYS = 3
# A thread that rests longer than this begins anew.
CONVERSATION_DAYS = 14

_TABLES = """
CREATE TABLE IF NOT EXISTS payloads (
    key TEXT PRIMARY KEY, at REAL NOT NULL, tries INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT
);
CREATE TABLE IF NOT EXISTS conversations (
    key TEXT PRIMARY KEY, at REAL NOT NULL, state TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Payload:
    """What Slack sent. `tries` counts the attempts to answer it, this one included."""

    key: str
    kind: str
    body: dict[str, Any]
    tries: int


class Inbox:
    """The store; threads may share it. `close` lets another process use the file."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._now, self._lock = now, threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._owner = FileLock(f"{path}.lock", timeout=0)
            self._owner.acquire()
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # NORMAL survives kill -9; syncing each payload would cost the acknowledgement its time.
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
                self._database.execute(f"PRAGMA {pragma}")
            self._database.executescript(_TABLES)
        except Timeout:
            raise AdvisorError(
                f"Another dladvisor already uses '{path}'.",
                "Stop it, or give this one a file of its own with --state.",
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise AdvisorError(
                f"The file '{path}' cannot be used: {error}.", "Give another one with --state."
            ) from error

    def close(self) -> None:
        """Close the file and let others use it."""
        with self._lock:
            self._database.close()
        self._owner.release()

    def take_in(self, key: str, kind: str, body: dict[str, Any] | None) -> bool:
        """Keep a payload, or its key alone; False if that was here before."""
        with self._transaction() as database:
            self._drop_old(database)
            done = database.execute(
                "INSERT OR IGNORE INTO payloads VALUES (?, ?, 0, ?, ?)",
                (key, self._now(), kind, None if body is None else json.dumps(body)),
            )
            return done.rowcount == 1

    def claim(self, key: str) -> Payload | None:
        """The payload, counted as tried once more; None if it was answered."""
        with self._transaction() as database:
            database.execute("UPDATE payloads SET tries = tries + 1 WHERE key = ?", (key,))
            row = database.execute(
                "SELECT kind, body, tries FROM payloads WHERE key = ? AND body IS NOT NULL", (key,)
            ).fetchone()
        return Payload(key, row[0], json.loads(row[1]), row[2]) if row else None

    def done(self, key: str) -> None:
        """Forget the payload, keep its key."""
        with self._transaction() as database:
            database.execute("UPDATE payloads SET body = NULL WHERE key = ?", (key,))

    def waiting(self) -> list[str]:
        """Keys of what was not answered, oldest first."""
        with self._transaction() as database:
            rows = database.execute("SELECT key FROM payloads WHERE body IS NOT NULL ORDER BY at")
            return [row[0] for row in rows]

    def keep(self, key: str, state: dict[str, Any], answered: str = "") -> None:
        """Keep a conversation's state, and in the same step that payload as answered.

        A process killed between the two would take the same turn again after its restart.
        """
        with self._transaction() as database:
            database.execute("UPDATE payloads SET body = NULL WHERE key = ?", (answered,))
            database.execute(
                "INSERT OR REPLACE INTO conversations VALUES (?, ?, ?)",
                (key, self._now(), json.dumps(state)),
            )

    def conversation(self, key: str) -> dict[str, Any] | None:
        """A conversation's state, if it is kept."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT state FROM conversations WHERE key = ?", (key,)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def _drop_old(self, database: sqlite3.Connection) -> None:
        now = self._now()
        database.execute("DELETE FROM payloads WHERE at < ?", (now - KEYS_DAYS * DAY,))
        database.execute("DELETE FROM conversations WHERE at < ?", (now - CONVERSATION_DAYS * DAY,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.rollback()
                raise
            self._database.commit()
