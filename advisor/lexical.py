"""Keyword scores: BM25 over stemmed words, and error messages matched word for word.

BM25 is bm25s's "lucene" variant (Lù 2024, https://arxiv.org/abs/2407.03618; Robertson and
Zaragoza 2009 for the method). Scores are precomputed when the index is built, so that asking
is a sum of a few sparse columns; bm25s itself (60 ms to import) is needed for building only.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Lucene's defaults; long entries are not penalised more than usual.
K1 = 1.2
B = 0.75

# Words that carry no symptom. "not", "no", "up", "down", "after" stay: they do.
STOP_WORDS = frozenset(
    "a an the i im ive my me we our you your it its this that these those is are was were be been "
    "am do does did have has had of to in on at for from with and or but if so as by about there "
    "here what how why when which who can could would should will just get got any some please "
    "help hi hello thanks thank anyone someone problem issue question".split()
)
# Spellings of the field that mean the same; applied before stemming, both ways alike.
SYNONYMS = {
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "lr": "learningrate",
    "acc": "accuracy",
    "oom": "outofmemory",
    "bs": "batchsize",
    "wd": "weightdecay",
    "grad": "gradient",
    "grads": "gradient",
    "nans": "nan",
    "params": "parameter",
    "param": "parameter",
    "config": "configuration",
    "ckpt": "checkpoint",
    "bn": "batchnorm",
    "dl": "dataloader",
    "colour": "color",
    "normalise": "normalize",
    "normalised": "normalized",
    "normalisation": "normalization",
    "optimiser": "optimizer",
    "initialisation": "initialization",
    "regularisation": "regularization",
    "tokeniser": "tokenizer",
    "generalise": "generalize",
    "metre": "meter",
    "gpus": "gpu",
    "cpus": "cpu",
    "imgs": "image",
    "img": "image",
    "pic": "image",
    "pics": "image",
    "picture": "image",
    "pictures": "image",
    "iters": "iteration",
    "iter": "iteration",
    "iterations": "iteration",
}
# Two words that the field writes as one, apart or hyphenated.
PHRASES = {
    ("learning", "rate"): "learningrate",
    ("batch", "size"): "batchsize",
    ("weight", "decay"): "weightdecay",
    ("batch", "norm"): "batchnorm",
    ("batch", "normalization"): "batchnorm",
    ("data", "loader"): "dataloader",
    ("out", "memory"): "outofmemory",
    ("fine", "tune"): "finetune",
    ("fine", "tuning"): "finetuning",
    ("over", "fitting"): "overfitting",
    ("over", "fit"): "overfit",
    ("check", "point"): "checkpoint",
}
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?%?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# What the numbers of a question are rounded to: people type 0.69, 0.693 or 0.6931 for one loss.
_POWERS = (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
_MESSAGE_CHARACTERS = re.compile(r"[^a-z0-9]+")


@functools.cache
def _stemmer() -> Any:
    # Deferred: 5 ms, and only what tokenises needs it.
    import Stemmer

    return Stemmer.Stemmer("english")


def tokens(text: str) -> list[str]:
    """The stemmed keywords of a text, in order; identifiers are split into their words."""
    return [stem for stem, _ in _stems(text)]


def surfaces(text: str) -> dict[str, str]:
    """Each keyword of a text with the words it stood for where it came first."""
    found: dict[str, str] = {}
    for stem, surface in _stems(text):
        found.setdefault(stem, surface)
    return found


# Keywords, the classifier of words and the reasons of every match read the same question.
@functools.lru_cache(maxsize=4)
def _stems(text: str) -> tuple[tuple[str, str], ...]:
    words: list[tuple[str, str]] = []
    for surface in _WORD.findall(_CAMEL.sub(" ", text).lower().replace("’", "'")):
        word = surface.replace("'", "")
        word = rounded(word) if word[0].isdigit() else SYNONYMS.get(word, word)
        if words and (words[-1][0], word) in PHRASES:
            words[-1] = PHRASES[words[-1][0], word], f"{words[-1][1]} {surface}"
        elif word not in STOP_WORDS:
            words.append((word, surface))
    stems = _stemmer().stemWords([word for word, _ in words])
    return tuple(zip(stems, (surface for _, surface in words)))


def rounded(number: str) -> str:
    """`0.6931` as `0.69`, `2.3026` as `2.3`, `98.7%` as `99%`, `0.001` and `1e-3` as `1e-3`.

    Whole numbers stay as they are typed. Halves are rounded up with one multiplication and one
    floor, which the site's script does alike to the bit.
    """
    if "." not in number and "e" not in number:
        return number
    value = float(number.rstrip("%"))
    if number.endswith("%"):
        return f"{math.floor(value + 0.5)}%" if value < _POWERS[-1] else number
    if value >= _POWERS[-1]:
        return number
    if value >= 1:
        return _decimal(math.floor(value * 10 + 0.5), 1)
    if value >= 0.1:
        return _decimal(math.floor(value * 100 + 0.5), 2)
    for places, power in enumerate(_POWERS, 2):
        if value * power >= 0.95:
            digit = math.floor(value * power + 0.5)
            return f"{digit}e-{places}" if digit < 10 else f"1e-{places - 1}"
    return "0"


def _decimal(units: int, places: int) -> str:
    """`units` of 10 ** -places, without zeros at the end."""
    whole, part = divmod(units, 10**places)
    return f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")


def message_key(text: str) -> str:
    """A message or question with everything but letters and digits folded to single spaces."""
    return f" {_MESSAGE_CHARACTERS.sub(' ', text.lower()).strip()} "


@dataclass(frozen=True)
class Bm25:
    """BM25 scores of every (word, document) pair that is not zero, by column of a word.

    `starts` has shape (words + 1,), `documents` and `scores` (pairs,).
    """

    vocabulary: dict[str, int]
    starts: npt.NDArray[np.int64]
    documents: npt.NDArray[np.int32]
    scores: Floats
    size: int

    @classmethod
    def build(cls, documents: Iterable[Sequence[str]]) -> Bm25:
        """The scores of tokenised documents, each of which is needed only for a moment."""
        vocabulary: dict[str, int] = {}
        rows = [
            np.array(
                [vocabulary.setdefault(word, len(vocabulary)) for word in words], dtype=np.int64
            )
            for words in documents
        ]
        if not vocabulary:
            empty = np.zeros(0, np.int32)
            return cls({}, np.zeros(1, np.int64), empty, empty.astype(np.float32), len(rows))
        # Deferred: 60 ms, and only building needs it.
        # tqdm's lock is a semaphore that a stopped worker of a server leaves behind: Python then
        # warns of it in the middle of the log.
        os.environ.setdefault("DISABLE_TQDM", "1")
        import bm25s

        engine = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numpy")
        engine.index((rows, vocabulary), show_progress=False, create_empty_token=False)
        parts = engine.scores
        return cls(
            vocabulary,
            np.asarray(parts["indptr"], np.int64),
            np.asarray(parts["indices"], np.int32),
            np.asarray(parts["data"], np.float32),
            len(rows),
        )

    def score(self, words: Sequence[str]) -> Floats:
        """The score of every document, shape (documents,); unknown words add nothing."""
        total = np.zeros(self.size, np.float32)
        # A word repeated in a long post must not drown the others: each counts once.
        for word in dict.fromkeys(words):
            column = self.vocabulary.get(word)
            if column is not None:
                part = slice(self.starts[column], self.starts[column + 1])
                total[self.documents[part]] += self.scores[part]
        return total

    def weight(self, word: str, document: int) -> float:
        """What the word adds to the document's score."""
        column = self.vocabulary.get(word)
        if column is None:
            return 0.0
        start, end = int(self.starts[column]), int(self.starts[column + 1])
        place = start + int(self.documents[start:end].searchsorted(document))
        found = place < end and self.documents[place] == document
        return float(self.scores[place]) if found else 0.0

    def share(self, word: str) -> float:
        """The share of documents that hold the word."""
        column = self.vocabulary.get(word)
        if column is None or not self.size:
            return 0.0
        return float(self.starts[column + 1] - self.starts[column]) / self.size

    def known(self, words: Sequence[str]) -> list[str]:
        """The different words that occur in any document."""
        return [word for word in dict.fromkeys(words) if word in self.vocabulary]

    def save(self, folder: Path, name: str) -> None:
        """Write plain .npy and .json files."""
        np.save(folder / f"{name}.starts.npy", self.starts)
        # Half the size while there are fewer than 65,536 entries.
        narrow = np.uint16 if self.size < 1 << 16 else np.int32
        np.save(folder / f"{name}.documents.npy", self.documents.astype(narrow))
        np.save(folder / f"{name}.scores.npy", self.scores)
        words = {"size": self.size, "words": list(self.vocabulary)}
        (folder / f"{name}.words.json").write_text(json.dumps(words), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str) -> Bm25:
        """Read what `save` wrote; raises OSError or ValueError when it is damaged."""
        words = json.loads((folder / f"{name}.words.json").read_text(encoding="utf-8"))
        return cls(
            {word: number for number, word in enumerate(words["words"])},
            np.load(folder / f"{name}.starts.npy"),
            np.load(folder / f"{name}.documents.npy").astype(np.int32),
            np.load(folder / f"{name}.scores.npy"),
            words["size"],
        )
