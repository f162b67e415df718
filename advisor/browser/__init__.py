"""What lets the site answer by itself: scripts, keyword data, passage vectors and the encoder.

Everything goes to docs/kb/ask/ as plain files beside the pages. `ask.js` is the one script that
pages load; the rest is loaded when a visitor asks. Large files are named by their content, so
that a browser may keep them for ever.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import rcssmin
import rjsmin

from advisor import packing
from advisor.browser import vendor
from advisor.browser.keywords import keyword_data
from advisor.browser.tokenizer import tokenizer_spec
from advisor.index import Index
from advisor.knowledge import Knowledge
from advisor.learned import Learned, load_learned
from advisor.settings import Settings

FOLDER = Path("kb") / "ask"
RUNTIME_FILES = ("dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm")


@dataclass(frozen=True, slots=True)
class Written:
    """What `write` did; `missing` says why the site answers from keywords only, if so."""

    bytes: int
    missing: str = ""


@dataclass
class _Shelf:
    """Files to write, by name, and what the worker is told of those named by content."""

    files: dict[str, bytes] = field(default_factory=dict)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, name: str, file: str, content: bytes, packed: bool = False) -> None:
        stem, _, ending = file.rpartition(".")
        path = f"{stem}.{hashlib.blake2b(content, digest_size=6).hexdigest()}.{ending}"
        self.files[path] = content
        self.listed[name] = {"path": path, "bytes": len(content), "packed": packed}


def write(index: Index, knowledge: Knowledge, settings: Settings, docs: Path) -> Written:
    """Write docs/kb/ask/ for an index and the knowledge it was made of.

    Without the encoder's runtime, or with an encoder that only Python runs, the site is left with
    keywords. Raises AdvisorError when the index does not belong to the knowledge.
    """
    shelf = _Shelf()
    missing = ""
    try:
        meaning = _meaning(index, settings, shelf)
    except vendor.NotFetched as error:
        missing, meaning = f"{error.message} {error.hint}", None
        shelf = _Shelf()
    data = {**keyword_data(index, _taught(index), knowledge), "meaning": meaning}
    # One file with the code that reads it, so that a browser never mixes two versions. A script
    # instead of JSON: pages opened from a disk may load scripts and nothing else.
    text = json.dumps(data, separators=(",", ":"))
    scripts = [_source(name) for name in ("stemmer.js", "observed.js", "engine.js")]
    shelf.files["answers.js"] = b"".join([*scripts, f"dladvisor.data={text};\n".encode()])
    # Every page loads these two: what they weigh counts.
    shelf.files["ask.js"] = rjsmin.jsmin(_source("ask.js"))
    shelf.files["ask.css"] = rcssmin.cssmin(_source("ask.css"))
    _replace(docs / FOLDER, shelf.files)
    return Written(sum(map(len, shelf.files.values())), missing)


def _meaning(index: Index, settings: Settings, shelf: _Shelf) -> dict[str, Any]:
    """Put what the worker needs on the shelf, and what it must be told of it."""
    if settings.encoder != "default":
        raise vendor.NotFetched(
            f"The encoder '{settings.encoder}' does not run in browsers.",
            "Leave --encoder out for a site that reads for meaning.",
        )
    script, wasm = vendor.read_files(vendor.RUNTIME, RUNTIME_FILES, settings.cache)
    shelf.put("runtime", "runtime.js", script)
    shelf.put("worker", "meaning.js", _source("meaning.js"))
    shelf.put("tokenizing", "tokenizing.js", _source("tokenizer.js"))
    # Packed by hand, since not every host compresses: 3.7 MB instead of 14.2.
    shelf.put("wasm", "runtime.bin", gzip.compress(wasm, mtime=0), packed=True)
    folder = settings.encoder_folder
    card = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    shelf.put("encoder", "encoder.onnx", (folder / "encoder.onnx").read_bytes())
    spec = json.dumps(tokenizer_spec(folder), separators=(",", ":"), ensure_ascii=False)
    shelf.put("tokenizer", "tokenizer.json", spec.encode())
    matrix = index.vectors.reconstruct_n(0, index.vectors.ntotal)
    shelf.put("vectors", "vectors.bin", packing.pack(matrix), packed=True)
    levels = packing.levels(matrix.shape[1]).astype(float)
    passages: dict[str, Any] = {
        "starts": index.starts.tolist(),
        "kinds": index.kinds.tolist(),
        "rows": index.rows.tolist(),
        "vectors": {
            "dimension": matrix.shape[1],
            "low": levels[0],
            "step": (levels[-1] - levels[0]) / (len(levels) - 1),
        },
    }
    taught = _taught(index)
    if taught:
        # Numbers that were stored in 16 bits: half of each is zeros, which gzip takes out.
        weights = taught.meaning.T.astype("<f4").tobytes()
        shelf.put("learned", "learned.bin", gzip.compress(weights, mtime=0), packed=True)
        passages["learnedBias"] = taught.meaning_bias.astype(float).tolist()
    listed = json.dumps(passages, separators=(",", ":")).encode()
    shelf.put("passages", "passages.bin", gzip.compress(listed, mtime=0), packed=True)
    return {
        "files": shelf.listed,
        "bytes": sum(file["bytes"] for file in shelf.listed.values()),
        "encoder": card["name"],
        "maxTokens": card["max_tokens"],
        "output": "vector",
    }


def _taught(index: Index) -> Learned | None:
    """The learnt classifiers, if they are for the index's encoder: as in open_advisor."""
    learned = load_learned()
    return learned if learned.encoder == index.encoder_name else None


def _source(name: str) -> bytes:
    return resources.files("advisor.browser").joinpath("static", name).read_bytes()


def _replace(folder: Path, files: dict[str, bytes]) -> None:
    """Make the folder hold these files; those that are there already are not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    for path in folder.iterdir():
        if path.name not in files and path.is_file():
            path.unlink()
