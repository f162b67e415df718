"""Encoders: text to unit vectors.

The default runs an ONNX file with onnxruntime and tokenizers. Measured on 2 cores: 0.2 s cold
against 5 s for importing sentence_transformers, with vectors whose cosine to the original
model's is 0.995 or more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from advisor.errors import AdvisorError, BadSettings, MissingExtra
from advisor.settings import sentence_encoder_name

Floats = npt.NDArray[np.float32]
Progress = Callable[[int], None]

# What 4 texts make on the way stays in a core's cache. Measured beside 32: wordings are encoded
# 1.4x faster, whole posts 1.7x; one by one is slower than 4 again, by 1.6x and 1.2x.
BATCH = 4


class Encoder(Protocol):
    """Turns texts into vectors. `name` identifies the weights: two encoders of one name agree."""

    @property
    def name(self) -> str:
        """Identifies the weights."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Unit vectors, shape (texts, dimension), float32; `progress` gets the count done."""
        ...


class OnnxEncoder:
    """The encoder in a folder with encoder.onnx, tokenizer.json and encoder.json.

    The graph has two outputs: the tuned vector, and the base model's own, for baselines and
    for tuning (`tuned=False`).
    """

    def __init__(self, folder: Path, tuned: bool = True) -> None:
        # Deferred: 100 ms; listing and showing entries needs no encoder.
        import onnxruntime
        from tokenizers import Tokenizer

        try:
            card = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            # A question is one thread's work: a second one takes as long to wake for each of 300
            # steps as it saves. Batches are encoded side by side instead, 1.4x as many a second.
            options.intra_op_num_threads = 1
            # Without this, onnxruntime merges nodes around quantised ones where a processor has
            # instructions for it; the graph says all that is to be rounded, on every machine.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
            self._session = onnxruntime.InferenceSession(
                str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise AdvisorError(
                f"The encoder in '{folder}' cannot be loaded: {error}.",
                "Reinstall dladvisor, or make it again with: dladvisor export-encoder",
            ) from error
        self._output = "vector" if tuned else "untuned"
        self.name: str = card["name"] if tuned else card["base"]
        self.dimension: int = card["dimension"]
        self._tokenizer.enable_truncation(card["max_tokens"])
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Unit vectors, shape (texts, dimension), float32, in the order of `texts`."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        # By length, so that a batch holds little padding: 2x faster on mixed passages.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]

        def encoded(rows: list[int]) -> Floats:
            return self._encode([texts[row] for row in rows])

        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            done = 0
            made = pool.map(encoded, batches) if len(batches) > 1 else map(encoded, batches)
            for rows, part in zip(batches, made):
                vectors[rows] = part
                done += len(rows)
                if progress:
                    progress(done)
        finally:
            # Ctrl-C must not wait for all that is left.
            pool.shutdown(cancel_futures=True)
        return vectors

    def _encode(self, texts: Sequence[str]) -> Floats:
        """The vectors of one batch."""
        encoded = self._tokenizer.encode_batch(list(texts))
        feeds = {
            "input_ids": np.array([item.ids for item in encoded], np.int64),
            "attention_mask": np.array([item.attention_mask for item in encoded], np.int64),
        }
        return np.asarray(self._session.run([self._output], feeds)[0])


class SentenceEncoder:
    """Any sentence-transformers model, by name or folder; needs the extra `train`."""

    def __init__(self, model: str) -> None:
        try:
            # Deferred: 5 s cold. Only whoever names another model pays it.
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra(f"The encoder '{model}'", "train") from error
        try:
            self._model = SentenceTransformer(model, device="cpu")
        except Exception as error:
            raise BadSettings(
                f"The encoder '{model}' cannot be loaded: {error}",
                "Give a sentence-transformers model's name or folder, or leave --encoder out.",
            ) from error
        self.name = sentence_encoder_name(model)
        self.dimension = int(self._model.get_sentence_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Floats:
        """Unit vectors, shape (texts, dimension), float32."""
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        if progress:
            progress(len(texts))
        return np.asarray(vectors, np.float32).reshape(len(texts), self.dimension)


def open_encoder(name: str, built_in: Path) -> Encoder:
    """The built-in encoder for 'default', else the sentence-transformers model of that name."""
    return OnnxEncoder(built_in) if name == "default" else SentenceEncoder(name)
