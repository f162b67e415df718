"""The command as programs and people run it, each in its own process."""

from __future__ import annotations

import datetime
import json
import os
import pty
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, SMALL_KB

HOSTILE = [
    "[bold]loss[/bold] is nan [red]",
    "<script>alert(1)</script> loss is nan",
    "<!channel> <@U123> loss is nan",
    "\x1b[31mloss is nan\x1b[0m\x07",
    "loss is nan " * 90_000,
    "訓練損失がnanになる",
    "xylophone zeppelin quux",
    "%s %d {0} ${HOME} `id` $(id)",
    "loss \u202eis nan",
]


def test_a_bare_question_is_asked(run_cli):
    done = run_cli("loss climbs like a rocket")
    assert done.returncode == 0
    assert "Step size above the limit" in done.stdout
    assert "dladvisor show rocket-loss" in done.stdout


def test_unquoted_words_and_ask_and_stdin_are_the_same(run_cli):
    bare = run_cli("--json", "loss", "climbs", "like", "a", "rocket")
    assert json.loads(bare.stdout)["matches"][0]["id"] == "rocket-loss"
    assert run_cli("ask", "--json", "loss climbs like a rocket").stdout == bare.stdout
    assert run_cli("ask", "--json", stdin="loss climbs like a rocket\n").stdout == bare.stdout
    assert run_cli("ask", "--json", "-", stdin="loss climbs like a rocket").stdout == bare.stdout


def test_stdout_is_data_only(run_cli, tmp_path):
    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    (kb / "flat-loss.md").write_text("broken")
    done = run_cli("--json", "loss is nan", kb=kb, DLADVISOR_CACHE=str(tmp_path / "c"))
    assert json.loads(done.stdout)["matches"]
    assert "flat-loss.md:1: KB001" in done.stderr
    assert "Encoding" not in done.stderr


def test_batch_answers_line_by_line_in_order(run_cli):
    done = run_cli("ask", "--batch", "--json", stdin="my gan paints one face\n\nloss is nan\n123\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["question"] for answer in answers] == [
        "my gan paints one face",
        "",
        "loss is nan",
        "123",
    ]
    assert answers[0]["matches"][0]["id"] == "same-face"
    assert answers[1]["verdict"] == "none"
    assert done.returncode == 0
    assert "line 2" in done.stderr


def test_batch_equals_single(run_cli):
    question = "memory grows every step until oom"
    batch = run_cli("ask", "--batch", "--json", stdin=f"first one here\n{question}\n")
    single = run_cli("ask", "--json", question)
    assert json.loads(batch.stdout.splitlines()[1]) == json.loads(single.stdout)


@pytest.mark.parametrize("question", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_questions_get_an_answer_and_no_markup(run_cli, question):
    done = run_cli("ask", stdin=question)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout
    machine = run_cli("ask", "--json", stdin=question)
    assert json.loads(machine.stdout)["verdict"] in ("match", "unsure", "none")


def test_bytes_that_are_no_text_are_told(run_cli):
    done = run_cli("ask", stdin=b"\xff\xfe\x00\x01")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert run_cli("ask", stdin=b"loss is nan \xff\xfe").returncode == 0


@pytest.mark.parametrize("stdin", ["", "  \n", "\x00"])
def test_an_empty_question_is_wrong_usage(run_cli, stdin):
    done = run_cli("ask", stdin=stdin)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "question is empty" in done.stderr
    assert "nan after 300 steps" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("lits",), "list"),
        (("shwo", "x"), "show"),
        (("show", "rocket-lost"), "rocket-loss"),
        (("ask", "--category", "optimisation", "x"), "optimization"),
        (("ask", "--framework", "pytroch", "x"), "pytorch"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(run_cli, arguments, suggestion):
    done = run_cli(*arguments)
    assert done.returncode == 2
    assert suggestion in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "--top", "0", "x"),
        ("ask", "--batch"),
        ("ask", "--nonsense", "x"),
        ("show",),
        ("eval", "/nowhere.jsonl"),
        ("--kb", "/nowhere", "loss is nan"),
        ("lint", "/nowhere.md"),
    ],
)
def test_wrong_usage_is_one_sentence_and_a_hint(run_cli, arguments):
    done = run_cli(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert 1 <= len(done.stderr.strip().splitlines()) <= 3


def test_top_and_filters(run_cli):
    done = run_cli("--json", "--top", "2", "loss is nan")
    assert len(json.loads(done.stdout)["matches"]) == 2
    done = run_cli("--json", "--category", "memory", "loss is nan")
    assert [match["id"] for match in json.loads(done.stdout)["matches"]] == ["hot-memory"]


def test_explain_shows_every_feature(run_cli):
    from advisor.ranking import FEATURES

    done = run_cli("ask", "--explain", "loss is nan")
    assert all(name in done.stdout for name in FEATURES)


def test_show_list_and_their_json(run_cli):
    assert "Divide the rate by ten" in run_cli("show", "rocket-loss").stdout
    shown = json.loads(run_cli("show", "rocket-loss", "--json").stdout)
    assert shown["id"] == "rocket-loss"
    assert run_cli("show", "rocket-loss", "--markdown").stdout.startswith("# Step size above")
    assert "hot-memory" in run_cli("list").stdout
    rows = [json.loads(line) for line in run_cli("list", "--json").stdout.splitlines()]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert "hot-memory" not in run_cli("list", "--category", "generative").stdout


def test_lint_exits_1_on_findings_and_0_without(run_cli, tmp_path):
    assert run_cli("lint").returncode == 0
    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    (kb / "flat-loss.md").write_text("broken")
    done = run_cli("lint", kb=kb)
    assert done.returncode == 1
    assert "flat-loss.md:1: KB001" in done.stdout
    assert run_cli("lint", str(kb / "same-face.md"), kb=kb).returncode == 0


def test_lint_fast_looks_at_changed_files_only(run_cli, tmp_path):
    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    cache = str(tmp_path / "cache")
    run_cli("index", kb=kb, DLADVISOR_CACHE=cache)
    assert "Nothing has changed" in run_cli("lint", "--fast", kb=kb, DLADVISOR_CACHE=cache).stdout
    path = kb / "flat-loss.md"
    path.write_text(path.read_text().replace("title: Step", "title: In order to step"))
    done = run_cli("lint", "--fast", kb=kb, DLADVISOR_CACHE=cache)
    assert done.returncode in (0, 1)
    assert "Nothing has changed" not in done.stdout


def test_version_tells_entries_and_encoder(run_cli):
    run_cli("index")
    line = run_cli("--version").stdout
    assert "5 entries" in line
    assert "all-MiniLM-L6-v2" in line


def test_completion_scripts(run_cli):
    for shell in ("bash", "zsh", "fish"):
        assert "_DLADVISOR_COMPLETE" in run_cli("completion", shell).stdout


def test_completion_offers_ids_and_values(run_cli):
    def offered(words: str, position: int) -> str:
        return run_cli(
            _DLADVISOR_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(position)
        ).stdout

    assert "rocket-loss" in offered("dladvisor show rock", 2)
    assert "optimization" in offered("dladvisor ask --category opt", 3)
    assert "show" in offered("dladvisor sh", 1)


def test_a_reader_that_leaves_early_is_no_error(run_cli):
    environment = {**os.environ, "DLADVISOR_KB": str(SMALL_KB), "DLADVISOR_NO_BUILTIN": "1"}
    command = f"{sys.executable} -m advisor list | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, env=environment, cwd=ROOT, timeout=60
    )
    assert done.stderr == b""


def test_an_ascii_terminal_does_not_crash(run_cli):
    done = run_cli("ask", "loss is nan 損失", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_read_only_home_still_answers(run_cli, tmp_path):
    (tmp_path / "home").write_text("a file, so that nothing can be made in it")
    done = run_cli(
        "--json", "loss is nan", HOME=str(tmp_path / "home"), DLADVISOR_CACHE=str(tmp_path / "home")
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["matches"]
    assert "DLADVISOR_CACHE" in done.stderr


def on_a_terminal(command: list[str], environment: dict[str, str]) -> bytes:
    """What the command writes to a terminal (stdout and stderr)."""
    main, side = pty.openpty()
    running = subprocess.Popen(command, stdout=side, stderr=side, env=environment, cwd=ROOT)
    os.close(side)
    seen = b""
    try:
        while part := os.read(main, 4096):
            seen += part
    except OSError:
        pass  # Linux reports the closed side of a pty as an input/output error
    running.wait(timeout=60)
    os.close(main)
    return seen


def test_colour_on_a_terminal_unless_no_color_or_plain():
    environment = {**os.environ, "DLADVISOR_KB": str(SMALL_KB), "DLADVISOR_NO_BUILTIN": "1"}
    command = [sys.executable, "-m", "advisor", "loss climbs like a rocket"]
    plain = on_a_terminal(command, {**environment, "NO_COLOR": "1"})
    assert b"Step size above the limit" in plain
    assert b"\x1b[" not in plain
    environment.pop("NO_COLOR")
    assert b"\x1b[1m" in on_a_terminal(command, environment)
    assert b"\x1b[" not in on_a_terminal([*command, "--plain"], environment)


def test_the_index_shows_a_bar_on_a_terminal_and_nothing_on_a_pipe(tmp_path):
    environment = {
        **os.environ,
        "DLADVISOR_KB": str(SMALL_KB),
        "DLADVISOR_NO_BUILTIN": "1",
        "DLADVISOR_CACHE": str(tmp_path),
        "TERM": "xterm",
    }
    command = [sys.executable, "-m", "advisor", "index", "--all"]
    piped = subprocess.run(command, capture_output=True, env=environment, cwd=ROOT, timeout=60)
    assert piped.stderr == b""
    seen = on_a_terminal(command, environment)
    assert b"Encoding" in seen
    assert b"100%" in seen


def test_clashing_folders_name_both_files(run_cli, tmp_path):
    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    done = run_cli("--kb", str(kb), "loss is nan")
    assert done.returncode == 1
    assert str(kb) in done.stderr
    assert str(SMALL_KB) in done.stderr


def test_stale_entries_are_listed_oldest_first(run_cli, small_knowledge):
    ages = {e.id: (datetime.date.today() - e.reviewed).days for e in small_knowledge}
    youngest = min(ages.values())
    assert run_cli("list", "--stale", str(max(ages.values()))).stdout.startswith("No entry")
    done = run_cli("list", "--stale", str(youngest - 1), "--json")
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    assert {item["id"] for item in listed} == set(ages)
    assert [item["reviewed"] for item in listed] == sorted(item["reviewed"] for item in listed)
