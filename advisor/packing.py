"""Vectors in few bits: the grid of values that the index and the site store.

Both rank by the same numbers only if both hold the same, so vectors are put on this grid before
the index stores them. Its file and the site's pack the codes of the grid without any further loss:
the site's file is the smaller one, the index's is read many times faster.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

# FAISS's 8-bit uniform quantiser, in which the index keeps vectors, knows 256 values; every fifth
# of them is used. 51 values a component cost the site 4.7 bits. On 254 questions the best entry's
# probability moved by 0.008 or less in 99% of them with 64 values, by 0.018 with 32 and by 0.033
# with 16.
_STEP = 5
VALUES = 256 // _STEP
# Bytes that are unpacked at a time: small enough to stay in a core's cache.
_BLOCK = 1 << 16


def reach(dimension: int) -> float:
    """The largest value of the grid: four standard deviations of a unit vector's components.

    One component in 10,000 of the built-in encoder's is larger; it is cut, not wrapped. With a
    wider grid its steps are too coarse.
    """
    return 4 / float(np.sqrt(dimension))


def levels(dimension: int) -> Floats:
    """The values of the grid, lowest first, shape (VALUES,): FAISS's own for their codes."""
    codes = np.arange(VALUES) * _STEP + _STEP // 2
    return (((codes + 0.5) / 255 * 2 - 1) * reach(dimension)).astype(np.float32)


def codes_of(vectors: Floats) -> Bytes:
    """Each component's nearest value of the grid, as its number."""
    low, high = levels(vectors.shape[1])[[0, -1]]
    places = (vectors - low) * ((VALUES - 1) / (high - low))
    return np.asarray(np.clip(np.rint(places), 0, VALUES - 1), np.uint8)


def on_grid(vectors: Floats) -> Floats:
    """The vectors with each component on the grid; doing it again changes nothing."""
    return levels(vectors.shape[1])[codes_of(vectors)]


def pack(vectors: Floats) -> bytes:
    """The codes of vectors one after the other, one byte each, gzipped.

    Components are all but independent, so that Huffman codes of single bytes come within 1% of
    the entropy: smaller than fixed bits each, and a browser unpacks it by itself.
    """
    # 31: a gzip header, which has no date here, so that the same vectors give the same bytes.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(codes_of(vectors).tobytes()) + packer.flush()


def six_bits(codes: Bytes) -> Bytes:
    """FAISS's codes of vectors on the grid, (vectors, dimension), in six bits each: (3, bytes).

    Three quarters of all codes lie in the low six bits of the three rows, the last quarter in the
    two bits left of each. Reading 24,000 vectors takes 4 ms more than from unpacked ones; the
    Huffman codes above are a fifth smaller and take 45.
    """
    numbers = codes.ravel() // _STEP
    quarters = np.pad(numbers, (0, -len(numbers) % 4)).reshape(4, -(-len(numbers) // 4))
    last = quarters[3] >> np.array([[0], [2], [4]], np.uint8)
    return np.asarray(quarters[:3] | (last & 3) << 6, np.uint8)


def from_six_bits(packed: Bytes, rows: int, dimension: int) -> Bytes:
    """What `six_bits` packed, (rows, dimension); raises ValueError for what it cannot have made."""
    size = rows * dimension
    if packed.dtype != np.uint8 or packed.shape != (3, -(-size // 4)):
        raise ValueError("its vectors are of another number or length")
    codes = np.empty((4, packed.shape[1]), np.uint8)
    for start in range(0, packed.shape[1], _BLOCK):
        part, out = packed[:, start : start + _BLOCK], codes[:, start : start + _BLOCK]
        np.bitwise_and(part, 63, out=out[:3])
        high = part >> 6
        out[3] = high[0] | high[1] << 2 | high[2] << 4
        if out.max() >= VALUES:
            raise ValueError("its vectors hold values off the grid")
        out *= _STEP
        out += _STEP // 2
    return codes.ravel()[:size].reshape(rows, dimension)
