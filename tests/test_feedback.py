"""The feedback file: what is kept, for how long, by many processes, and through kill -9."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, SMALL_KB

from advisor import feedback
from advisor.errors import AdvisorError, BadSettings, UnknownName
from advisor.feedback import DAY, Feedback
from advisor.results import Answer
from advisor.settings import from_environment


@pytest.fixture
def store(tmp_path):
    return Feedback(tmp_path / "new" / "feedback.sqlite", 30)


def answered(advisor, question: str) -> Answer:
    return advisor.ask(question, 3)


def test_nothing_is_kept_unless_the_team_turns_it_on(tmp_path):
    assert feedback.of(from_environment(environment={})) is None
    with pytest.raises(BadSettings, match="No feedback"):
        feedback.required(from_environment(environment={}))
    turned_on = from_environment(environment={"DLADVISOR_FEEDBACK": str(tmp_path / "f")})
    assert feedback.of(turned_on) == Feedback(tmp_path / "f", 180)


@pytest.mark.parametrize("days", ["0", "-3", "soon", "1.5", "٣"])
def test_a_retention_that_makes_no_sense_is_refused(days):
    with pytest.raises(BadSettings, match="DLADVISOR_FEEDBACK_DAYS"):
        from_environment(environment={"DLADVISOR_FEEDBACK_DAYS": days})


def test_question_verdict_shown_ids_and_votes_are_kept(store, word_advisor):
    answer = answered(word_advisor, "loss climbs like a rocket")
    kept = store.record("http", answer)
    assert store.vote(kept, "", helpful=True, voter="ann") == "rocket-loss"
    store.vote(kept, answer.matches[1].entry.id, helpful=False, voter="ann")
    (asked,) = store.questions()
    assert (asked.id, asked.surface, asked.question, asked.verdict) == (
        kept,
        "http",
        "loss climbs like a rocket",
        answer.verdict,
    )
    assert asked.shown == tuple(match.entry.id for match in answer.matches)
    assert asked.helpful == {"rocket-loss": 1}
    assert asked.not_helpful == {answer.matches[1].entry.id: 1}


def test_a_voter_counts_once_and_is_not_kept_by_name(store, word_advisor):
    first, second = (
        store.record("slack", answered(word_advisor, "loss climbs like a rocket")) for _ in "12"
    )
    store.vote(first, "rocket-loss", helpful=True, voter="U0ANN")
    store.vote(first, "rocket-loss", helpful=False, voter="U0ANN")
    store.vote(first, "rocket-loss", helpful=True, voter="U0BOB")
    store.vote(second, "rocket-loss", helpful=True, voter="U0ANN")
    asked = {item.id: item for item in store.questions()}
    assert asked[first].helpful == {"rocket-loss": 1}
    assert asked[first].not_helpful == {"rocket-loss": 1}
    with sqlite3.connect(store.path) as database:
        marks = [row[0] for row in database.execute("SELECT voter FROM votes")]
    database.close()
    # The same person's marks differ from question to question.
    assert len(set(marks)) == 3
    assert b"U0ANN" not in raw(store)


def raw(store: Feedback) -> bytes:
    """All that the file and its log of writes hold."""
    return b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def test_secrets_and_addresses_never_reach_the_file(store, word_advisor):
    store.record("cli", answered(word_advisor, "loss is nan api_key=hunter2 ann@example.org"))
    assert store.questions()[0].question == "loss is nan api_key=[secret] [e-mail]"
    assert b"hunter2" not in raw(store)
    assert b"example.org" not in raw(store)


def test_a_long_paste_is_cut_after_it_was_redacted(store, word_advisor):
    key = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
    words = "loss is nan "
    store.record("cli", answered(word_advisor, words * 333 + key + words))
    (asked,) = store.questions()
    assert len(asked.question) == feedback.KEPT_CHARACTERS
    assert "ghp_" not in asked.question


def test_a_write_waits_for_the_disk_and_for_no_reader(store):
    with store._open() as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_only_its_owner_can_read_the_file(store, word_advisor):
    store.record("cli", answered(word_advisor, "loss is nan"))
    assert store.path.stat().st_mode & 0o077 == 0


def test_old_questions_go_by_themselves_and_take_their_votes_along(store, word_advisor):
    clock = [1000 * DAY]
    aged = Feedback(store.path, 30, lambda: clock[0])
    kept = aged.record("cli", answered(word_advisor, "loss is nan in the oldest run"))
    aged.vote(kept, "", helpful=True)
    clock[0] += 29 * DAY
    assert len(aged.questions()) == 1
    clock[0] += 2 * DAY
    aged.record("cli", answered(word_advisor, "gan paints one face"))
    assert [asked.question for asked in aged.questions()] == ["gan paints one face"]
    with sqlite3.connect(store.path) as database:
        assert database.execute("SELECT count(*) FROM votes").fetchone() == (0,)
    database.close()


def test_what_is_forgotten_cannot_be_read_from_the_file(store, word_advisor):
    for name in ("zebra", "lion", "tiger"):
        store.record("cli", answered(word_advisor, f"loss is nan since the {name} run"))
    kept = store.questions()[2].id
    assert b"zebra" in raw(store)
    assert store.forget_containing("ZEBRA run") == 1
    assert b"zebra" not in raw(store)
    assert store.forget(kept)
    assert not store.forget(kept)
    assert store.forget_older(1) == 0
    assert store.forget_all() == 1
    assert store.questions() == []
    assert b"lion" not in raw(store)


def test_votes_for_what_was_not_shown_are_refused(store, word_advisor):
    kept = store.record("cli", answered(word_advisor, "loss climbs like a rocket"))
    with pytest.raises(UnknownName, match="no kept question"):
        store.vote("0" * 16, "rocket-loss", helpful=True)
    with pytest.raises(UnknownName) as told:
        store.vote(kept, "rocket-lose", helpful=True)
    assert "rocket-loss" in told.value.hint


def test_a_file_that_is_no_database_is_told(tmp_path, word_advisor):
    (tmp_path / "f").write_text("not a database, but long enough to look like a file of one" * 20)
    with pytest.raises(AdvisorError, match="cannot be used"):
        Feedback(tmp_path / "f", 30).questions()


WRITER = """
import sys
from pathlib import Path
from types import SimpleNamespace
from advisor.feedback import Feedback
from advisor.results import Answer
store = Feedback(Path(sys.argv[1]), 30)
shown = (SimpleNamespace(entry=SimpleNamespace(id="some-entry")),)
for number in range(int(sys.argv[3])):
    kept = store.record("http", Answer(f"writer {sys.argv[2]} question {number}", "match", shown))
    store.vote(kept, "", helpful=True, voter=sys.argv[2])
    print(kept, flush=True)
"""


def writer(path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_many_processes_write_a_new_file_at_once(store):
    store.path.parent.mkdir()
    running = [writer(store.path, str(number), 25) for number in range(6)]
    acknowledged = {line for process in running for line in process.communicate()[0].split()}
    assert [process.returncode for process in running] == [0] * 6
    assert len(acknowledged) == 150
    assert {asked.id for asked in store.questions()} == acknowledged
    assert all(asked.helpful == {"some-entry": 1} for asked in store.questions())


def test_kill_9_loses_no_vote_that_was_acknowledged(store):
    store.path.parent.mkdir()
    acknowledged: set[str] = set()
    for pause in (0.3, 0.5, 0.7):
        process = writer(store.path, "killed", 100_000)
        assert process.stdout is not None
        acknowledged.add(process.stdout.readline().strip())
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        lines = process.stdout.read().split("\n")
        process.wait()
        process.stdout.close()
        # The last piece may be cut off by the kill: it was not acknowledged as a whole.
        acknowledged |= {line for line in lines[:-1] if line}
    voted = {asked.id for asked in store.questions() if asked.helpful == {"some-entry": 1}}
    assert len(acknowledged) > 10
    assert acknowledged <= voted


def test_votes_become_questions_to_measure_on(store, word_advisor):
    rocket = store.record("slack", answered(word_advisor, "loss climbs like a rocket"))
    again = store.record("slack", answered(word_advisor, "Loss  climbs like a ROCKET"))
    face = store.record("slack", answered(word_advisor, "my gan paints one face"))
    store.record("slack", answered(word_advisor, "nobody voted on this"))
    store.vote(rocket, "rocket-loss", helpful=True, voter="a")
    store.vote(again, "rocket-loss", helpful=True, voter="b")
    store.vote(again, "rocket-loss", helpful=False, voter="c")
    store.vote(face, "same-face", helpful=False, voter="a")
    (item,) = feedback.judged(store.questions())
    assert (item.question, item.grades) == ("loss climbs like a rocket", {"rocket-loss": 2})
    store.vote(again, "rocket-loss", helpful=False, voter="b")
    assert feedback.judged(store.questions()) == []


def test_the_terminal_keeps_votes_and_measures(run_cli, tmp_path):
    kept = str(tmp_path / "f.sqlite")
    done = run_cli("loss climbs like a rocket", DLADVISOR_FEEDBACK=kept)
    question_id = done.stderr.split("dladvisor vote ")[1].split()[0]
    done = run_cli("vote", question_id, "yes", DLADVISOR_FEEDBACK=kept)
    assert done.stdout == "Kept: rocket-loss helped.\n"
    assert Feedback(Path(kept), 30).questions()[0].surface == "cli"
    done = run_cli("eval", "--from-feedback", "--json", DLADVISOR_FEEDBACK=kept)
    figures = json.loads(done.stdout)
    assert figures["questions"]["in_scope"] == 1
    assert figures["systems"]["dladvisor"]["hit@1"]["mean"] == 1
    done = run_cli("forget", "--all", DLADVISOR_FEEDBACK=kept)
    assert done.stdout == "1 question deleted.\n"
    done = run_cli("eval", "--from-feedback", DLADVISOR_FEEDBACK=kept)
    assert done.returncode == 1
    assert "No question" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("gaps",), ("vote", "x", "yes"), ("forget", "--all"), ("eval", "--from-feedback"), ("eval",)],
)
def test_without_a_file_the_commands_say_how_to_turn_it_on(run_cli, arguments):
    done = run_cli(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert arguments == ("eval",) or "DLADVISOR_FEEDBACK" in done.stderr


def test_a_feedback_file_that_cannot_be_written_does_not_cost_the_answer(run_cli, tmp_path):
    (tmp_path / "file").write_text("")
    done = run_cli("loss is nan", DLADVISOR_FEEDBACK=str(tmp_path / "file" / "f.sqlite"))
    assert done.returncode == 0
    assert done.stdout
    assert "was not kept" in done.stderr


def test_nothing_is_written_when_it_is_off(run_cli, tmp_path):
    assert SMALL_KB.is_dir()
    done = run_cli("loss is nan", DLADVISOR_CACHE=str(tmp_path / "c"))
    assert "vote" not in done.stderr
    assert not list(tmp_path.rglob("*.sqlite"))
