"""The index: every passage's vector in FAISS, keyword scores, and the entries themselves.

Vectors are stored with FAISS's 8-bit uniform scalar quantiser: exact search over unit vectors
at a quarter of the size. Its range is fixed (not trained) and only values of packing's grid are
stored, so that storing a vector that was read back changes nothing, an update keeps untouched
vectors to the bit, and its file and the site can pack them without loss.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from advisor import packed_entries, packing
from advisor.encoder import Encoder, Floats, Progress
from advisor.errors import NoIndex
from advisor.knowledge import Knowledge
from advisor.lexical import Bm25, message_key, tokens
from advisor.passages import HASH_BYTES, KINDS, posts_of, split, spoken_text, written_text
from advisor.signs import Signs

FORMAT = 7
# Vectors that are put on the grid at a time: 25 MB, whatever the size of the knowledge base.
BLOCK = 1 << 14
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Index:
    """A searchable knowledge base. Read only: threads may share it.

    `starts` (entries + 1,) gives each entry's run of passages; `kinds` (passages,) indexes KINDS
    and `rows` (passages,) the stored vectors: a judged question that several entries answer is
    a passage of each and stored once. `raw_hashes` has HASH_BYTES for each stored vector.
    """

    knowledge: Knowledge
    encoder_name: str
    vectors: Any
    starts: Ints
    kinds: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int32]
    raw_hashes: bytes
    spoken: Bm25
    written: Bm25
    messages: tuple[tuple[str, ...], ...]

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """Entry ids in the order of all per-entry arrays."""
        return tuple(self.knowledge.entries)

    @functools.cached_property
    def signs(self) -> Signs:
        """What the entries say is observed, and what they are for."""
        return Signs.of(self.knowledge)

    @functools.cached_property
    def owners(self) -> npt.NDArray[np.int32]:
        """The number of each passage's entry, shape (passages,)."""
        return np.repeat(np.arange(len(self.ids), dtype=np.int32), np.diff(self.starts))

    @functools.cached_property
    def messages_by_word(self) -> dict[str, list[tuple[str, int]]]:
        """First word of a message -> each such message and the number of its entry."""
        found: dict[str, list[tuple[str, int]]] = {}
        for number, keys in enumerate(self.messages):
            for key in keys:
                for word in key.split()[:1]:
                    found.setdefault(word, []).append((key, number))
        return found

    @functools.cached_property
    def hashes(self) -> tuple[str, ...]:
        """The hashes of the stored vectors in hexadecimal; only updating an index needs them."""
        text = self.raw_hashes.hex()
        width = 2 * HASH_BYTES
        return tuple(text[start : start + width] for start in range(0, len(text), width))

    def similarities(self, vector: Floats, nearest: int) -> Floats:
        """The cosine of every passage to a unit vector (dimension,), shape (passages,).

        Exact for the `nearest` stored vectors; the others get the lowest of those as upper bound.
        """
        count = min(nearest, self.vectors.ntotal)
        # One question is one thread's work. A second one finds nothing to do, and waiting for it
        # takes 4 of 5 ms when the other core is busy. The setting is the calling thread's own.
        faiss.omp_set_num_threads(1)
        found, rows = self.vectors.search(vector.reshape(1, -1), count)
        cosines = np.full(self.vectors.ntotal, found[0][-1], np.float32)
        cosines[rows[0]] = found[0]
        return cosines[self.rows]


def _empty_vectors(dimension: int) -> Any:
    vectors = faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_8bit_uniform, faiss.METRIC_INNER_PRODUCT
    )
    edges = np.full((2, dimension), packing.reach(dimension), np.float32)
    edges[0] *= -1
    vectors.train(edges)
    return vectors


def build(
    knowledge: Knowledge,
    encoder: Encoder,
    known: Mapping[str, Floats] | None = None,
    progress: Progress | None = None,
) -> Index:
    """The index of `knowledge`; passages whose hash is in `known` are not encoded again."""
    known = known or {}
    posts = posts_of(knowledge)
    passages = [split(entry, posts[entry.id]) for entry in knowledge]
    flat = [passage for part in passages for passage in part]
    every = [passage.hash for passage in flat]
    place = {hash_: row for row, hash_ in enumerate(dict.fromkeys(every))}
    hashes = list(place)
    new = {hash_: passage.text for hash_, passage in zip(every, flat) if hash_ not in known}
    fresh = dict(zip(new, encoder.encode(list(new.values()), progress))) if new else {}
    vectors = _empty_vectors(encoder.dimension)
    for start in range(0, len(hashes), BLOCK):
        part = hashes[start : start + BLOCK]
        rows = [known[hash_] if hash_ in known else fresh[hash_] for hash_ in part]
        vectors.add(packing.on_grid(np.array(rows, np.float32)))
    return Index(
        knowledge=knowledge,
        encoder_name=encoder.name,
        vectors=vectors,
        starts=np.cumsum([0, *(len(part) for part in passages)]).astype(np.int64),
        kinds=np.array([KINDS.index(passage.kind) for passage in flat], np.uint8),
        rows=np.array([place[hash_] for hash_ in every], np.int32),
        raw_hashes=bytes.fromhex("".join(hashes)),
        spoken=Bm25.build(tokens(spoken_text(entry, posts[entry.id])) for entry in knowledge),
        written=Bm25.build(tokens(written_text(entry)) for entry in knowledge),
        messages=_message_keys(knowledge),
    )


def _message_keys(knowledge: Knowledge) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(message_key(message) for message in entry.messages) for entry in knowledge)


def stored_vectors(index: Index) -> dict[str, Floats]:
    """Passage hash -> vector, to be passed to `build` as `known`."""
    matrix = index.vectors.reconstruct_n(0, index.vectors.ntotal)
    return dict(zip(index.hashes, matrix))


def write(index: Index, folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the index as plain files that name what made them; `folder` must exist."""
    codes = faiss.vector_to_array(index.vectors.codes).reshape(-1, index.vectors.d)
    np.save(folder / "vectors.npy", packing.six_bits(codes))
    np.save(folder / "starts.npy", index.starts)
    np.save(folder / "kinds.npy", index.kinds)
    np.save(folder / "rows.npy", index.rows)
    index.spoken.save(folder, "spoken")
    index.written.save(folder, "written")
    (folder / "hashes.bin").write_bytes(index.raw_hashes)
    packed_entries.write(index.knowledge, folder)
    whole = {
        "format": FORMAT,
        "encoder": index.encoder_name,
        "dimension": index.vectors.d,
        "entries": len(index.knowledge),
        "passages": len(index.rows),
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")


def _read_vectors(path: Path, rows: int, dimension: int, shared: Path | None) -> Any:
    if shared is not None:
        return _mapped_vectors(path, rows, dimension, shared / f"{path.parent.name}.faiss")
    vectors = _empty_vectors(dimension)
    vectors.add_sa_codes(packing.from_six_bits(np.load(path), rows, dimension))
    return vectors


def _mapped_vectors(path: Path, rows: int, dimension: int, file: Path) -> Any:
    """The vectors unpacked into `file` once, and mapped by every process that reads them."""
    if not file.exists():
        fresh = file.with_suffix(f".{os.getpid()}")
        faiss.write_index(_read_vectors(path, rows, dimension, None), str(fresh))
        fresh.replace(file)
        # A process that still maps an older version keeps it.
        for old in file.parent.glob("*.faiss"):
            if old != file:
                old.unlink(missing_ok=True)
    return faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)


def read(folder: Path, bad: Sequence[Any] = (), shared: Path | None = None) -> Index:
    """The index in a folder; raises NoIndex when it is missing, damaged or of another format.

    Processes that give the same folder `shared` have the vectors in memory once.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise ValueError(f"it has format {manifest['format']}, this version reads {FORMAT}")
        knowledge = Knowledge(packed_entries.read(folder), tuple(bad))
        raw = (folder / "hashes.bin").read_bytes()
        rows, rest = divmod(len(raw), HASH_BYTES)
        if rest:
            raise ValueError("the list of hashes is cut off")
        index = Index(
            knowledge=knowledge,
            encoder_name=manifest["encoder"],
            vectors=_read_vectors(folder / "vectors.npy", rows, manifest["dimension"], shared),
            starts=np.load(folder / "starts.npy"),
            kinds=np.load(folder / "kinds.npy"),
            rows=np.load(folder / "rows.npy"),
            raw_hashes=raw,
            spoken=Bm25.load(folder, "spoken"),
            written=Bm25.load(folder, "written"),
            messages=_message_keys(knowledge),
        )
        if not (
            rows == index.rows.max() + 1
            and len(index.rows) == len(index.kinds) == index.starts[-1]
            and len(knowledge) == len(index.starts) - 1 == index.spoken.size == index.written.size
        ):
            raise ValueError("its parts do not belong together")
    except FileNotFoundError as error:
        raise NoIndex(f"There is no index in '{folder}'.", "Make it: dladvisor index") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, IndexError) as error:
        raise NoIndex(
            f"The index in '{folder}' is damaged: {error}.", "Make it again: dladvisor index"
        ) from error
    return index
