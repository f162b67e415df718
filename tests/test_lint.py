"""Lint: each code fires on a file that deserves it, and on nothing else."""

from __future__ import annotations

import re
import shutil

import pytest
from conftest import ROOT, SMALL_KB

from advisor import knowledge, lint


@pytest.fixture
def kb(tmp_path):
    folder = tmp_path / "kb"
    shutil.copytree(SMALL_KB, folder)
    return folder


def findings(folder):
    return lint.check(knowledge.load([folder]))


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_small_knowledge_base_is_clean(kb):
    assert findings(kb) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "code", "words"),
    [
        ("flat-loss.md", "title: Step", "title: [Step", "KB001", "YAML"),
        ("flat-loss.md", "category: optimization", "category: x", "KB002", "closed list"),
        (
            "flat-loss.md",
            "nothing is learned at all",
            "step size below what moves",
            "KB004",
            "title",
        ),
        (
            "flat-loss.md",
            "nothing is learned at all",
            "Loss stays flat, for hours!",
            "KB005",
            "this entry",
        ),
        (
            "flat-loss.md",
            "nothing is learned at all",
            "loss climbs like a rocket",
            "KB005",
            "flat-loss",
        ),
        ("flat-loss.md", "related: [rocket-loss]", "related: [rocket-los]", "KB007", "rocket-los"),
        ("flat-loss.md", "related: [rocket-loss]", "related: [flat-loss]", "KB007", "itself"),
        ("flat-loss.md", "contradicts: [rocket-loss]\n", "", "KB008", "contradicts"),
        ("flat-loss.md", "https://example.org/flat-loss/notes", "example.org/x", "KB009", "https"),
        (
            "flat-loss.md",
            "https://example.org/flat-loss/notes",
            "https://example.org/flat-loss/paper",
            "KB009",
            "twice",
        ),
        (
            "flat-loss.md",
            "https://example.org/flat-loss/notes",
            "https://www.example.org/rocket-loss/paper/",
            "KB009",
            "spelt",
        ),
        ("wordings/flat-loss.txt", "my plateau again\n", "", "KB010", "29"),
        ("rocket-loss.md", "rate = 0.1", "rate = = 1", "KB011", "compile"),
        ("rocket-loss.md", "```python\n", "```python no-run:\n", "KB011", "reason"),
        ("flat-loss.md", "train_loss: [flat]", "train_loss: [sad]", "KB012", "sad"),
        (
            "flat-loss.md",
            "Multiply the rate by ten for 500 steps.",
            "Divide the rate by ten and rerun 300 steps.",
            "KB013",
            "hot-memory|flat-loss",
        ),
        ("flat-loss.md", "Multiply the rate", "In order to see, multiply", "KB014", "in order to"),
        ("flat-loss.md", "Multiply the rate", "very " * 40 + "much", "KB015", "words"),
        ("flat-loss.md", "reviewed: 2026-11-01", "reviewed: 2999-01-01", "KB016", "future"),
    ],
)
def test_a_code_fires_with_file_line_and_hint(kb, name, old, new, code, words):
    edit(kb, name, old, new)
    found = findings(kb)
    assert code in {problem.code for problem in found}
    problem = next(problem for problem in found if problem.code == code)
    assert re.search(words, problem.message)
    assert problem.line >= 1
    assert problem.hint
    assert str(problem).startswith(f"{problem.path}:{problem.line}: {code} ")


def test_the_line_is_where_the_text_stands(kb):
    edit(kb, "flat-loss.md", "Multiply the rate", "In order to see, multiply")
    (problem,) = findings(kb)
    assert "In order to" in (kb / "flat-loss.md").read_text().split("\n")[problem.line - 1]


def test_a_wordings_file_without_an_entry_is_told(kb):
    (kb / "wordings" / "nobody.txt").write_text("x\n")
    (problem,) = findings(kb)
    assert problem.code == "KB010"
    assert "nobody" in problem.message


def test_every_code_is_documented_once():
    page = (ROOT / "docs" / "contributing.md").read_text()
    assert re.findall(r"^\| (KB\d{3}) \|", page, re.MULTILINE) == list(lint.CODES)
