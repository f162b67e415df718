"""Simulated people: what they answer, and that a conversation helps them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from advisor import simulation
from advisor.conversation import Conversation
from advisor.errors import BadSettings
from advisor.followups import followups, typical
from advisor.judged import Judged
from advisor.reply import CHECK, CONFIRMED, DONT_KNOW, NOT_CONFIRMED

QUESTIONS = [
    Judged("1", "training is strange. data, memory, gan", {"rocket-loss": 2}),
    Judged("2", "training is strange. loss and data", {"hot-memory": 2, "flat-loss": 1}),
    Judged("3", "training is strange, memory of a gan", {"same-face": 2}),
    Judged("4", "?!", {"same-face": 2}),
    Judged("5", "only half right", {"same-face": 1}),
    Judged("6", "no such entry", {"gone-entry": 2}),
    Judged("7", "how do I boil an egg", {}, "unrelated"),
]


def test_the_first_sentence_is_cut():
    assert simulation.vague("Loss is nan. Then I tried.") == "Loss is nan."
    assert simulation.vague("one two\nthree") == "one two"
    assert simulation.vague("w " * 40).split() == ["w"] * 12


def told(word_advisor):
    return Conversation.start(word_advisor).tell("training is strange").conversation


def test_a_faultless_person_answers_what_is_typical(word_advisor):
    ids = list(word_advisor.knowledge.entries)
    conversation, rng = told(word_advisor), np.random.default_rng(0)
    truth = ids.index("rocket-loss")
    answers = {
        simulation._answer(conversation, "train_loss", truth, 0.0, rng)[0] for _ in range(20)
    }
    assert answers == {"rising"}
    check = f"{CHECK}rocket-loss"
    assert simulation._answer(conversation, check, truth, 0.0, rng) == (CONFIRMED, ())
    check = f"{CHECK}flat-loss"
    assert simulation._answer(conversation, check, truth, 0.0, rng) == (NOT_CONFIRMED, ())


def test_of_what_is_not_listed_half_know_nothing(word_advisor):
    conversation, rng = told(word_advisor), np.random.default_rng(0)
    answers = [simulation._answer(conversation, "memory", 0, 0.0, rng)[0] for _ in range(400)]
    assert 0.4 < answers.count(DONT_KNOW) / 400 < 0.6
    assert len(set(answers)) > 3


def test_spoilt_answers_are_wrong_or_unknown(word_advisor):
    ids = list(word_advisor.knowledge.entries)
    conversation, rng = told(word_advisor), np.random.default_rng(0)
    truth = ids.index("rocket-loss")
    answers = [
        simulation._answer(conversation, "train_loss", truth, 1.0, rng)[0] for _ in range(400)
    ]
    assert 0.45 < answers.count(DONT_KNOW) / 400 < 0.65
    assert answers.count("rising") / 400 < 0.15


def test_each_baseline_asks_by_its_own_rule(word_advisor):
    conversation = told(word_advisor)
    rng = np.random.default_rng(0)
    at_random = {simulation._choose(conversation, "random", rng) for _ in range(60)}
    assert len(at_random) > 10
    best = conversation.next_question(conversation.belief()).id
    assert simulation._choose(conversation, "most informative", rng) == best
    entries = list(word_advisor.knowledge)
    listed = {name: sum(bool(typical(entry, name)) for entry in entries) for name in followups()}
    usual = simulation._choose(conversation, "most common", rng)
    assert listed[usual] == max(listed.values())


def test_a_conversation_helps_and_is_told_in_a_table(word_advisor):
    held = simulation.simulate(word_advisor, QUESTIONS)
    hits = held.first["the whole question", "most informative", 0.0]
    assert hits.shape == (3, simulation.QUESTIONS + 1)
    assert hits[:, 2].mean() > hits[:, 0].mean()
    rows = held.to_json()
    assert len(rows) == 2 * 3 * 3
    assert json.loads(json.dumps(rows[0]))["cases"] == 3
    table = held.table()
    assert "| most informative | 20% |" in table
    assert "3 cases; the person types the whole question." in table


def test_the_same_seed_gives_the_same_figures(word_advisor):
    first = simulation.simulate(word_advisor, QUESTIONS, seed=3).to_json()
    assert simulation.simulate(word_advisor, QUESTIONS, seed=3).to_json() == first


def test_without_a_cause_nothing_can_be_simulated(word_advisor):
    with pytest.raises(BadSettings):
        simulation.simulate(word_advisor, QUESTIONS[4:])


def test_the_command_prints_the_table(run_cli, tmp_path):
    path = tmp_path / "judged.jsonl"
    lines = [
        json.dumps({"id": q.id, "question": q.question, "grades": dict(q.grades)})
        for q in QUESTIONS[:3]
    ]
    path.write_text("\n".join(lines))
    done = run_cli("eval", "--conversation", str(path))
    assert done.returncode == 0, done.stderr
    assert "| most common | 10% |" in done.stdout
    done = run_cli("eval", "--conversation", "--json", str(path))
    assert len(json.loads(done.stdout)) == 18
