"""What was learnt from judged questions: two linear classifiers from a question to an entry.

One reads the question's vector, the other its words and pairs of words (tf-idf, as in
scikit-learn's TfidfVectorizer with sublinear counts). Both are softmax regressions over the
entries they were taught and one class more: "none of these", for questions out of scope.
`dladvisor fit` makes the file. Entries that are newer than it, a team's own among them, are
ranked without these two.

Everything is summed in double precision, so that the site's script gets the same numbers.
"""

from __future__ import annotations

import functools
import itertools
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from advisor.encoder import Floats
from advisor.errors import AdvisorError
from advisor.lexical import tokens

LEARNED = Path(__file__).resolve().parent / "learned.npz"
# Vectors and tf-idf rows have length 1: without this factor the weights would have to be huge.
SCALE = 10.0
Scores = npt.NDArray[np.float64]


def terms(text: str) -> list[str]:
    """The keywords of a text, and each pair of neighbours joined by a space."""
    words = tokens(text)
    return words + [f"{first} {second}" for first, second in itertools.pairwise(words)]


@dataclass(frozen=True)
class Learned:
    """The weights. The last class is "none of these"; the others are `ids` in their order.

    `meaning` has shape (dimension, classes). The words' weights are sparse: those of term t are
    `weights[starts[t]:starts[t + 1]]` for the classes `columns[...]` of the same slice.
    """

    ids: tuple[str, ...]
    encoder: str
    meaning: Floats
    meaning_bias: Floats
    vocabulary: dict[str, int]
    idf: Floats
    starts: npt.NDArray[np.int32]
    columns: npt.NDArray[np.uint16]
    weights: Floats
    words_bias: Floats

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """Entry id -> its class."""
        return {entry_id: column for column, entry_id in enumerate(self.ids)}

    def by_meaning(self, vector: Floats) -> Scores:
        """The logarithm of each class's share, shape (classes,), for a unit vector."""
        scores = vector.astype(np.float64) @ self.meaning.astype(np.float64)
        return _log_shares(SCALE * scores + self.meaning_bias)

    def by_words(self, text: str) -> Scores:
        """The logarithm of each class's share, shape (classes,), for a text's words."""
        scores = np.zeros(len(self.words_bias))
        for term, weight in self.weigh(text).items():
            part = slice(self.starts[term], self.starts[term + 1])
            scores[self.columns[part]] += weight * self.weights[part].astype(np.float64)
        return _log_shares(SCALE * scores + self.words_bias)

    def weigh(self, text: str) -> dict[int, float]:
        """Term -> its weight in the text, the squares adding up to 1; unknown terms left out."""
        found = Counter(self.vocabulary[term] for term in terms(text) if term in self.vocabulary)
        raw = {
            term: (1 + float(np.log(count))) * float(self.idf[term])
            for term, count in found.items()
        }
        length = sum(value * value for value in raw.values()) ** 0.5
        return {term: value / length for term, value in raw.items()}

    def save(self, path: Path) -> None:
        """Write one .npz file without pickles."""
        np.savez_compressed(
            path,
            ids=_joined(self.ids),
            encoder=_joined([self.encoder]),
            meaning=self.meaning.astype(np.float16),
            meaning_bias=self.meaning_bias,
            terms=_joined(list(self.vocabulary)),
            idf=self.idf,
            starts=self.starts,
            columns=self.columns,
            weights=self.weights.astype(np.float16),
            words_bias=self.words_bias,
        )


def _joined(lines: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _split(raw: npt.NDArray[np.uint8]) -> list[str]:
    return raw.tobytes().decode().split("\n")


def _log_shares(scores: Scores) -> Scores:
    scores = scores - scores.max()
    return np.asarray(scores - np.log(np.exp(scores).sum()), np.float64)


@functools.cache
def load_learned(path: Path = LEARNED) -> Learned:
    """The weights in a file that `save` wrote; raises AdvisorError when it is damaged."""
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            made = Learned(
                ids=tuple(_split(file["ids"])),
                encoder=_split(file["encoder"])[0],
                meaning=file["meaning"].astype(np.float32),
                meaning_bias=file["meaning_bias"],
                vocabulary={term: row for row, term in enumerate(_split(file["terms"]))},
                idf=file["idf"],
                starts=file["starts"],
                columns=file["columns"],
                weights=file["weights"].astype(np.float32),
                words_bias=file["words_bias"],
            )
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise AdvisorError(
            f"The learnt weights in '{path}' cannot be read: {error}.",
            "Reinstall dladvisor, or make them again with: dladvisor fit",
        ) from error
    return made
