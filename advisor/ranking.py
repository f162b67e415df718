"""Ranking: features of every entry for a question, one fitted score, a probability.

The score is a logistic regression over the features below. Its weights and the verdict's
thresholds are in ranker.json, which `dladvisor fit` writes; nothing here is guessed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from advisor.encoder import Floats
from advisor.errors import AdvisorError
from advisor.index import Index
from advisor.lexical import message_key, tokens
from advisor.passages import KINDS, SPOKEN
from advisor.results import Verdict

# Passages whose exact cosine is used; the rest are farther away than all of these.
NEAREST = 1024
RANKER = Path(__file__).resolve().parent / "ranker.json"
# The ranker of keywords alone: what the site answers with until its encoder has loaded.
KEYWORD_RANKER = RANKER.with_name("keyword_ranker.json")
FEATURES = (
    "spoken_best",  # highest cosine of a symptom or wording
    "spoken_mean",  # mean of the three highest
    "spoken_lead",  # how far that mean is above the best other entry's (negative: below)
    "near_best",  # highest cosine of a judged question that this entry answers among others
    "title",  # cosine of title and cause
    "words_spoken",  # BM25 over symptoms and wordings, log(1 + score)
    "words_spoken_lead",  # the same as a share of the best entry's, 1 for the best
    "words_written",  # BM25 over the explanation, log(1 + score)
    "words_written_lead",
    "message",  # n words of a message quoted: log(1 + n) * sqrt(n / words of the question)
    "known_words",  # share of the question's words that any entry uses
    "length",  # log(1 + keywords) of the question
)
# Those that need no encoder; the site's script computes them to the last bit as Python does.
KEYWORD_FEATURES = (
    "words_spoken",
    "words_spoken_lead",
    "words_written",
    "words_written_lead",
    "message",
    "known_words",
    "length",
)
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Ranker:
    """The fitted score. `match_above` and `none_below` bound the best entry's probability."""

    weights: npt.NDArray[np.float64]
    bias: float
    means: npt.NDArray[np.float64]
    scales: npt.NDArray[np.float64]
    match_above: float
    none_below: float

    def probabilities(self, features: Floats) -> Floats:
        """The probability that each entry helps, shape (entries,), from (entries, features)."""
        scores = np.full(len(features), self.bias)
        # One feature after the other in double precision: the site's script adds in this order,
        # so that both agree to the last bit. A matrix product would add in an order of its own.
        for column, values in enumerate(features.T.astype(np.float64)):
            scores += (values - self.means[column]) / self.scales[column] * self.weights[column]
        return np.asarray(1 / (1 + np.exp(-scores)), np.float32)

    def verdict(self, best: float) -> Verdict:
        """What to say when the best entry has that probability."""
        if best >= self.match_above:
            return "match"
        return "none" if best < self.none_below else "unsure"


@functools.cache
def load_ranker(path: Path = RANKER, names: tuple[str, ...] = FEATURES) -> Ranker:
    """The fitted ranker over the features `names` in a file written by `dladvisor fit`."""
    values = json.loads(path.read_text(encoding="utf-8"))
    if list(values["features"]) != list(names):
        raise AdvisorError(
            f"The ranker in '{path}' was fitted on other features than this version has.",
            "Fit it again: dladvisor fit",
        )
    rows = [values["features"][name] for name in names]
    columns = [np.array([row[key] for row in rows]) for key in ("weight", "mean", "scale")]
    return Ranker(
        columns[0],
        values["bias"],
        columns[1],
        columns[2],
        values["match_above"],
        values["none_below"],
    )


def features(index: Index, question: str, vector: Floats) -> Floats:
    """The features of every entry for a question, shape (entries, len(FEATURES)), float32."""
    return _table(_meaning(index, vector) | _keywords(index, question), FEATURES)


def keyword_features(index: Index, question: str) -> Floats:
    """The features that need no encoder, shape (entries, len(KEYWORD_FEATURES)), float32."""
    return _table(_keywords(index, question), KEYWORD_FEATURES)


def _table(columns: Columns, names: Sequence[str]) -> Floats:
    return np.stack([columns[name] for name in names], axis=1).astype(np.float32)


def _meaning(index: Index, vector: Floats) -> Columns:
    cosines = index.similarities(vector, NEAREST)
    floor = cosines.min()
    spoken = np.isin(index.kinds, [KINDS.index(kind) for kind in SPOKEN])
    best, mean = _best_and_mean(index, np.where(spoken, cosines, floor))
    near = np.where(index.kinds == KINDS.index("near post"), cosines, floor)
    return {
        "spoken_best": best,
        "spoken_mean": mean,
        "spoken_lead": mean - _best_other(mean),
        "near_best": np.maximum.reduceat(near, index.starts[:-1]),
        "title": cosines[index.starts[:-1]],
    }


def _keywords(index: Index, question: str) -> Columns:
    columns: Columns = {}
    words = tokens(question)
    for name, keywords in (("words_spoken", index.spoken), ("words_written", index.written)):
        scores = keywords.score(words)
        # Logarithms in double precision: in single, numpy and browsers differ in the last bit.
        columns[name] = np.log1p(scores.astype(np.float64))
        columns[f"{name}_lead"] = scores / max(float(scores.max(initial=0)), 1e-6)
    quoted = _quoted(index, question)
    # A line pasted alone is what is asked; in a long post it is one detail of many.
    part = np.minimum(1, quoted / max(len(question.split()), 1))
    columns["message"] = np.log1p(quoted) * np.sqrt(part)
    known = len(index.spoken.known(words)) / max(len(set(words)), 1)
    columns["known_words"] = np.full(len(index.ids), known)
    columns["length"] = np.full(len(index.ids), np.log1p(len(words)))
    return columns


def _best_and_mean(index: Index, cosines: Floats) -> tuple[Floats, Floats]:
    """Of each entry's passages the highest cosine and the mean of the three highest."""
    counts = np.diff(index.starts)
    # One row an entry, padded with the lowest cosine, so that numpy sorts all entries at once.
    table = np.full((len(counts), max(int(counts.max()), 3)), cosines.min(), np.float32)
    table[np.arange(table.shape[1]) < counts[:, None]] = cosines
    top = np.partition(table, -3, axis=1)[:, -3:]
    return top[:, -1], top.mean(axis=1)


def _best_other(values: Floats) -> Floats:
    """For each element the highest of the others."""
    if len(values) < 2:
        return np.zeros_like(values)
    order = np.argsort(values)
    others = np.full_like(values, values[order[-1]])
    others[order[-1]] = values[order[-2]]
    return others


def _quoted(index: Index, question: str) -> npt.NDArray[np.float64]:
    """For each entry the length in words of its longest message that the question quotes."""
    asked = message_key(question)
    return np.array(
        [
            max((len(key.split()) for key in keys if key in asked), default=0)
            for keys in index.messages
        ],
        np.float64,
    )
