"""The knowledge base itself: complete, linked, findable; its examples compile and run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import KB

from advisor import knowledge, lint, vocabulary
from advisor.lint.body import python_blocks

KNOWLEDGE = knowledge.load([KB])


def test_lint_finds_nothing():
    assert [str(problem) for problem in lint.check(KNOWLEDGE)] == []


def test_it_is_large_enough_and_covers_every_category():
    assert len(KNOWLEDGE) >= 70
    assert {entry.category for entry in KNOWLEDGE} == set(vocabulary.CATEGORIES)


def test_every_heading_of_the_original_note_lives_on():
    assert {entry.seed for entry in KNOWLEDGE} - {None} == set(vocabulary.SEED_HEADINGS)


def test_most_entries_have_code_that_runs():
    ran = [e for e in KNOWLEDGE if any(not b.skipped for b in python_blocks(e.example))]
    assert len(ran) >= len(KNOWLEDGE) / 2


BLOCKS = [
    pytest.param(block, id=f"{entry.id}-{number}")
    for entry in KNOWLEDGE
    for number, block in enumerate(python_blocks(entry.example))
]


@pytest.fixture(scope="module")
def runner():
    """A process that has imported torch and runs each example in a fork of itself."""
    path = Path(__file__).with_name("example_runner.py")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate()


@pytest.mark.train
@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_does_what_it_claims(block, runner, tmp_path, record_property):
    if block.skipped:
        compile(block.code, "<example>", "exec")
        # conftest adds these up and prints the counts, whatever process ran the example.
        record_property("example", "compiled")
        return
    runner.stdin.write(json.dumps({"code": block.code, "folder": str(tmp_path)}) + "\n")
    runner.stdin.flush()
    done = json.loads(runner.stdout.readline())
    assert done["error"] == ""
    assert list(tmp_path.iterdir()) == []
    record_property("example", "run")


@pytest.mark.train
def test_entries_without_an_example_are_counted(record_property):
    without = [entry.id for entry in KNOWLEDGE if not python_blocks(entry.example)]
    record_property("example", f"none {len(without)}")
    assert len(without) <= len(KNOWLEDGE) / 4
