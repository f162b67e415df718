"""The grid of stored vectors: FAISS keeps it to the bit, and it loses little."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from advisor import index, packing


@pytest.fixture(scope="module")
def vectors():
    made = np.random.default_rng(0).normal(size=(500, 384)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_the_index_gives_back_what_lies_on_the_grid(vectors):
    stored = index._empty_vectors(384)
    stored.add(packing.on_grid(vectors))
    back = stored.reconstruct_n(0, len(vectors))
    np.testing.assert_allclose(back, packing.on_grid(vectors), atol=1e-7)
    np.testing.assert_array_equal(packing.codes_of(back), packing.codes_of(vectors))


def test_a_cosine_moves_by_less_than_a_hundredth(vectors):
    asked = vectors[0]
    assert np.abs(packing.on_grid(vectors) @ asked - vectors @ asked).max() < 0.01


def test_what_is_packed_can_be_unpacked(vectors):
    codes = np.frombuffer(gzip.decompress(packing.pack(vectors)), np.uint8).reshape(vectors.shape)
    np.testing.assert_array_equal(codes, packing.codes_of(vectors))
    low, high = packing.levels(384)[[0, -1]]
    step = (high - low) / (packing.VALUES - 1)
    np.testing.assert_allclose(low + step * codes, packing.on_grid(vectors), atol=1e-6)


def test_packing_costs_fewer_bits_than_the_grid_has(vectors):
    assert len(packing.pack(vectors)) * 8 < vectors.size * np.log2(packing.VALUES) * 0.9
