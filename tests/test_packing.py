"""The grid of stored vectors: FAISS keeps it to the bit, and it loses little."""

from __future__ import annotations

import gzip

import faiss
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


@pytest.mark.parametrize("dimension", [384, 1, 3, 50])
@pytest.mark.parametrize("rows", [0, 1, 3, 500])
def test_six_bits_give_back_the_codes_of_the_index(vectors, rows, dimension):
    stored = index._empty_vectors(dimension)
    stored.add(packing.on_grid(np.ascontiguousarray(vectors[:rows, :dimension])))
    codes = faiss.vector_to_array(stored.codes).reshape(rows, dimension)
    packed = packing.six_bits(codes)
    np.testing.assert_array_equal(packing.from_six_bits(packed, rows, dimension), codes)
    assert packed.nbytes == 3 * -(-rows * dimension // 4)


@pytest.mark.parametrize(
    ("change", "said"), [("value", "off the grid"), ("rows", "another"), ("type", "another")]
)
def test_what_six_bits_cannot_have_made_is_refused(vectors, change, said):
    packed = packing.six_bits(packing.codes_of(vectors) * 5 + 2)
    if change == "value":
        packed[0, 3] = 63
    if change == "type":
        packed = packed.astype(np.int32)
    with pytest.raises(ValueError, match=said):
        packing.from_six_bits(packed, 499 if change == "rows" else 500, 384)
