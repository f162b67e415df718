"""Keywords: spellings of the field agree, and BM25 is the formula it claims to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.lexical import Bm25, message_key, rounded, surfaces, tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("val loss", "validation loss"),
        ("learning rate", "lr"),
        ("Learning-Rate", "LR"),
        ("CUDA out of memory", "CUDA OOM"),
        ("batch size", "bs"),
        ("weight decay", "wd"),
        ("gradients exploding", "grads exploded"),
        ("normalisation", "normalization"),
        ("DataLoader", "data loader"),
        ("images", "pictures"),
        ("isn't", "isnt"),
    ],
)
def test_spellings_that_mean_the_same_are_the_same(one, other):
    assert tokens(one) == tokens(other)


def test_identifiers_are_split_and_numbers_kept():
    assert tokens("optimizer.zero_grad() lr=3e-4 at 0.693") == tokens(
        "optimizer zero grad lr 3e-4 at 0.693"
    )
    assert "3e-4" in tokens("lr=3e-4")
    assert "300" in tokens("after 300 steps")


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("0.6931", "0.69"),
        ("0.693", "0.69"),
        ("0.69", "0.69"),
        ("0.4999", "0.5"),
        ("0.5000", "0.5"),
        ("2.3026", "2.3"),
        ("2.30", "2.3"),
        ("1.0986", "1.1"),
        ("10.82", "10.8"),
        ("1.0", "1"),
        ("0.0", "0"),
        ("0.001", "1e-3"),
        ("1e-3", "1e-3"),
        ("0.00098", "1e-3"),
        ("0.05", "5e-2"),
        ("98.7%", "99%"),
        ("50%", "50%"),
        ("12345", "12345"),
        ("1e12", "1e12"),
    ],
)
def test_numbers_are_rounded_to_what_people_type(typed, word):
    assert rounded(typed) == word
    assert rounded(word) == word


@given(st.floats(0, 1e12))
def test_any_number_keeps_its_size(value):
    found = float(rounded(format(value, ".12f")))
    assert found == pytest.approx(value, rel=0.52, abs=1e-9)


def test_stop_words_go_but_negation_stays():
    assert tokens("the loss is not going down") == ["loss", "not", "go", "down"]


def test_surfaces_give_the_words_as_typed():
    assert surfaces("My Learning Rate exploded")["learningr"] == "learning rate"
    assert "exploded" in surfaces("My Learning Rate exploded").values()


def test_bm25_scores_are_lucenes():
    documents = [["loss", "nan", "nan"], ["loss", "flat"], ["gan", "face", "same", "face"]]
    engine = Bm25.build(documents)
    scores = engine.score(["nan", "loss", "unknown"])
    average = (3 + 2 + 4) / 3

    def idf(count: int) -> float:
        return math.log(1 + (3 - count + 0.5) / (count + 0.5))

    def weight(frequency: int, length: int) -> float:
        return frequency / (frequency + 1.2 * (1 - 0.75 + 0.75 * length / average))

    expected = [
        idf(1) * weight(2, 3) + idf(2) * weight(1, 3),
        idf(2) * weight(1, 2),
        0.0,
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_the_weight_of_a_word_is_its_part_of_the_score():
    engine = Bm25.build([["loss", "nan", "nan"], ["flat"], ["loss", "face"]])
    for word in ("loss", "nan", "face", "unknown"):
        for document in range(3):
            assert engine.weight(word, document) == engine.score([word])[document]
    assert engine.share("loss") == pytest.approx(2 / 3)


def test_a_repeated_word_counts_once():
    engine = Bm25.build([["loss", "nan"], ["loss"]])
    np.testing.assert_array_equal(engine.score(["nan"] * 50), engine.score(["nan"]))


def test_bm25_survives_the_disk(tmp_path):
    engine = Bm25.build([["loss", "nan"], ["face"]])
    engine.save(tmp_path, "x")
    again = Bm25.load(tmp_path, "x")
    np.testing.assert_array_equal(again.score(["face", "nan"]), engine.score(["face", "nan"]))
    assert again.vocabulary == engine.vocabulary


def test_no_documents_score_nothing():
    assert Bm25.build([]).score(["loss"]).shape == (0,)
    assert Bm25.build([[]]).score(["loss"]).tolist() == [0.0]


def test_a_message_is_found_in_its_traceback_whatever_the_punctuation():
    asked = message_key("RuntimeError:  CUDA error -- device-side assert triggered\n  at x.py")
    assert message_key("CUDA error: device-side assert triggered") in asked
    assert message_key("assert trigger") not in asked
