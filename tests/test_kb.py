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
    pytest.param(block.code, id=f"{entry.id}-{number}")
    for entry in KNOWLEDGE
    for number, block in enumerate(python_blocks(entry.example))
    if not block.skipped
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
@pytest.mark.parametrize("code", BLOCKS)
def test_an_example_does_what_it_claims(code, runner, tmp_path):
    runner.stdin.write(json.dumps({"code": code, "folder": str(tmp_path)}) + "\n")
    runner.stdin.flush()
    done = json.loads(runner.stdout.readline())
    assert done["error"] == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.train
def test_the_count_of_examples_is_printed(capsys):
    blocks = [(entry, python_blocks(entry.example)) for entry in KNOWLEDGE]
    run = sum(any(not block.skipped for block in found) for _, found in blocks)
    compiled = sum(bool(found) and all(b.skipped for b in found) for _, found in blocks)
    with capsys.disabled():
        print(
            f"\nexamples: {run} entries run, {compiled} compiled only, "
            f"{len(blocks) - run - compiled} without"
        )
    assert run + compiled <= len(blocks)
