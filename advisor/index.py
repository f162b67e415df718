"""The index: every passage's vector in FAISS, keyword scores, and the entries themselves.

Vectors are stored with FAISS's 8-bit uniform scalar quantiser: exact search over unit vectors
at a quarter of the size. Its range is fixed (not trained) and only values of packing's grid are
stored, so that storing a vector that was read back changes nothing, an update keeps untouched
vectors to the bit, and the site can pack them without loss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from advisor import packing
from advisor.encoder import Encoder, Floats, Progress
from advisor.entry import Entry
from advisor.errors import NoIndex
from advisor.knowledge import Knowledge
from advisor.lexical import Bm25, message_key, tokens
from advisor.passages import HASH_BYTES, KINDS, posts_of, split, spoken_text, written_text

FORMAT = 4
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Index:
    """A searchable knowledge base. Read only: threads may share it.

    `starts` (entries + 1,) gives each entry's run of passages; `kinds` (passages,) indexes KINDS
    and `rows` (passages,) the stored vectors: a judged question that several entries answer is
    a passage of each and stored once. `hashes` belong to the stored vectors.
    """

    knowledge: Knowledge
    encoder_name: str
    vectors: Any
    starts: Ints
    kinds: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int32]
    hashes: tuple[str, ...]
    spoken: Bm25
    written: Bm25
    messages: tuple[tuple[str, ...], ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Entry ids in the order of all per-entry arrays."""
        return tuple(self.knowledge.entries)

    def similarities(self, vector: Floats, nearest: int) -> Floats:
        """The cosine of every passage to a unit vector (dimension,), shape (passages,).

        Exact for the `nearest` stored vectors; the others get the lowest of those as upper bound.
        """
        count = min(nearest, self.vectors.ntotal)
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
    hashes = tuple(place)
    new = {hash_: passage.text for hash_, passage in zip(every, flat) if hash_ not in known}
    fresh = dict(zip(new, encoder.encode(list(new.values()), progress))) if new else {}
    matrix = np.array(
        [known[hash_] if hash_ in known else fresh[hash_] for hash_ in hashes], np.float32
    ).reshape(len(hashes), encoder.dimension)
    vectors = _empty_vectors(encoder.dimension)
    vectors.add(packing.on_grid(matrix))
    return Index(
        knowledge=knowledge,
        encoder_name=encoder.name,
        vectors=vectors,
        starts=np.cumsum([0, *(len(part) for part in passages)]).astype(np.int64),
        kinds=np.array([KINDS.index(passage.kind) for passage in flat], np.uint8),
        rows=np.array([place[hash_] for hash_ in every], np.int32),
        hashes=hashes,
        spoken=Bm25.build([tokens(spoken_text(entry, posts[entry.id])) for entry in knowledge]),
        written=Bm25.build([tokens(written_text(entry)) for entry in knowledge]),
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
    faiss.write_index(index.vectors, str(folder / "vectors.faiss"))
    np.save(folder / "starts.npy", index.starts)
    np.save(folder / "kinds.npy", index.kinds)
    np.save(folder / "rows.npy", index.rows)
    index.spoken.save(folder, "spoken")
    index.written.save(folder, "written")
    (folder / "hashes.bin").write_bytes(bytes.fromhex("".join(index.hashes)))
    # Wordings are searched, never shown: their vectors and keywords are all that is needed.
    entries = [{**entry.to_dict(), "wordings": ()} for entry in index.knowledge]
    (folder / "entries.json").write_text(json.dumps(entries), encoding="utf-8")
    whole = {
        "format": FORMAT,
        "encoder": index.encoder_name,
        "entries": len(index.knowledge),
        "passages": len(index.rows),
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")


def _hashes(path: Path) -> tuple[str, ...]:
    """The stored hashes; HASH_BYTES each, in hexadecimal."""
    raw = path.read_bytes()
    if len(raw) % HASH_BYTES:
        raise ValueError("the list of hashes is cut off")
    return tuple(raw[start : start + HASH_BYTES].hex() for start in range(0, len(raw), HASH_BYTES))


def read(folder: Path, bad: Sequence[Any] = ()) -> Index:
    """The index in a folder; raises NoIndex when it is missing, damaged or of another format."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise ValueError(f"it has format {manifest['format']}, this version reads {FORMAT}")
        entries = json.loads((folder / "entries.json").read_text(encoding="utf-8"))
        knowledge = Knowledge({item["id"]: Entry.from_dict(item) for item in entries}, tuple(bad))
        index = Index(
            knowledge=knowledge,
            encoder_name=manifest["encoder"],
            # Mapped, not read: 9 MB that the processes of a server share.
            vectors=faiss.read_index(str(folder / "vectors.faiss"), faiss.IO_FLAG_MMAP_IFC),
            starts=np.load(folder / "starts.npy"),
            kinds=np.load(folder / "kinds.npy"),
            rows=np.load(folder / "rows.npy"),
            hashes=_hashes(folder / "hashes.bin"),
            spoken=Bm25.load(folder, "spoken"),
            written=Bm25.load(folder, "written"),
            messages=_message_keys(knowledge),
        )
        if not (
            index.vectors.ntotal == len(index.hashes) == index.rows.max() + 1
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
