"""The artefacts agree with what they were made from; needs torch and sentence-transformers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import ROOT, plain_ranker

from advisor.settings import PACKAGE

pytestmark = [
    pytest.mark.train,
    # torch's exporter and its dependencies warn about themselves.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def texts():
    lines = (ROOT / "tests" / "questions" / "judged.jsonl").read_text().splitlines()
    return [json.loads(line)["question"] for line in lines[:200]]


@pytest.fixture(scope="module")
def original():
    from sentence_transformers import SentenceTransformer

    from advisor.training.export import base_model_folder

    return SentenceTransformer(str(base_model_folder()), device="cpu")


def test_an_export_agrees_with_sentence_transformers(original, texts, tmp_path):
    from advisor.encoder import OnnxEncoder
    from advisor.training import export

    export.export(export.base_model_folder(), tmp_path, texts[:50])
    made = OnnxEncoder(tmp_path).encode(texts)
    expected = original.encode(texts, normalize_embeddings=True)
    cosines = (made * expected).sum(axis=1)
    assert len(cosines) == 200
    assert cosines.min() >= 0.99
    assert (tmp_path / "encoder.onnx").stat().st_size <= 24_000_000
    assert str(tmp_path).encode() not in (tmp_path / "encoder.onnx").read_bytes()


def test_no_pair_of_products_exceeds_16_bits():
    """Processors without VNNI cut such sums: vectors would depend on the machine."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(PACKAGE / "model" / "encoder.onnx")).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulInteger"]
    # Six layers with query, key and value in one, attention's output, and two of the network.
    assert len(products) == 6 * 4
    for node in products:
        weights = numpy_helper.to_array(stored[node.input[1]]).astype(int)
        middle = int(numpy_helper.to_array(stored[node.input[2]]))
        assert 2 * (2 * middle - 1) * np.abs(weights).max() < 1 << 15


def test_the_base_weights_are_checked(monkeypatch):
    from advisor.errors import AdvisorError
    from advisor.training import export

    monkeypatch.setattr(export, "BASE_SHA256", "0" * 64)
    with pytest.raises(AdvisorError, match="not the official"):
        export.base_model_folder()


def test_another_encoder_can_be_named(small_settings, texts):
    import dataclasses

    from advisor.answer import open_advisor
    from advisor.training.export import base_model_folder

    settings = dataclasses.replace(small_settings, encoder=str(base_model_folder()))
    advisor = open_advisor(settings)
    assert advisor.encoder.name.startswith("sentence-transformers:")
    assert advisor.ask("my gan paints one face").matches[0].entry.id == "same-face"


def test_fitting_learns_to_put_the_right_entry_first(word_advisor, tmp_path):
    from advisor import ranking
    from advisor.learned import load_learned
    from advisor.training.fit import fit_ranker

    ours = {
        "rocket-loss": ["rocket", "divergence"],
        "flat-loss": ["plateau", "boredom"],
        "hot-memory": ["leak", "allocation"],
        "same-face": ["gan", "portrait"],
        "leaky-split": ["holdout", "clinic"],
    }
    lines = [
        {"id": f"{entry}{word}{n}", "question": f"the {word} is strange {n}", "grades": {entry: 2}}
        for entry, words in ours.items()
        for word in words
        for n in range(3)
    ]
    lines += [
        {
            "id": f"o{n}",
            "question": f"which soup tastes best {n}",
            "grades": {},
            "out_of_scope": "x",
        }
        for n in range(20)
    ]
    path = tmp_path / "judged.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    said = fit_ranker(
        word_advisor.index,
        word_advisor.encoder,
        word_advisor.settings.kb,
        [path],
        tmp_path / "ranker.json",
    )
    assert "50 questions" in said
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "30 judged questions in scope and 20 to decline" in card
    assert f"Encoder: {word_advisor.encoder.name}, not the one that is shipped" in card
    ranker = ranking.load_ranker(tmp_path / "ranker.json")
    keywords = ranking.load_ranker(tmp_path / ranking.KEYWORD_RANKER.name, ranking.KEYWORD_FEATURES)
    assert 0 < keywords.taught.none_below <= keywords.taught.match_above < 1
    taught = load_learned(tmp_path / "learned.npz")
    assert taught.ids == word_advisor.index.ids
    assert taught.encoder == word_advisor.encoder.name

    def best(question: str, by: ranking.Ranker) -> tuple[str, float]:
        vector = word_advisor.encoder.encode([question])[0]
        columns = ranking.features(word_advisor.index, taught, question, vector)
        chances = by.probabilities(columns, ranking.known_entries(word_advisor.index, taught))
        return word_advisor.index.ids[int(np.argmax(chances))], float(chances.max())

    assert best("a portrait is strange", ranker)[0] == "same-face"
    inside, outside = best("a leak is strange", ranker)[1], best("tasty soup", ranker)[1]
    assert ranker.verdict(inside, known=True) == "match"
    assert inside > outside
    assert plain_ranker().taught.weights.shape == ranker.taught.weights.shape


def _rows(count: int = 60):
    """Questions with five candidates: `spoken_mean` tells the right one, `length` the scope."""
    from advisor import ranking
    from advisor.training.regression import Rows

    random = np.random.default_rng(0)
    features = random.normal(size=(count * 5, len(ranking.FEATURES)))
    groups = np.repeat(np.arange(count), 5)
    outside = np.arange(count) % 4 == 0
    grades = np.where((np.arange(count * 5) % 5 == 2) & ~outside[groups], 2, 0)
    features[:, ranking.FEATURES.index("spoken_mean")] += 4 * (grades > 0)
    features[:, ranking.FEATURES.index("length")] = np.where(outside, -2.0, 2.0)[groups]
    return Rows(features, grades, groups, np.arange(count) % 4, outside)


def test_the_regression_orders_by_what_tells_entries_apart_and_doubts_by_the_question():
    from advisor import ranking
    from advisor.training import regression

    values = regression.fit(_rows(), ranking.FEATURES)
    weights = {name: part["weight"] for name, part in values["features"].items()}
    others = [abs(w) for name, w in weights.items() if name not in ("spoken_mean", "length")]
    assert weights["spoken_mean"] > 3 * np.median(others)
    assert weights["length"] > 0
    assert values["none_below"] <= values["match_above"]
    assert "calibration error" in regression.sentence(values)


def test_ranks_count_within_a_question():
    from advisor.training import regression

    scores = np.array([0.1, 0.9, 0.5, 7.0, 8.0])
    ranks = regression._ranks(scores, np.array([4, 4, 4, 9, 9]))
    assert ranks.tolist() == [2, 0, 1, 1, 0]


def test_the_ablation_shows_what_the_right_entry_was_found_by():
    from advisor.training import regression

    found = regression.ablation(_rows())
    assert found["everything"]["hit@1"] > 0.9
    without = found["without the nearest symptoms and wordings"]
    assert without["hit@1"] < 0.5
    assert without["hit@1"] <= without["hit@3"]


def test_the_calibration_error_is_the_gap_between_said_and_seen():
    from advisor.training.regression import calibration_error

    random = np.random.default_rng(0)
    said = random.random(5000)
    assert calibration_error(said, random.random(5000) < said) < 0.03
    assert calibration_error(said, random.random(5000) < said**3) > 0.15
    assert calibration_error(np.full(100, 0.9), np.zeros(100, bool)) == pytest.approx(0.9)
    assert calibration_error(np.ones(100), np.ones(100, bool)) == pytest.approx(0)


def test_thresholds_keep_the_stated_error_rates():
    from advisor.training import regression

    inside, outside = np.linspace(0, 1, 1001), np.linspace(0, 0.5, 501)
    match_above, none_below = regression.thresholds(inside, outside)
    assert np.mean(outside >= match_above) == pytest.approx(
        regression.MAX_OUT_OF_SCOPE_MATCHED, abs=0.01
    )
    assert np.mean(inside < none_below) == pytest.approx(regression.MAX_IN_SCOPE_DECLINED, abs=0.01)
