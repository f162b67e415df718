"""The real entries, encoder and ranker on questions that no one fitted or indexed.

The floors lie below what was measured (docs/measured.md) by more than the width of its
interval: they fail when something breaks, not when an entry is added.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from conftest import KB, ROOT

from advisor import evaluation
from advisor.answer import open_advisor
from advisor.judged import read_judged
from advisor.settings import from_environment

QUESTIONS = ROOT / "tests" / "questions" / "judged.jsonl"


@pytest.fixture(scope="module")
def advisor(tmp_path_factory):
    import os

    cache = os.environ.get("TEST_CACHE") or str(tmp_path_factory.getbasetemp() / "cache")
    return open_advisor(from_environment(environment={"DLADVISOR_CACHE": cache}))


@pytest.fixture(scope="module")
def report(advisor):
    return evaluation.evaluate(advisor, read_judged(QUESTIONS))


def test_good_entries_come_first(report):
    hit1, hit3, _, ndcg = report.scores["dladvisor"].mean(axis=0)
    assert hit1 >= 0.90
    assert hit3 >= 0.97
    assert ndcg >= 0.83


@pytest.mark.parametrize("baseline", ["BM25 alone", "untuned, one vector an entry"])
def test_it_is_significantly_better_than_the_baselines(report, baseline):
    gain = report.scores["dladvisor"] - report.scores[baseline]
    for column in (0, 3):
        _, low, _ = evaluation.interval(gain[:, column])
        assert low > 0, evaluation.METRICS[column]


def test_it_declines_what_it_should_and_little_else(report):
    assert report.answered <= 0.06
    assert report.declined <= 0.04


def test_a_pasted_message_finds_its_entry_first(advisor):
    owners: dict[str, set[str]] = {}
    for entry in advisor.knowledge:
        for message in entry.messages:
            if len(message.split()) >= 3:
                owners.setdefault(message, set()).add(entry.id)
    first = [
        advisor.ask(f"I get this: {message}", top=1).matches[0].entry.id in ids
        for message, ids in owners.items()
    ]
    assert len(first) > 100
    assert np.mean(first) >= 0.96


def test_a_200_line_traceback_still_finds_its_cause(advisor):
    frames = "\n".join(f'  File "/app/m{n}.py", line {n}, in step_{n}' for n in range(200))
    message = "RuntimeError: CUDA error: device-side assert triggered"
    answer = advisor.ask(f"Traceback (most recent call last):\n{frames}\n{message}")
    found = [match.entry.id for match in answer.matches[:3]]
    assert {"cuda-error-reported-late", "label-index-out-of-range"} & set(found)


def words_of(text: str, length: int = 9) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[n : n + length]) for n in range(len(words) - length + 1)}


def test_test_questions_are_in_no_entry_wording_or_judged_set(advisor):
    asked = [item.question for item in read_judged(QUESTIONS)]
    known = {
        " ".join(line.lower().split())
        for path in (KB / "wordings").glob("*.txt")
        for line in path.read_text().splitlines()
    }
    for entry in advisor.knowledge:
        known |= {" ".join(symptom.lower().split()) for symptom in entry.symptoms}
    fitted: set[tuple[str, ...]] = set()
    for path in (KB / "judged").glob("*.jsonl"):
        for line in path.read_text().splitlines():
            question = json.loads(line)["question"]
            known.add(" ".join(question.lower().split()))
            fitted |= words_of(question)
    assert not [text for text in asked if " ".join(text.lower().split()) in known]
    shared = [text for text in asked if len(words_of(text) & fitted) > 5]
    assert len(shared) <= 0.02 * len(asked), shared[:3]


def test_every_judged_id_exists(advisor):
    for path in (QUESTIONS, *(KB / "judged").glob("*.jsonl")):
        for item in read_judged(path):
            assert set(item.grades) <= set(advisor.knowledge.entries), item.id
