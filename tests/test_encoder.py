"""The built-in encoder: unit vectors, stable whatever else is in the batch, sensible neighbours."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from advisor.encoder import BATCH, OnnxEncoder, open_encoder
from advisor.errors import AdvisorError, MissingExtra
from advisor.settings import PACKAGE

MODEL = PACKAGE / "model"


@pytest.fixture(scope="module")
def encoder():
    return OnnxEncoder(MODEL)


def test_vectors_are_unit_rows_in_order(encoder):
    texts = ["loss is nan", "a", "the generated faces all look alike " * 9]
    vectors = encoder.encode(texts)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=2e-5)


def test_nothing_is_rounded_that_the_graph_does_not_round(encoder):
    # The graph as it is, without optimizations, on the same question.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(str(MODEL / "encoder.onnx"), options)
    question = "loss climbs like a rocket"
    ids = np.array([encoder._tokenizer.encode(question).ids], np.int64)
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    (exact,) = plain.run(["vector"], feeds)[0]
    np.testing.assert_allclose(encoder.encode([question])[0], exact, atol=2e-6)


def test_near_meaning_is_near(encoder):
    asked, near, far = encoder.encode(
        ["validation loss goes up", "the loss on validation data increases", "my soup is too salty"]
    )
    assert asked @ near > 0.6 > 0.3 > asked @ far


def test_long_texts_are_cut_not_refused(encoder):
    assert encoder.encode(["loss " * 5000]).shape == (1, 384)


def test_nothing_encodes_to_nothing(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_progress_counts_to_the_end(encoder):
    seen = []
    encoder.encode([f"text {n}" for n in range(70)], seen.append)
    assert seen == [*range(BATCH, 70, BATCH), 70]


def test_the_card_describes_the_file():
    card = json.loads((MODEL / "encoder.json").read_text())
    digest = hashlib.sha256((MODEL / "encoder.onnx").read_bytes()).hexdigest()
    assert card["sha256"] == digest
    assert card["name"].endswith(digest[:12])
    assert (MODEL / "encoder.onnx").stat().st_size <= 24_000_000


def test_a_damaged_encoder_is_explained(tmp_path):
    (tmp_path / "encoder.json").write_text('{"name": "x", "dimension": 1, "max_tokens": 2}')
    (tmp_path / "tokenizer.json").write_bytes((MODEL / "tokenizer.json").read_bytes())
    (tmp_path / "encoder.onnx").write_bytes(b"not a model")
    with pytest.raises(AdvisorError, match="cannot be loaded"):
        OnnxEncoder(tmp_path)


def test_another_model_needs_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra) as caught:
        open_encoder("all-mpnet-base-v2", MODEL)
    assert ".[train]" in caught.value.hint
