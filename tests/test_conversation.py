"""Conversations: probabilities one can work out by hand, what is asked, undoing, saving."""

from __future__ import annotations

import json
import time
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from conftest import KB
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor import asking
from advisor import knowledge as knowledges
from advisor.answer import Filter
from advisor.asking import CLEAR, MOST_UNKNOWN, MOST_VALUES
from advisor.beliefs import DONT_KNOW as UNKNOWN_SHARE
from advisor.beliefs import DONT_KNOW_IF_UNLISTED, WRONG, Beliefs
from advisor.conversation import Conversation
from advisor.errors import BadQuestion, UnknownName
from advisor.followups import FACETS, followups, typical
from advisor.observed import measured, mentioned, observed
from advisor.reply import CHECK, CONFIRMED, DONT_KNOW, NOT_CONFIRMED, OTHER, Ask, Option, Turn
from advisor.vocabulary import ARCHITECTURES, FRAMEWORKS, OBSERVABLES

VAGUE = "training is strange, gan loss data memory"


@pytest.fixture
def conversation(word_advisor):
    return Conversation.start(word_advisor)


def probabilities(reply) -> dict[str, float]:
    return {match.entry.id: match.probability for match in reply.answer.matches}


def test_the_questions_are_the_vocabulary_in_its_order():
    for name, (_, values) in OBSERVABLES.items():
        assert tuple(followups()[name].labels) == values
    assert set(followups()) == {*OBSERVABLES, *FACETS}
    assert set(followups()["architectures"].labels) == set(ARCHITECTURES) - {"any"}
    assert set(followups()["frameworks"].labels) == set(FRAMEWORKS) - {"any"}


def test_the_prior_is_the_odds_with_one_for_none(small_knowledge):
    beliefs = Beliefs.build(small_knowledge)
    prior = beliefs.prior([0.5, 0.5, 0.75, 0.2, 0.0])
    expected = np.array([1, 1, 3, 0.25, 0, 1])
    assert prior == pytest.approx(expected / expected.sum(), abs=1e-8)


def test_the_likelihood_of_an_answer_can_be_worked_out(small_knowledge):
    beliefs = Beliefs.build(small_knowledge)
    ids = list(small_knowledge.entries)
    # Two entries list the training loss, one value each: flat and rising; 9 values in all.
    overall = (1 + 1) / (2 + 9)
    rising = beliefs.of_answer("train_loss", "rising")
    assert rising[ids.index("rocket-loss")] == pytest.approx(
        (1 - WRONG + WRONG * overall) * (1 - UNKNOWN_SHARE)
    )
    assert rising[ids.index("flat-loss")] == pytest.approx(WRONG * overall * (1 - UNKNOWN_SHARE))
    assert rising[ids.index("same-face")] == pytest.approx(overall * (1 - DONT_KNOW_IF_UNLISTED))
    assert rising[-1] == rising[ids.index("same-face")]


def test_the_answers_to_a_question_are_a_distribution(small_knowledge):
    beliefs = Beliefs.build(small_knowledge)
    for table in beliefs.likelihoods.values():
        assert table.sum(axis=1) == pytest.approx(np.ones(len(small_knowledge) + 1))
        assert (table > 0).all()


def test_something_else_is_all_that_was_not_shown(small_knowledge):
    beliefs = Beliefs.build(small_knowledge)
    values = list(followups()["train_loss"].labels)
    other = beliefs.of_answer("train_loss", OTHER, values[:-1])
    assert other == pytest.approx(beliefs.of_answer("train_loss", values[-1]), abs=1e-8)


def test_the_gain_of_a_question_that_settles_it_is_highest(small_knowledge):
    beliefs = Beliefs.build(small_knowledge)
    ids = list(small_knowledge.entries)
    belief = np.full(6, 1e-9)
    belief[[ids.index("flat-loss"), ids.index("rocket-loss")]] = 0.5
    gains = beliefs.gains(belief, list(followups()))
    assert max(gains, key=gains.get) == "train_loss"
    assert 0.5 < gains["train_loss"] < 1
    assert gains["memory"] == pytest.approx(0, abs=1e-6)
    assert min(gains.values()) > -1e-9


def test_an_answer_moves_its_entry_up_and_rules_others_out(conversation):
    first = conversation.tell(VAGUE)
    before = probabilities(first)
    reply = first.conversation.answer("train_loss", "rising")
    after = probabilities(reply)
    assert after["rocket-loss"] > before["rocket-loss"]
    assert reply.answer.matches[0].entry.id == "rocket-loss"
    assert reply.answer.matches[0].why[0] == "fits your answer: it rises"
    (out,) = [item for item in reply.ruled_out if item.entry == "flat-loss"]
    assert out.why == "you said “it rises”; there it is usually “it stays flat”"
    moves = {move.entry: move for move in reply.moves}
    assert moves["rocket-loss"].before == pytest.approx(before["rocket-loss"])
    assert moves["rocket-loss"].after == pytest.approx(after["rocket-loss"])
    assert reply.confirm.entry == "rocket-loss"
    assert reply.confirm.check == conversation.advisor.knowledge.get("rocket-loss").checks[0]
    assert sum(after.values()) + reply.none == pytest.approx(1)


def test_what_the_text_says_is_heard_and_never_asked(conversation):
    reply = conversation.tell("the training loss goes up, data in memory, gan")
    assert reply.heard == ("training loss: it rises",)
    asked = set()
    while reply.ask:
        asked.add(reply.ask.id)
        reply = reply.conversation.answer(reply.ask.id, reply.ask.options[0].id)
    assert "train_loss" not in asked
    assert "architectures" not in asked


def test_a_long_log_counts_like_an_answer_and_words_do_not(conversation):
    vague = conversation.tell(VAGUE)
    log = "\n".join(f"step {n} loss {1 + n / 10:.2f}" for n in range(40))
    logged = vague.conversation.tell(log)
    assert logged.heard == ("training loss: it rises",)
    lead = logged.answer.matches[0]
    assert lead.entry.id == "rocket-loss"
    assert lead.why[0] == "fits your log: it rises"
    prior = conversation.beliefs.prior(logged.conversation._ranked().probabilities)
    rising = conversation.beliefs.of_answer("train_loss", "rising")
    expected = prior * rising / (prior * rising).sum()
    assert logged.conversation.belief() == pytest.approx(expected)
    # What the person answers takes the place of what the log seemed to show.
    answered = logged.conversation.answer("train_loss", "flat")
    assert probabilities(answered)["flat-loss"] > probabilities(logged)["flat-loss"]
    assert measured("the loss goes up: 1, 2, 3") == {}


def test_the_question_that_tells_most_is_asked_and_none_that_tells_too_little(
    conversation, monkeypatch
):
    first = conversation.tell(VAGUE).conversation
    gains = first.beliefs.gains(first.belief(), list(followups()))
    monkeypatch.setattr(asking, "WORTH", 0.0)
    said = {*observed(VAGUE), *mentioned(VAGUE)}
    left = sorted((gain, name) for name, gain in gains.items() if name not in said)
    asked = first.reply().ask
    assert (asked.gain, asked.id) == left[-1]
    monkeypatch.setattr(asking, "WORTH", asked.gain + 1e-6)
    nothing = first.reply().ask
    assert nothing is None or nothing.id.startswith(CHECK)


def test_not_knowing_tells_little_and_rules_nothing_out(conversation):
    first = conversation.tell(VAGUE)
    reply = first.conversation.answer("train_loss", DONT_KNOW)
    before, after = probabilities(first), probabilities(reply)
    assert reply.ruled_out == ()
    listed = {"rocket-loss", "flat-loss"}
    for name in before.keys() & after.keys():
        share = UNKNOWN_SHARE if name in listed else DONT_KNOW_IF_UNLISTED
        odds = before[name] / first.none, after[name] / reply.none
        assert odds[1] == pytest.approx(odds[0] * share / DONT_KNOW_IF_UNLISTED)


def test_nothing_is_asked_twice_and_asking_ends(conversation):
    reply = conversation.tell(VAGUE)
    asked = []
    while reply.ask:
        assert reply.ask.id not in asked
        asked.append(reply.ask.id)
        reply = reply.conversation.answer(reply.ask.id, reply.ask.options[-2].id)
    assert asked


def test_a_typed_line_names_an_option_by_number_words_or_not_knowing(conversation):
    ask = conversation.tell(VAGUE).ask
    assert ask.chosen(" 2 ") == ask.options[1]
    assert ask.chosen(f"{ask.options[0].label.upper()}.") == ask.options[0]
    for said in ("I don’t know", "dont know", "no idea", "?"):
        assert ask.chosen(said).id == DONT_KNOW
    for said in ("0", "99", "²", "yes", "no", "I don't know why it is flat"):
        assert ask.chosen(said) is None
    options = (Option(CONFIRMED, "it does"), Option(NOT_CONFIRMED, "not"))
    check = Ask(f"{CHECK}rocket-loss", "Does it?", options)
    assert check.chosen("Yes").id == CONFIRMED
    assert check.chosen("no").id == NOT_CONFIRMED
    assert check.chosen("skip") is None


def test_a_clear_entry_is_not_asked_about(conversation):
    reply = conversation.tell(VAGUE)
    for question, value in (("train_loss", "rising"), ("memory", "stable")):
        reply = reply.conversation.answer(question, value)
    reply = reply.conversation.answer(f"{CHECK}rocket-loss", CONFIRMED)
    assert reply.answer.matches[0].probability >= CLEAR
    assert reply.ask is None
    assert reply.answer.verdict == "match"


def test_a_person_who_knows_nothing_is_left_alone(conversation):
    reply = conversation.tell(VAGUE)
    for name in ("train_loss", "memory", "outputs")[:MOST_UNKNOWN]:
        reply = reply.conversation.answer(name, DONT_KNOW)
    assert reply.ask is None
    assert not reply.ruled_out


def test_its_check_is_asked_about_when_no_question_is_left(conversation, monkeypatch):
    monkeypatch.setattr(asking, "WORTH", 99)
    monkeypatch.setattr(asking, "CLEAR", 1.0)
    reply = conversation.tell("loss climbs like a rocket")
    assert reply.ask.id == f"{CHECK}rocket-loss"
    assert reply.confirm.check.do in reply.ask.text
    assert [option.id for option in reply.ask.options] == [CONFIRMED, NOT_CONFIRMED, DONT_KNOW]
    assert reply.conversation.answer(reply.ask.id, CONFIRMED).ask is None
    assert reply.conversation.answer(reply.ask.id, DONT_KNOW).ask is None


def test_a_conversation_is_a_frozen_value(conversation):
    reply = conversation.tell(VAGUE)
    before = reply.conversation.to_json()
    reply.conversation.answer("train_loss", "rising")
    assert reply.conversation.to_json() == before
    assert conversation.turns == ()
    with pytest.raises(FrozenInstanceError):
        reply.conversation.turns = ()


def test_a_rejected_entry_is_gone_and_the_next_one_leads(conversation):
    first = conversation.tell("loss climbs like a rocket")
    lead = first.answer.matches[0].entry
    reply = first.conversation.reject(lead.id)
    assert lead.id not in probabilities(reply)
    assert reply.answer.matches[0].entry.id == first.answer.matches[1].entry.id
    assert reply.look_elsewhere == lead.otherwise
    assert reply.ruled_out[0].entry == lead.id


def test_everything_can_be_rejected(conversation):
    reply = conversation.tell(VAGUE)
    for entry_id in conversation.advisor.knowledge.entries:
        reply = reply.conversation.reject(entry_id)
    assert reply.answer.matches == ()
    assert reply.answer.verdict == "none"
    assert reply.none == 1
    assert reply.ask is None
    assert reply.confirm is None


def test_a_check_that_fails_lowers_its_entry(conversation):
    first = conversation.tell("loss climbs like a rocket")
    lead = first.answer.matches[0]
    reply = first.conversation.answer(f"{CHECK}{lead.entry.id}", NOT_CONFIRMED)
    # Odds of one to nineteen, against everything else.
    odds = lead.probability / (1 - lead.probability) / 19
    assert probabilities(reply)[lead.entry.id] == pytest.approx(odds / (1 + odds))
    again = reply.conversation.answer(f"{CHECK}{lead.entry.id}", CONFIRMED)
    assert probabilities(again)[lead.entry.id] > lead.probability


def test_undo_gives_the_reply_before(conversation):
    first = conversation.tell(VAGUE)
    assert first.conversation.undo() is None
    second = first.conversation.answer("train_loss", "rising")
    third = second.conversation.reject("rocket-loss")
    fourth = third.conversation.tell("and the loss is flat")
    assert fourth.conversation.undo() == third
    assert third.conversation.undo() == second
    assert second.conversation.undo().answer == first.answer


def test_telling_more_ranks_again_and_keeps_the_answers(conversation):
    first = conversation.tell("something is strange with training")
    second = first.conversation.answer("memory", "gpu-growing")
    third = second.conversation.tell("my gan paints one face")
    assert third.answer.question == "something is strange with training\nmy gan paints one face"
    assert "fits your answer: GPU memory grows" in [
        why for match in third.answer.matches for why in match.why
    ]


def test_a_conversation_survives_writing_and_reading(conversation, word_advisor):
    reply = conversation.tell(VAGUE).conversation.answer("train_loss", "rising")
    reply = reply.conversation.reject("hot-memory")
    written = json.loads(json.dumps(reply.conversation.to_json()))
    again = Conversation.from_json(written, word_advisor)
    assert again == reply.conversation
    assert again.reply() == reply


def test_turns_about_what_no_longer_exists_are_left_out(word_advisor):
    turns = [
        {"kind": "tell", "text": VAGUE},
        {"kind": "reject", "entry": "gone-entry"},
        {"kind": "answer", "question": "gone", "option": "x"},
        {"kind": "answer", "question": "train_loss", "option": "gone"},
        {"kind": "answer", "question": "check:gone-entry", "option": "confirmed"},
    ]
    read = Conversation.from_json({"schema": 1, "turns": turns}, word_advisor)
    assert read.turns == (Turn("tell", text=VAGUE),)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"schema": 9, "turns": []},
        {"schema": 1, "turns": [{"kind": "shout"}]},
        {"schema": 1, "turns": [{"kind": "reject", "entry": "flat-loss"}]},
        {"schema": 1, "turns": [], "only": {"colour": "red"}},
        {"schema": 1, "turns": 7},
        {"schema": 1, "turns": [7]},
    ],
)
def test_what_is_no_conversation_is_refused(values, word_advisor):
    with pytest.raises(ValueError):
        Conversation.from_json(values, word_advisor)


def test_wrong_names_are_told(conversation):
    told = conversation.tell(VAGUE).conversation
    for act in (
        lambda: told.answer("train_los", "rising"),
        lambda: told.answer("train_loss", "risin"),
        lambda: told.reject("rocket"),
        lambda: told.answer("check:rocket", CONFIRMED),
    ):
        with pytest.raises(UnknownName):
            act()
    with pytest.raises(BadQuestion):
        conversation.answer("train_loss", "rising")
    for empty in ("   ", "", "?!"):
        with pytest.raises(BadQuestion):
            conversation.tell(empty)
        with pytest.raises(BadQuestion):
            told.tell(empty)


def test_a_filter_holds_through_a_conversation(word_advisor):
    conversation = Conversation.start(word_advisor, Filter(framework="scikit-learn"))
    reply = conversation.tell(VAGUE).conversation.answer("train_loss", "rising")
    fits = {entry.id for entry in word_advisor.knowledge if conversation.only.lets_through(entry)}
    assert set(probabilities(reply)) == fits
    assert "hot-memory" not in fits


def test_the_json_is_the_answer_and_ask(conversation):
    reply = conversation.tell(VAGUE)
    printed = json.loads(json.dumps(reply.to_json()))
    assert {**printed, "ask": None} == {**reply.answer.to_json(), "ask": None}
    assert set(printed["ask"]) == {"id", "text", "options"}
    assert {"id": DONT_KNOW, "label": "I don't know"} in printed["ask"]["options"]
    assert len(printed["ask"]["options"]) <= MOST_VALUES + 2


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_path_keeps_a_distribution_and_can_be_written(word_advisor, data):
    reply = Conversation.start(word_advisor).tell(VAGUE)
    ids = list(word_advisor.knowledge.entries)
    for _ in range(data.draw(st.integers(0, 6))):
        step = data.draw(st.sampled_from(["answer", "reject", "tell", "undo"]))
        if step == "answer":
            name = data.draw(st.sampled_from(list(followups())))
            values = [*followups()[name].labels, OTHER, DONT_KNOW]
            reply = reply.conversation.answer(name, data.draw(st.sampled_from(values)))
        elif step == "reject":
            reply = reply.conversation.reject(data.draw(st.sampled_from(ids)))
        elif step == "tell":
            reply = reply.conversation.tell(data.draw(st.text("ab loss", min_size=1)) + "x")
        else:
            reply = reply.conversation.undo() or reply
        assert sum(probabilities(reply).values()) + reply.none == pytest.approx(1)
        read = Conversation.from_json(reply.conversation.to_json(), word_advisor)
        assert read.reply().answer == reply.answer


def test_a_turn_takes_milliseconds_with_all_entries(word_advisor):
    """The real entries' likelihoods; the ranker's part is apart."""
    knowledge = knowledges.load([KB])
    beliefs = Beliefs.build(knowledge)
    rng = np.random.default_rng(0)
    belief = beliefs.prior(rng.uniform(0, 0.3, len(knowledge)))
    begin = time.perf_counter()
    for _ in range(10):
        beliefs.gains(belief, list(followups()))
    # Measured: 0.5 ms for all 18 questions.
    assert (time.perf_counter() - begin) / 10 < 0.03


def test_every_entry_says_something_to_some_question():
    for entry in knowledges.load([KB]):
        assert any(typical(entry, name) for name in OBSERVABLES), entry.id


def test_words_after_a_long_paste_are_read_and_the_cut_is_told_once(word_advisor):
    log = "\n".join(f"step {number} value {number}.5 seconds" for number in range(1500))
    reply = Conversation.start(word_advisor).tell("my training is strange")
    reply = reply.conversation.tell(log)
    assert "20,000 characters" in reply.answer.note
    reply = reply.conversation.tell("loss climbs like a rocket")
    assert "loss climbs like a rocket" in reply.answer.question
    assert reply.answer.matches[0].entry.id == "rocket-loss"
    reply = reply.conversation.answer("train_loss", "rising")
    assert reply.answer.note == ""


def test_that_memory_is_steady_is_what_most_troubles_show(word_advisor):
    """An entry that says nothing of memory is not held to be an odd case of it."""
    beliefs = Beliefs.build(word_advisor.knowledge)
    steady, growing = (beliefs.of_answer("memory", value) for value in ("stable", "gpu-growing"))
    silent = [not entry.observables.get("memory") for entry in word_advisor.knowledge]
    assert any(silent)
    assert (steady[:-1][silent] > 2 * growing[:-1][silent]).all()
