"""Feedback: questions, verdicts and votes in one SQLite file, if the team turns it on.

What is kept of a question: when and where it was asked (to the surface, never to the person),
its redacted text, the verdict, the ids shown, and votes. Every write is committed and synced
before it returns, so that kill -9 or a power cut loses nothing that was acknowledged; WAL lets
several processes write at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from advisor.errors import AdvisorError, BadSettings, UnknownName
from advisor.judged import Judged
from advisor.redaction import redacted
from advisor.results import Answer, Verdict
from advisor.settings import Settings

Surface = Literal["cli", "tui", "slack", "http", "mcp"]
# A writer waits this long for the others; a commit takes some 5 ms.
BUSY_SECONDS = 30
# More than anyone reads of a pasted log, and enough to see what was asked.
KEPT_CHARACTERS = 4000
DAY = 86_400

_TABLES = """
CREATE TABLE IF NOT EXISTS questions (
    id TEXT PRIMARY KEY, asked REAL NOT NULL, surface TEXT NOT NULL, question TEXT NOT NULL,
    verdict TEXT NOT NULL, shown TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS questions_by_time ON questions (asked);
CREATE TABLE IF NOT EXISTS votes (
    question TEXT NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
    entry TEXT NOT NULL, voter TEXT NOT NULL, helpful INTEGER NOT NULL,
    PRIMARY KEY (question, entry, voter)
);
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A kept question. `shown` holds entry ids, best first; votes count by entry id."""

    id: str
    at: float
    surface: str
    question: str
    verdict: Verdict
    shown: tuple[str, ...]
    helpful: Mapping[str, int]
    not_helpful: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Feedback:
    """The store in one file. Threads and processes may share it; `now` is for tests."""

    path: Path
    keep_days: int
    now: Callable[[], float] = time.time

    def record(self, surface: Surface, answer: Answer, question_id: str = "") -> str:
        """Keep an answered question; its id, which nobody can guess, is needed to vote.

        Who may answer the same question twice gives it an id, and it is kept once.
        """
        question_id = question_id or secrets.token_hex(8)
        row = (
            question_id,
            self.now(),
            surface,
            redacted(answer.question)[:KEPT_CHARACTERS],
            answer.verdict,
            json.dumps([match.entry.id for match in answer.matches]),
        )
        with self._open() as database:
            self._drop_old(database)
            database.execute("INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?, ?, ?)", row)
        return question_id

    def vote(
        self,
        question_id: str,
        entry_id: str,
        helpful: bool,
        voter: str = "",
        known: Container[str] = (),
    ) -> str:
        """Keep a vote on a shown entry ('' means the first); a voter's second replaces the first.

        `voter` may be a user's id: only a mark is kept that differs from question to question.
        `known` are entries that may be voted for too, since a conversation may have led to them.
        The entry's id; raises UnknownName for a question or entry that is not there.
        """
        mark = hashlib.blake2b(f"{question_id}\n{voter}".encode(), digest_size=8).hexdigest()
        with self._open() as database:
            found = database.execute(
                "SELECT shown FROM questions WHERE id = ?", (question_id,)
            ).fetchone()
            if found is None:
                raise UnknownName("kept question", question_id, (), "It may have been deleted.")
            shown = json.loads(found[0])
            if not entry_id and shown:
                entry_id = shown[0]
            if entry_id not in shown and entry_id not in known:
                raise UnknownName("shown entry", entry_id, shown, f"Shown: {', '.join(shown)}")
            database.execute(
                "INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?)",
                (question_id, entry_id, mark if voter else "", int(helpful)),
            )
        return entry_id

    def questions(self) -> list[Asked]:
        """Every question that is still kept, oldest first."""
        with self._open() as database:
            self._drop_old(database)
            rows = database.execute("SELECT * FROM questions ORDER BY asked, id").fetchall()
            votes = database.execute(
                "SELECT question, entry, helpful, count(*) FROM votes GROUP BY 1, 2, 3"
            ).fetchall()
        counted: dict[tuple[str, int], dict[str, int]] = {}
        for question_id, entry_id, helpful, count in votes:
            counted.setdefault((question_id, helpful), {})[entry_id] = count
        return [
            Asked(
                id=row[0],
                at=row[1],
                surface=row[2],
                question=row[3],
                verdict=row[4],
                shown=tuple(json.loads(row[5])),
                helpful=counted.get((row[0], 1), {}),
                not_helpful=counted.get((row[0], 0), {}),
            )
            for row in rows
        ]

    def forget(self, question_id: str) -> bool:
        """Delete a question with its votes; whether it was there."""
        return self._delete("id = ?", question_id) > 0

    def forget_containing(self, text: str) -> int:
        """Delete the questions that contain the text, in upper or lower case; how many."""
        return self._delete("instr(lower(question), lower(?)) > 0", text)

    def forget_older(self, days: float) -> int:
        """Delete the questions asked more than `days` ago; how many."""
        return self._delete("asked < ?", self.now() - days * DAY)

    def forget_all(self) -> int:
        """Delete every question and vote; how many questions."""
        return self._delete("1 = ?", 1)

    def _delete(self, condition: str, value: object) -> int:
        with self._open() as database:
            # The condition is one of the four above; the value goes in as a parameter.
            done = database.execute(f"DELETE FROM questions WHERE {condition}", (value,))  # noqa: S608
            count = done.rowcount
        with self._open() as database:
            # What was deleted must not stay readable in the log of writes.
            database.commit()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _drop_old(self, database: sqlite3.Connection) -> None:
        database.execute(
            "DELETE FROM questions WHERE asked < ?", (self.now() - self.keep_days * DAY,)
        )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection within one transaction; opened each time, so that forks and threads fit."""
        try:
            self._create()
            database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            with contextlib.closing(database):
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA foreign_keys = ON")
                database.execute("PRAGMA secure_delete = ON")
                database.executescript(_TABLES)
                database.execute("BEGIN IMMEDIATE")
                yield database
                if database.in_transaction:
                    database.commit()
        except (sqlite3.Error, OSError) as error:
            raise AdvisorError(
                f"The feedback file '{self.path}' cannot be used: {error}.",
                "Set DLADVISOR_FEEDBACK to a file that can be written, or unset it.",
            ) from error

    def _create(self) -> None:
        """Make the file readable to its owner alone: it holds what people asked."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))


def of(settings: Settings) -> Feedback | None:
    """The settings' store, or None where the team has not turned it on."""
    if settings.feedback is None:
        return None
    return Feedback(settings.feedback, settings.feedback_days)


def required(settings: Settings) -> Feedback:
    """The settings' store; raises BadSettings where it is not turned on."""
    store = of(settings)
    if store is None:
        raise BadSettings(
            "No feedback is kept here.",
            "Turn it on by naming a file: export DLADVISOR_FEEDBACK=~/dladvisor-feedback.sqlite",
        )
    return store


def judged(questions: list[Asked]) -> list[Judged]:
    """Votes as questions to measure on: an entry with more helpful votes than not is graded 2.

    The same question asked again is one question whose votes are added. Questions without a
    vote for any entry say nothing about what is right and are left out.
    """
    sums: dict[str, dict[str, int]] = {}
    ids: dict[str, str] = {}
    for asked in questions:
        key = " ".join(asked.question.casefold().split())
        ids.setdefault(key, asked.id)
        votes = sums.setdefault(key, {})
        for counted, sign in ((asked.helpful, 1), (asked.not_helpful, -1)):
            for entry_id, count in counted.items():
                votes[entry_id] = votes.get(entry_id, 0) + sign * count
    texts = {asked.id: asked.question for asked in questions}
    return [
        Judged(ids[key], texts[ids[key]], {name: 2 for name, sum_ in votes.items() if sum_ > 0})
        for key, votes in sums.items()
        if any(sum_ > 0 for sum_ in votes.values())
    ]
