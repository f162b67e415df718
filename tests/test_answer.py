"""Answers: order, probabilities, verdicts, filters and reasons, computed by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from conftest import WordEncoder, plain_ranker

from advisor import index, ranking
from advisor.answer import Advisor, Filter
from advisor.errors import BadQuestion
from advisor.learned import load_learned
from advisor.results import LIKELIHOODS, Answer, in_words


def test_the_entry_that_says_it_comes_first(word_advisor):
    answer = word_advisor.ask("loss climbs like a rocket, divergence again")
    assert answer.matches[0].entry.id == "rocket-loss"
    assert answer.verdict == "match"
    chances = [match.probability for match in answer.matches]
    assert chances == sorted(chances, reverse=True)


def test_the_probability_is_the_fitted_formula(word_advisor):
    answer = word_advisor.ask("my gan paints one face")
    top = answer.matches[0]
    assert top.entry.id == "same-face"
    expected = 1 / (1 + np.exp(-(10 * top.features["spoken_mean"] - 3)))
    assert top.probability == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("bounds", "verdict"), [((0.0, 0.0), "match"), ((1.1, 0.0), "unsure"), ((1.1, 1.05), "none")]
)
def test_the_verdict_follows_the_thresholds(word_advisor, bounds, verdict):
    advisor = Advisor(
        word_advisor.index, word_advisor.encoder, plain_ranker(*bounds), word_advisor.settings
    )
    answer = advisor.ask("loss climbs like a rocket")
    assert answer.verdict == verdict
    assert len(answer.matches) == 5


def test_all_questions_of_a_batch_are_answered_in_order(word_advisor):
    asked = [f"{text} {number}" for number in range(70) for text in ("loss is nan", "one face")]
    only = Filter(framework="keras")
    answers = [answer.to_json() for answer in word_advisor.ask_all(asked, 2, only)]
    assert answers == [word_advisor.ask(one, 2, only).to_json() for one in asked]
    assert list(word_advisor.ask_all([])) == []


def test_top_limits_the_matches(word_advisor):
    assert len(word_advisor.ask("loss is nan", top=2).matches) == 2


def test_filters_let_through_what_fits_or_fits_any(word_advisor):
    def ids(**only):
        return {m.entry.id for m in word_advisor.ask("loss is nan", only=Filter(**only)).matches}

    assert ids(category="memory") == {"hot-memory"}
    assert ids(framework="pytorch") == set(word_advisor.knowledge.entries)
    assert ids(framework="keras") == {"rocket-loss", "flat-loss", "same-face"}
    assert ids(stage="evaluation") == {"leaky-split", "same-face"}
    assert ids(evidence="contested") == {"same-face"}
    nothing = word_advisor.ask("loss is nan", only=Filter(category="rl"))
    assert (nothing.verdict, nothing.matches) == ("none", ())


def test_reasons_name_message_symptom_and_words(word_advisor):
    answer = word_advisor.ask("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB")
    top = answer.matches[0]
    assert top.entry.id == "hot-memory"
    assert top.why[0].startswith("the message: ")
    assert any("CUDA out of memory" in reason for reason in top.why)
    reason = word_advisor.ask("all generated images are identical").matches[0].why[0]
    assert reason == "sounds like: all generated images are identical"


def test_no_reason_quotes_a_wording_that_is_not_shown(word_advisor):
    for match in word_advisor.ask("my portrait looks off to me").matches:
        shown = {*match.entry.symptoms, *match.entry.messages}
        for reason in match.why:
            if ": " in reason and not reason.startswith("shared words"):
                assert reason.split(": ", 1)[1].rstrip("…") in "\n".join(shown)


def test_a_quoted_message_beats_other_words(word_advisor):
    features = ranking.features(
        word_advisor.index,
        None,
        "help, RuntimeWarning: overflow encountered in exp",
        word_advisor.encoder.encode(["overflow"])[0],
    )
    column = features[:, ranking.FEATURES.index("message")]
    order = list(word_advisor.index.ids)
    assert column[order.index("rocket-loss")] == pytest.approx(np.log1p(3) * np.sqrt(3 / 6))
    assert np.count_nonzero(column) == 1


def test_the_json_contract(word_advisor):
    answer = word_advisor.ask("loss climbs like a rocket", top=1)
    payload = json.loads(json.dumps(answer.to_json()))
    assert list(payload) == ["schema", "question", "verdict", "matches"]
    assert payload["schema"] == 1
    (match,) = payload["matches"]
    assert list(match) == [
        "id", "title", "probability", "why", "cause", "checks", "remedies", "url",
    ]  # fmt: skip
    assert list(match["checks"][0]) == ["do", "expect"]
    assert list(match["remedies"][0]) == ["do", "cost", "effect"]
    assert match["url"] == "kb/rocket-loss/"


def test_a_question_without_words_is_refused(word_advisor):
    with pytest.raises(BadQuestion):
        word_advisor.ask(" \n")


def test_words_nobody_knows_find_nothing_sure(word_advisor):
    answer = word_advisor.ask("xylophone zeppelin quux")
    assert answer.verdict == "none"
    assert answer.matches


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.9, "very likely"), (0.6, "likely"), (0.3, "possible"), (0.1, "unlikely")],
)
def test_probabilities_in_words(probability, words):
    assert in_words(probability) == words


def test_one_entry_is_a_knowledge_base_too(small_knowledge, small_settings):
    from advisor.knowledge import Knowledge

    alone = Knowledge({"same-face": small_knowledge.get("same-face")})
    encoder = WordEncoder()
    advisor = Advisor(index.build(alone, encoder), encoder, plain_ranker(), small_settings)
    answer: Answer = advisor.ask("my gan paints one face")
    assert [match.entry.id for match in answer.matches] == ["same-face"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (ranking.RANKER, ranking.FEATURES),
        (ranking.KEYWORD_RANKER, ranking.KEYWORD_FEATURES),
    ],
    ids=["meaning", "keywords"],
)
def test_the_shipped_rankers_have_every_feature(path, names):
    ranker = ranking.load_ranker(path, names)
    assert len(ranker.taught.weights) == len(names)
    for fit in (ranker.taught, ranker.untaught):
        assert (fit.scales > 0).all()
        assert 0 < fit.none_below <= fit.match_above < 1


def test_keyword_features_are_those_of_the_whole_ranking(word_advisor):
    taught = dataclasses.replace(
        load_learned(), meaning=np.zeros((512, len(load_learned().meaning_bias)), np.float32)
    )
    question = "CUDA out of memory after an hour, loss climbs"
    vector = word_advisor.encoder.encode([question])[0]
    whole = ranking.features(word_advisor.index, taught, question, vector)
    columns = [ranking.FEATURES.index(name) for name in ranking.KEYWORD_FEATURES]
    found = ranking.keyword_features(word_advisor.index, taught, question)
    np.testing.assert_array_equal(found, whole[:, columns])


def test_crumbs_of_words_are_no_reason(word_advisor):
    for question in ("GiB of memory with bf16, lr too high", "an ab cd loss climbs like a rocket"):
        for match in word_advisor.ask(question).matches:
            for reason in match.why:
                if reason.startswith("shared words: "):
                    words = reason.removeprefix("shared words: ").split(", ")
                    assert not {"gi", "bf", "an", "ab", "cd"} & set(words)


def test_what_is_not_sure_is_never_called_very_likely():
    for ranker in (
        ranking.load_ranker(),
        ranking.load_ranker(ranking.KEYWORD_RANKER, ranking.KEYWORD_FEATURES),
    ):
        assert max(ranker.taught.match_above, ranker.untaught.match_above) <= LIKELIHOODS[0][0]
