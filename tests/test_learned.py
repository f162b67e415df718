"""The classifiers: what they read, what they say, and that a file gives back what was saved."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import WordEncoder, plain_ranker

from advisor import index, ranking
from advisor.answer import Advisor
from advisor.errors import AdvisorError
from advisor.learned import LEARNED, Learned, load_learned, terms
from advisor.lexical import tokens


@pytest.fixture
def taught():
    """Two classes and "none of these": rockets speak of "rocket", flat losses of "plateau"."""
    vocabulary = {"rocket": 0, "plateau": 1, "rocket plateau": 2}
    return Learned(
        ids=("rocket-loss", "flat-loss"),
        encoder="words",
        meaning=np.zeros((512, 3), np.float32),
        meaning_bias=np.array([0.0, 0.0, 1.0], np.float32),
        vocabulary=vocabulary,
        idf=np.array([1.0, 2.0, 3.0], np.float32),
        starts=np.array([0, 1, 2, 3], np.int32),
        columns=np.array([0, 1, 1], np.uint16),
        weights=np.array([0.5, 0.5, 0.5], np.float32),
        words_bias=np.zeros(3, np.float32),
    )


def test_terms_are_keywords_and_neighbouring_pairs():
    assert terms("the loss rockets up") == [*tokens("loss rockets up"), "loss rocket", "rocket up"]
    assert terms("") == []


def test_the_weights_of_a_text_have_length_one_and_count_repeats_slowly(taught):
    weighed = taught.weigh("rocket rocket plateau, and words nobody taught")
    raw = {0: 1 + np.log(2), 1: 2.0, 2: 3.0}
    length = np.sqrt(sum(value**2 for value in raw.values()))
    assert weighed == pytest.approx({term: value / length for term, value in raw.items()})
    assert taught.weigh("xylophone") == {}


def test_shares_add_up_to_one_and_follow_the_words(taught):
    shares = np.exp(taught.by_words("a rocket"))
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert np.exp(taught.by_meaning(np.zeros(512, np.float32))).sum() == pytest.approx(1)
    assert np.exp(taught.by_words("xylophone")) == pytest.approx([1 / 3] * 3)


def test_a_saved_file_gives_the_same_answers(taught, tmp_path):
    taught.save(tmp_path / "learned.npz")
    again = load_learned(tmp_path / "learned.npz")
    assert again.ids == taught.ids
    assert again.vocabulary == taught.vocabulary
    for text in ("a rocket", "plateau rocket plateau", "xylophone"):
        np.testing.assert_array_equal(again.by_words(text), taught.by_words(text))


@pytest.mark.parametrize("content", [b"", b"not a zip", "cut off", None])
def test_a_damaged_file_is_explained(content, taught, tmp_path):
    path = tmp_path / "learned.npz"
    if content == "cut off":
        taught.save(path)
        path.write_bytes(path.read_bytes()[:-200])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(AdvisorError, match="cannot be read"):
        load_learned(path)


def test_entries_that_were_not_taught_are_ranked_without(taught, small_knowledge, small_settings):
    encoder = WordEncoder()
    made = index.build(small_knowledge, encoder)
    known = ranking.known_entries(made, taught)
    assert {name for name, yes in zip(made.ids, known) if yes} == set(taught.ids)
    question = "rocket"
    vector = encoder.encode([question])[0]
    features = ranking.features(made, taught, question, vector)
    column = features[:, ranking.FEATURES.index("learned_words")]
    assert (column[~known] == ranking.LOWEST_SHARE).all()
    assert column[made.ids.index("rocket-loss")] > -0.1
    plain = plain_ranker()
    # A ranker whose taught fit is certain: only the taught entries feel it.
    sure = dataclasses.replace(plain, taught=dataclasses.replace(plain.taught, bias=50.0))
    found = sure.probabilities(features, known)
    assert (found[known] > 0.99).all()
    np.testing.assert_array_equal(found[~known], plain.probabilities(features, known)[~known])


def test_the_shipped_classifiers_know_the_built_in_entries():
    from advisor import knowledge
    from advisor.settings import built_in_kb

    entries = set(knowledge.load([built_in_kb()]).entries)
    taught = set(load_learned(LEARNED).ids)
    assert taught <= entries
    # A few entries may be newer; many mean that nobody ran `dladvisor fit`.
    assert len(entries - taught) <= 0.1 * len(entries)


def test_another_encoder_is_asked_without_them(monkeypatch, small_settings):
    from advisor import answer, encoder

    monkeypatch.setattr(encoder, "open_encoder", lambda *_: WordEncoder())
    monkeypatch.setattr(answer.store, "open_index", lambda *_: _index())
    advisor = answer.open_advisor(small_settings)
    assert isinstance(advisor, Advisor)
    assert advisor.learned is None


def _index():
    from conftest import SMALL_KB

    from advisor import knowledge

    return index.build(knowledge.load([SMALL_KB]), WordEncoder())
