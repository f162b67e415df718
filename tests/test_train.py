"""The artefacts agree with what they were made from; needs torch and sentence-transformers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import ROOT, plain_ranker

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

    export.export(export.base_model_folder(), tmp_path)
    made = OnnxEncoder(tmp_path).encode(texts)
    expected = original.encode(texts, normalize_embeddings=True)
    cosines = (made * expected).sum(axis=1)
    assert len(cosines) == 200
    assert cosines.min() >= 0.98
    assert (tmp_path / "encoder.onnx").stat().st_size <= 24_000_000
    assert str(tmp_path).encode() not in (tmp_path / "encoder.onnx").read_bytes()


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
    ranker = ranking.load_ranker(tmp_path / "ranker.json")
    keywords = ranking.load_ranker(tmp_path / ranking.KEYWORD_RANKER.name, ranking.KEYWORD_FEATURES)
    assert 0 < keywords.none_below <= keywords.match_above < 1

    def best(question: str, by: ranking.Ranker) -> tuple[str, float]:
        vector = word_advisor.encoder.encode([question])[0]
        chances = by.probabilities(ranking.features(word_advisor.index, question, vector))
        return word_advisor.index.ids[int(np.argmax(chances))], float(chances.max())

    assert best("a portrait is strange", ranker)[0] == "same-face"
    inside, outside = best("a leak is strange", ranker)[1], best("tasty soup", ranker)[1]
    assert ranker.verdict(inside) == "match"
    assert inside > outside
    assert plain_ranker().weights.shape == ranker.weights.shape
