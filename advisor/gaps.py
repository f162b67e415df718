"""Gaps: what people asked and the knowledge base could not answer, in clusters.

A question is a gap when the verdict was `none`, or when more people voted "not helpful" than
"helpful" over all entries it was shown. Alike questions become one cluster, which is one entry
to write, or one to extend where the nearest entries are close.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advisor.encoder import Encoder, Floats
from advisor.explanation import says_little
from advisor.feedback import Asked
from advisor.lexical import surfaces
from advisor.redaction import EMAIL, NAME, SECRET

SCHEMA = 1
# Questions are alike when their words mean the same and when the same entries came nearest: what
# lacks an entry of its own still lands beside the same others. The share of the second, and the
# mean likeness of two clusters above which they become one. tests/benchmarks/gaps.py measures
# them: other values, weights by rarity or by rank, and keywords gain on one set of questions and
# lose on another.
SHOWN_SHARE = 0.25
ALIKE = 0.4
# Comparing all pairs of more takes gigabytes; the newest are the ones to act on.
MAX_QUESTIONS = 4000
MAX_EXAMPLES = 3
MAX_WORDS = 5
SHOWN_CHARACTERS = 300
_MARKS = re.compile("|".join(map(re.escape, (SECRET, EMAIL, NAME))))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Alike questions without a good answer, the most typical first among `examples`.

    `asked` counts questions, of which `nothing_found` got the verdict none and `not_helpful`
    were voted down. `nearest` has the entries shown most often at first place, with counts.
    """

    asked: int
    nothing_found: int
    not_helpful: int
    words: tuple[str, ...]
    examples: tuple[str, ...]
    nearest: tuple[tuple[str, int], ...]
    last: float

    def to_json(self) -> dict[str, Any]:
        """The cluster as JSON-ready values."""
        return {
            "asked": self.asked,
            "nothing_found": self.nothing_found,
            "not_helpful": self.not_helpful,
            "words": list(self.words),
            "examples": list(self.examples),
            "nearest": [{"id": name, "times": times} for name, times in self.nearest],
            "last": self.last,
        }


@dataclass(frozen=True, slots=True)
class Gaps:
    """Clusters, the most asked first, out of `questions` kept questions."""

    questions: int
    clusters: tuple[Cluster, ...]

    def to_json(self) -> dict[str, Any]:
        """The whole report as JSON-ready values."""
        return {
            "schema": SCHEMA,
            "questions": self.questions,
            "gaps": sum(cluster.asked for cluster in self.clusters),
            "clusters": [cluster.to_json() for cluster in self.clusters],
        }


def is_gap(asked: Asked) -> bool:
    """Whether nothing was found, or what was found did not help."""
    helped, failed = sum(asked.helpful.values()), sum(asked.not_helpful.values())
    return failed > helped or (asked.verdict == "none" and not helped)


def find(questions: Sequence[Asked], encoder: Encoder, alike: float = ALIKE) -> Gaps:
    """The clusters among the questions that had no good answer."""
    missing = [asked for asked in questions if is_gap(asked)][-MAX_QUESTIONS:]
    if not missing:
        return Gaps(len(questions), ())
    vectors = likeness(encoder.encode([asked.question for asked in missing]), missing)
    clusters = [
        _cluster([missing[row] for row in rows], vectors[rows]) for rows in grouped(vectors, alike)
    ]
    # Without words or vectors in common, the newest of equally frequent ones comes first.
    clusters.sort(key=lambda cluster: (-cluster.asked, -cluster.last))
    return Gaps(len(questions), tuple(clusters))


def likeness(meanings: Floats, questions: Sequence[Asked]) -> Floats:
    """Unit vectors whose products mix the cosine of meanings with that of the entries shown.

    `meanings` has shape (questions, dimension). Of the entries shown, the one at rank r counts
    1 / r. A question that was shown none is compared by its meaning alone.
    """
    columns = {
        entry: column
        for column, entry in enumerate(dict.fromkeys(e for asked in questions for e in asked.shown))
    }
    shown = np.zeros((len(questions), len(columns)), np.float32)
    for row, asked in enumerate(questions):
        for rank, entry in enumerate(asked.shown, start=1):
            shown[row, columns[entry]] = 1 / rank
    shown /= np.maximum(np.linalg.norm(shown, axis=1, keepdims=True), 1e-9)
    mixed = np.hstack([np.sqrt(1 - SHOWN_SHARE) * meanings, np.sqrt(SHOWN_SHARE) * shown])
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def grouped(vectors: Floats, alike: float) -> list[list[int]]:
    """Rows of unit vectors in clusters: average-linkage merging down to the cosine `alike`.

    Average linkage needs the sums of pairwise cosines only, which merge by adding rows. 4,000
    questions take 5 s on 2 cores.
    """
    count = len(vectors)
    sums = (vectors @ vectors.T).astype(np.float32)
    np.fill_diagonal(sums, -np.inf)
    sizes = np.ones(count, np.float32)
    members: list[list[int]] = [[row] for row in range(count)]
    means = sums.copy()
    best = means.argmax(axis=1)
    for _ in range(count - 1):
        tops = means[np.arange(count), best]
        first = int(tops.argmax())
        if tops[first] < alike:
            break
        second = int(best[first])
        members[first] += members[second]
        members[second] = []
        sums[first] += sums[second]
        sums[:, first] = sums[first]
        sizes[first] += sizes[second]
        sums[second] = sums[:, second] = -np.inf
        sums[first, first] = -np.inf
        means[second] = means[:, second] = -np.inf
        means[first] = means[:, first] = sums[first] / (sizes[first] * sizes)
        # Only rows whose nearest cluster was one of the two can have another one now.
        stale = np.flatnonzero((best == first) | (best == second))
        best[stale] = means[stale].argmax(axis=1)
        best[first] = int(means[first].argmax())
        closer = means[:, first] > means[np.arange(count), best]
        best[closer] = first
    return [sorted(rows) for rows in members if rows]


def _cluster(asked: Sequence[Asked], vectors: Floats) -> Cluster:
    typical = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")
    examples = dict.fromkeys(_short(asked[int(row)].question) for row in typical)
    nearest = Counter(item.shown[0] for item in asked if item.shown)
    return Cluster(
        asked=len(asked),
        nothing_found=sum(item.verdict == "none" for item in asked),
        not_helpful=sum(bool(item.not_helpful) for item in asked),
        words=_common_words([item.question for item in asked]),
        examples=tuple(examples)[:MAX_EXAMPLES],
        nearest=tuple(nearest.most_common(MAX_EXAMPLES)),
        last=max(item.at for item in asked),
    )


def _common_words(questions: Sequence[str]) -> tuple[str, ...]:
    """The words that most of the questions use, as they were typed, without stop words."""
    counts: Counter[str] = Counter()
    typed: dict[str, str] = {}
    for question in questions:
        for stem, surface in surfaces(_MARKS.sub(" ", question)).items():
            if not says_little(surface):
                counts[stem] += 1
                typed.setdefault(stem, surface)
    return tuple(typed[stem] for stem, _ in counts.most_common(MAX_WORDS))


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
