"""What a question says of itself, against what each entry says: two columns of numbers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from conftest import ROOT

from advisor import ranking
from advisor.knowledge import load
from advisor.observed import observed
from advisor.signs import Signs

ENTRIES = list(load([ROOT / "tests" / "kb"]))
IDS = [entry.id for entry in ENTRIES]
SIGNS = Signs.of(ENTRIES)


def column(name: str, text: str) -> dict[str, float]:
    return dict(zip(IDS, map(float, SIGNS.features(text)[name])))


def test_what_both_say_counts_by_its_rarity():
    shared = column("observed", "the training loss keeps rising")
    assert shared.pop("rocket-loss") == pytest.approx(math.log(len(ENTRIES)))
    assert set(shared.values()) == {0.0}


def test_a_value_that_most_entries_show_tells_less():
    rising = ENTRIES[IDS.index("rocket-loss")]
    twice = Signs.of([*ENTRIES, dataclasses.replace(rising, id="rocket-again")])
    found = twice.features("the training loss keeps rising")["observed"]
    assert found[IDS.index("rocket-loss")] == pytest.approx(math.log(6 / 2))


def test_only_entries_that_tell_of_it_are_contradicted():
    against = column("contradicted", "the training loss keeps rising")
    assert against == {name: float(name == "flat-loss") for name in IDS}


def test_a_question_that_tells_nothing_changes_nothing():
    for values in SIGNS.features("please help").values():
        assert not values.any()


def test_the_columns_of_a_log_count_although_the_encoder_does_not_read_them(word_advisor):
    log = "\n".join(f"step {step} loss {2 + step / 10:.2f}" for step in range(40))
    question = f"what is wrong here\n{log}"
    assert observed(question)["train_loss"] == ("rising",)
    features = word_advisor.rank(question).features
    at = list(word_advisor.index.ids).index("rocket-loss")
    assert features[at, ranking.FEATURES.index("observed")] > 1


def test_no_entry_means_no_rows():
    assert Signs.of([]).features("loss is nan in pytorch")["observed"].shape == (0,)


def test_no_nan_comes_from_a_log_of_nans():
    log = "\n".join("acc: nan val_acc: nan loss: nan" for _ in range(5))
    for values in SIGNS.features(log).values():
        assert np.isfinite(values).all()
    assert "val_metric" not in observed(log)
    assert "gap" not in observed(log)
