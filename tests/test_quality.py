"""The real entries, encoder and ranker on questions that no one fitted or indexed.

The floors lie below what was measured (docs/measured.md) by more than the width of its
interval: they fail when something breaks, not when an entry is added.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from conftest import KB, ROOT

from advisor import evaluation
from advisor.answer import open_advisor
from advisor.judged import read_judged
from advisor.passages import KINDS
from advisor.settings import from_environment
from advisor.study.perturbed import PERTURBATIONS, perturb

QUESTIONS = ROOT / "tests" / "questions" / "judged.jsonl"
PHRASINGS = ROOT / "tests" / "questions" / "phrasings.jsonl"
# hit@3 on QUESTIONS as in docs/measured.md; a fall beyond its interval fails the test.
RECORDED_HIT_AT_3 = 0.99
# Mean cosine of symptoms above which a reader takes two entries for one; see the test.
TOO_ALIKE = 0.44


@pytest.fixture(scope="module")
def advisor(tmp_path_factory):
    import os

    cache = os.environ.get("TEST_CACHE") or str(tmp_path_factory.getbasetemp() / "cache")
    return open_advisor(from_environment(environment={"DLADVISOR_CACHE": cache}))


@pytest.fixture(scope="module")
def report(advisor):
    return evaluation.evaluate(advisor, read_judged(QUESTIONS))


def test_hit_at_3_has_not_fallen_significantly(report):
    _, _, high = evaluation.interval(report.scores["dladvisor"][:, 1])
    assert high >= RECORDED_HIT_AT_3


def test_every_entry_is_found_by_phrasings_of_someone_else(advisor, capsys):
    phrasings = read_judged(PHRASINGS)
    wanted = Counter(name for item in phrasings for name in item.grades)
    assert set(wanted) == set(advisor.knowledge.entries)
    assert set(wanted.values()) == {3}
    found: Counter[str] = Counter()
    for item in phrasings:
        (name,) = item.grades
        found[name] += name in [match.entry.id for match in advisor.ask(item.question, 3).matches]
    lost = sorted(name for name in wanted if found[name] < 2)
    with capsys.disabled():
        print(
            f"\nfindability: {sum(found.values())} of {len(phrasings)} phrasings among three; "
            f"entries found by fewer than 2 of 3: {', '.join(lost) or 'none'}"
        )
    # Found: two of the three phrasings at least put the entry among the first three.
    assert len(lost) <= 0.05 * len(wanted), lost


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_hurried_spelling_costs_little(advisor, report, name):
    asked = [(n, item) for n, item in enumerate(report.in_scope) if n % 6 == 0]
    plain = np.mean([report.scores["dladvisor"][n, 1] for n, _ in asked])
    spoilt = [
        evaluation.score(
            [m.entry.id for m in advisor.ask(perturb(name, item.question), 3).matches], item.grades
        )[1]
        for _, item in asked
    ]
    assert np.mean(spoilt) >= plain - 0.10


def test_entries_that_sound_alike_tell_each_other_apart(advisor):
    index, knowledge = advisor.index, advisor.knowledge
    symptom = index.kinds == KINDS.index("symptom")
    owner = np.repeat(np.arange(len(index.ids)), np.diff(index.starts))[symptom]
    stored = index.vectors.reconstruct_n(0, index.vectors.ntotal)
    vectors = stored[index.rows[symptom]]
    begins = np.searchsorted(owner, np.arange(len(index.ids)))
    # For each symptom the nearest one of every other entry, averaged over the entry's own.
    nearest = np.maximum.reduceat(vectors @ vectors.T, begins, axis=1)
    mean = np.add.reduceat(nearest, begins, axis=0) / np.diff([*begins, len(owner)])[:, None]
    alike = (mean + mean.T) / 2
    unclear = []
    for one in range(len(index.ids)):
        for other in range(one):
            if alike[one, other] < TOO_ALIKE:
                continue
            names = index.ids[one], index.ids[other]
            for name, twin in (names, names[::-1]):
                entry = knowledge.get(name)
                if twin not in entry.otherwise and twin not in entry.contradicts:
                    unclear.append(f"{name} does not say how it differs from {twin}")
    assert not unclear, "\n".join(unclear)


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
