"""`dladvisor chat` and `history` as people and programs use them, and what is kept on disk."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace

import click
import pytest
from conftest import ROOT, SMALL_KB

from advisor.chat_text import markdown, reply_text
from advisor.errors import AdvisorError, BadQuestion, UnknownName
from advisor.journal import Journal
from advisor.reply import Ask, Option
from advisor.session import Session
from advisor.terminal import WIDEST, Paper

VAGUE = "my training is strange and the loss looks wrong"
BODY = {"schema": 1, "turns": [{"kind": "tell", "text": VAGUE}]}


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "deep" / "conversations.db")


def test_what_is_saved_is_read_again(journal):
    first = journal.save(None, "one\ntwo", BODY)
    second = journal.save(None, "three", BODY)
    assert journal.save(first, "one two", {**BODY, "top": 3}) == first
    assert journal.read(first) == (first, {**BODY, "top": 3})
    assert {item.id: item.title for item in journal.all()} == {first: "one two", second: "three"}
    assert journal.all()[0].length == " 1 turn "


def test_the_last_changed_is_the_last(journal):
    first = journal.save(None, "a", BODY)
    second = journal.save(None, "b", BODY)
    assert journal.read() == (second, BODY)
    journal.save(first, "a", BODY)
    assert journal.read() == (first, BODY)


def test_nobody_else_may_read_the_file(journal):
    journal.save(None, "secret", BODY)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_deleted_text_is_gone_from_the_file(journal):
    key = journal.save(None, "my secret run", {**BODY, "note": "hunter2 " * 50})
    journal.save(None, "other", BODY)
    assert b"hunter2" in journal.path.read_bytes()
    assert journal.delete(key) == 1
    assert b"hunter2" not in journal.path.read_bytes()
    assert journal.delete() == 1
    assert journal.delete(7) == 0
    with pytest.raises(BadQuestion, match="No conversations are kept yet"):
        journal.read()
    with pytest.raises(UnknownName):
        journal.read(7)


def test_a_damaged_file_is_told(journal):
    journal.path.parent.mkdir()
    journal.path.write_bytes(b"this is no database" * 100)
    with pytest.raises(AdvisorError, match="cannot be used"):
        journal.all()
    with pytest.raises(AdvisorError, match="cannot be used"):
        journal.save(None, "x", BODY)


def test_two_windows_may_save_at_once(journal):
    keys = []

    def save(name):
        for _ in range(10):
            keys.append(journal.save(None, name, BODY))

    threads = [threading.Thread(target=save, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 20 == len(journal.all())


def test_a_session_saves_each_turn_and_resumes(word_advisor, journal):
    session = Session(word_advisor, journal)
    session.tell(VAGUE)
    session.answer("train_loss", "rising")
    again = Session(word_advisor, journal)
    assert again.resume() == session.reply
    assert again.key == session.key
    again.undo()
    assert len(journal.read()[1]["turns"]) == 1
    again.begin_anew()
    again.tell("another one")
    assert len(journal.all()) == 2


def test_a_session_goes_on_without_a_usable_file(word_advisor, journal):
    journal.path.parent.mkdir()
    journal.path.write_bytes(b"this is no database" * 100)
    told = []
    session = Session(word_advisor, journal, told.append)
    session.tell(VAGUE)
    reply = session.answer("train_loss", "rising")
    assert reply.answer.matches[0].entry.id == "rocket-loss"
    assert len(told) == 1
    assert "not kept" in told[0]


def test_what_cannot_be_resumed_is_told(word_advisor, journal):
    key = journal.save(None, "x", {"schema": 99, "turns": []})
    with pytest.raises(AdvisorError, match="cannot be read"):
        Session(word_advisor, journal).resume(key)
    with pytest.raises(AdvisorError, match="no history"):
        Session(word_advisor).resume()
    with pytest.raises(BadQuestion):
        Session(word_advisor).undo()


def test_an_export_says_what_was_told_answered_and_tried(word_advisor):
    session = Session(word_advisor)
    session.tell("loss climbs\n```\n# not a heading of ours\n```")
    session.answer("train_loss", "rising")
    session.answer("check:rocket-loss", "confirmed")
    reply = session.reject("flat-loss")
    text = markdown(session.turns, reply, word_advisor.knowledge.entries)
    assert "````text\nloss climbs\n```\n# not a heading" in text
    assert "- When you look at the training loss, what does it do? it rises" in text
    assert "- The check for “Step size above the limit” confirmed it" in text
    assert "(`flat-loss`): not it, or did not help" in text
    assert "- **Step size above the limit** (`rocket-loss`)" in text


def test_a_pasted_log_is_shortened_in_an_export(word_advisor):
    session = Session(word_advisor)
    reply = session.tell("begin " + "loss 0.1\n" * 2000 + "end")
    text = markdown(session.turns, reply, word_advisor.knowledge.entries)
    assert len(text) < 6000
    assert "begin" in text
    assert "[…]" in text
    assert "end\n```" in text


def test_a_program_gets_one_object_a_turn(run_cli):
    lines = [
        VAGUE,
        '{"answer": ["train_loss", "rising"]}',
        '{"answer": ["train_loss", "purple"]}',
        "99",
        "{broken",
        '{"dance": 1}',
        '{"reject": "rocket-loss"}',
        '{"undo": true}',
        '{"tell": "and it explodes\\nafter 10 steps"}',
    ]
    done = run_cli("chat", "--json", "--top", "2", stdin="\n".join(lines))
    assert done.returncode == 0, done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(printed) == len(lines)
    first = printed[0]
    assert list(first) == ["schema", "question", "verdict", "matches", "ask"]
    assert set(first["ask"]) == {"id", "text", "options"}
    assert first["ask"]["options"][-1]["id"] == "dont-know"
    assert printed[1]["matches"][0]["id"] == "rocket-loss"
    assert len(printed[1]["matches"]) == 2
    assert [list(item) for item in printed[2:6]] == [["schema", "error"]] * 4
    assert "purple" in printed[2]["error"]["message"]
    assert "rocket-loss" not in [match["id"] for match in printed[6]["matches"]]
    assert printed[7] == printed[1]
    assert printed[8]["question"].endswith("after 10 steps")


def test_a_line_that_is_no_turn_is_told_and_the_next_one_is_answered(run_cli):
    lines = [
        '{"answer": ["train_loss", "flat"]}',
        '{"reject": "rocket-loss"}',
        '{"tell": null}',
        '{"tell": ["a loss"]}',
        '{"answer": "ab"}',
        '{"undo": false}',
        '{"a": ' * 5000,
        "{}",
        '{"tell": "a \\ud800 loss that \\u001b[31mclimbs"}',
        VAGUE,
    ]
    done = run_cli("chat", "--json", stdin="\n".join(lines))
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(item) for item in printed[:8]] == [["schema", "error"]] * 8
    assert [item["error"]["message"] for item in printed[:2]] == ["Nothing was told yet."] * 2
    assert max(len(item["error"]["message"]) for item in printed[:8]) < 170
    assert printed[8]["question"] == "a ? loss that climbs"
    assert printed[9]["question"].endswith(VAGUE)
    assert "\x1b" not in run_cli("history").stdout


def test_the_first_object_is_what_ask_finds_in_the_same_order(run_cli):
    asked = json.loads(run_cli("ask", "--json", "loss climbs like a rocket").stdout)
    told = json.loads(run_cli("chat", "--json", stdin="loss climbs like a rocket").stdout)
    assert [m["id"] for m in told["matches"]] == [m["id"] for m in asked["matches"]]
    assert told["verdict"] == asked["verdict"]
    for match in (*told["matches"], *asked["matches"]):
        del match["probability"]  # a share of one whole there, each by itself here
    assert told["matches"] == asked["matches"]


def test_a_person_is_asked_answers_rejects_and_reads(run_cli):
    # The first leads to a check that is asked in one long line.
    lines = ["loss climbs like a rocket", "/new", VAGUE, "1", "/undo", "/show 1", "/no 1"]
    lines += [
        "/check maybe",
        "/no 9",
        "77",
        "/help",
        "/export",
        "/new",
        "/no 1",
        "/undo",
        "",
        "/quit",
        "never read",
    ]
    done = run_cli("chat", "--plain", stdin="\n".join(lines))
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert out.startswith("What do you see?")
    assert "What it may be:" in out
    assert "(was " in out
    replies, _, helped = out.partition("## ")[0].partition("A number answers")
    assert any(len(line) > WIDEST for line in replies.splitlines())  # unwrapped
    assert all(len(line) < 80 for line in helped.splitlines())
    assert "Check first" in out
    assert "you said that this is not it" in out
    assert "## What I tried" in out
    assert "\x1b" not in out
    assert "There is no option 77" in done.stderr
    assert "/check yes or /check no" in done.stderr
    assert "There is no entry number '9'" in done.stderr
    assert "There is no entry yet" in done.stderr
    assert "nothing to undo" in done.stderr


def test_a_terminal_reply_says_what_would_confirm_the_first(word_advisor):
    reply = Session(word_advisor).tell("loss climbs like a rocket")
    ask = Ask("onset", "When does it begin?", (Option("first-step", "at once"),))
    do = reply.answer.matches[0].entry.checks[0].do
    shown = reply_text(replace(reply, ask=ask), Paper(200, True))
    assert f"\n\nTo confirm 1: {do.split('. ')[0].rstrip('.')}.\n\nWhen does it begin?" in shown
    about_it = replace(ask, id=f"check:{reply.answer.matches[0].entry.id}")
    assert "To confirm" not in reply_text(replace(reply, ask=about_it), Paper(200, True))


def test_where_else_to_look_is_wrapped(word_advisor):
    session = Session(word_advisor)
    reply = session.tell("loss climbs like a rocket")
    long = "- One sign: `a`.\n- " + "Another sign that takes very many words to tell. " * 3
    shown = reply_text(replace(reply, look_elsewhere=long), Paper(60))
    assert "\n- One sign: `a`.\n- Another sign" in click.unstyle(shown)
    assert max(map(len, click.unstyle(shown).splitlines())) <= 60
    assert "\n- Another" in reply_text(replace(reply, look_elsewhere=long), Paper(60, True))


def test_a_path_is_no_command(run_cli):
    done = run_cli("chat", "--plain", stdin="/opt/train.py loss climbs like a rocket")
    assert "What it may be:" in done.stdout
    assert "/undo" not in done.stdout


def test_words_answer_and_a_misspelt_command_is_told(run_cli):
    lines = [VAGUE, "don't know", "/udno", "²", "/UNDO", "/show ²", "/export"]
    done = run_cli("chat", "--plain", stdin="\n".join(lines))
    assert done.returncode == 0
    assert "There is no command /udno. /help lists them." in done.stderr
    assert "There is no entry number '²'" in done.stderr
    said = done.stdout.rpartition("## What I see")[2].partition("## ")[0]
    assert said == f"\n\n```text\n{VAGUE}\n```\n\n"


def test_words_on_the_command_line_begin_the_conversation(run_cli):
    done = run_cli("chat", "--plain", "my", "gan", "paints", "one", "face", stdin="")
    assert done.returncode == 0
    assert "What do you see?" not in done.stdout
    assert "Generator" in done.stdout or "face" in done.stdout.lower()


def test_history_lists_exports_and_deletes(run_cli):
    assert "No conversations" in run_cli("history").stderr
    run_cli("chat", stdin=f"{VAGUE}\n1")
    run_cli("chat", "--no-history", stdin="secret words here")
    run_cli("chat", stdin="other words here", DLADVISOR_HISTORY="off")
    listed = [json.loads(line) for line in run_cli("history", "--json").stdout.splitlines()]
    assert [item["title"] for item in listed] == [VAGUE]
    assert listed[0]["turns"] == 2
    key = str(listed[0]["id"])
    assert run_cli("history", "--export", key).stdout.startswith("## What I see")
    resumed = run_cli("chat", "--plain", "--resume", key, stdin="/no 1")
    assert "this is not it" in resumed.stdout
    assert "1 conversation deleted" in run_cli("history", "--delete", key).stdout
    assert run_cli("history", "--json").stdout == ""
    assert run_cli("chat", "--resume", stdin="").returncode == 2
    assert run_cli("chat", "--resume", "x", stdin="").returncode == 2
    assert run_cli("chat", "--resume", "--no-history", stdin="").returncode == 2
    assert run_cli("history", DLADVISOR_HISTORY="off").returncode == 2


def test_what_was_said_before_a_kill_is_resumed(run_cli):
    environment = {**os.environ, "DLADVISOR_KB": str(SMALL_KB), "DLADVISOR_NO_BUILTIN": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "advisor", "chat", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=ROOT,
    )
    said = []
    for line in (VAGUE, '{"answer": ["train_loss", "rising"]}'):
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
        said.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdin.close()
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    done = run_cli("chat", "--json", "--resume", stdin='{"undo": true}')
    shown, undone = map(json.loads, done.stdout.splitlines())
    assert shown == said[1]
    assert undone == said[0]


def test_a_save_that_is_cut_off_leaves_what_was_there(journal):
    key = journal.save(None, "kept", BODY)
    database = sqlite3.connect(journal.path)
    database.execute("update conversations set body = 'half'")
    database.close()  # without a commit, as after a kill
    assert journal.read(key) == (key, BODY)


def test_a_paste_of_300_lines_into_a_terminal_is_one_turn():
    environment = {
        **os.environ,
        "DLADVISOR_KB": str(SMALL_KB),
        "DLADVISOR_NO_BUILTIN": "1",
        "NO_COLOR": "1",
    }
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "advisor", "chat"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=ROOT,
    )
    os.close(slave)

    def paste() -> None:
        time.sleep(2)
        for number in range(300):
            os.write(master, f"step {number} loss {number}.5 \x1b[31m[bold]\n".encode())
        time.sleep(2)
        os.write(master, b"/export\n")
        time.sleep(1)
        os.write(master, b"/quit\n")

    # The terminal echoes what is typed: somebody must read it, or writing stops.
    def drain() -> None:
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass

    threads = [threading.Thread(target=act, daemon=True) for act in (paste, drain)]
    for thread in threads:
        thread.start()
    try:
        out = process.communicate(timeout=60)[0].decode()
    finally:
        process.kill()
        os.close(master)
    assert out.count("What it may be:") == 1, out[-2000:]
    assert "step 0 loss 0.5" in out
    assert "\x1b[31m" not in out


def test_a_conversation_is_kept_as_feedback_where_the_team_wants_that(word_advisor, tmp_path):
    from dataclasses import replace

    from advisor.feedback import Feedback

    settings = replace(word_advisor.settings, feedback=tmp_path / "kept.sqlite")
    # One entry is shown at a time, so that the second comes up in a later turn only.
    session = Session(replace(word_advisor, settings=settings), surface="tui", top=1)
    session.tell("loss climbs like a rocket")
    session.answer("check:rocket-loss", "confirmed")
    session.reject("flat-loss")
    session.begin_anew()
    session.tell("my gan paints one face")
    first, second = Feedback(settings.feedback, 30).questions()
    assert (first.surface, first.question) == ("tui", "loss climbs like a rocket")
    assert (first.helpful, first.not_helpful) == ({"rocket-loss": 1}, {"flat-loss": 1})
    assert (second.question, second.helpful) == ("my gan paints one face", {})


def test_changed_entries_are_taken_in_between_turns(tmp_path):
    import shutil

    from conftest import SMALL_KB

    from advisor.live import Live
    from advisor.settings import Settings

    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    told: list[str] = []
    live = Live(Settings(kb=(kb,), cache=tmp_path / "cache"), told.append)
    session = Session(live.advisor, report=told.append, live=live)
    before = session.tell("my gan paints one face").answer.matches[0]
    assert before.entry.id == "same-face"
    text = (kb / "same-face.md").read_text()
    (kb / "same-face.md").write_text(text.replace("Generator shows one sample", "Changed title"))
    after = session.tell("every digit is a seven").answer.matches[0]
    assert (after.entry.id, after.entry.title) == ("same-face", "Changed title")
    assert "Took in changed entries" in told[0]
    # What breaks is told, and its last good state stays.
    (kb / "same-face.md").write_text("---\nhalf")
    kept = session.tell("no diversity in outputs").answer.matches[0]
    assert kept.entry.title == "Changed title"
    assert any(line.startswith("Kept as it last was") for line in told)


@pytest.mark.parametrize("word", ["quit", "Exit", " :q "])
def test_who_types_that_they_leave_leaves(run_cli, word):
    done = run_cli("chat", "--plain", stdin=f"{VAGUE}\n{word}\nnever read")
    assert done.returncode == 0
    assert done.stdout.count("What it may be:") == 1
