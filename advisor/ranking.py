"""Ranking: features of every entry for a question, one fitted score, a probability.

The score is a logistic regression over the features below. Its weights and the verdict's
thresholds are in ranker.json, which `dladvisor fit` writes; nothing here is guessed. Entries
that the learnt classifiers know are scored with them; others by a second regression without.
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
from advisor.learned import Learned, Scores
from advisor.lexical import message_key, tokens
from advisor.passages import KINDS, SPOKEN
from advisor.results import Verdict

# Passages whose exact cosine is used; the rest are farther away than all of these.
NEAREST = 1024
RANKER = Path(__file__).resolve().parent / "ranker.json"
# The ranker of keywords alone: what the site answers with until its encoder has loaded.
KEYWORD_RANKER = RANKER.with_name("keyword_ranker.json")
FEATURES = (
    "spoken_best",  # highest cosine of a symptom, wording or judged question
    "spoken_mean",  # mean of the three highest
    "spoken_lead",  # how far that mean is above the best other entry's (negative: below)
    "title",  # cosine of title and cause
    "words_spoken",  # BM25 over symptoms and wordings, log(1 + score)
    "words_spoken_lead",  # the same as a share of the best entry's, 1 for the best
    "words_written",  # BM25 over the explanation, log(1 + score)
    "words_written_lead",
    "message",  # n words of a message quoted: log(1 + n) * sqrt(n / words of the question)
    "known_words",  # share of the question's words that any entry uses
    "length",  # log(1 + keywords) of the question
    "observed",  # rarity (log) of what the question and the entry both say is observed
    "contradicted",  # number of observables of which they say different values
    "learned_meaning",  # log of the entry's share by the classifier of vectors
    "learned_meaning_lead",  # how far it is above the best other entry's
    "none_meaning",  # log of the share of "none of these"
    "learned_words",  # the same three by the classifier of words
    "learned_words_lead",
    "none_words",
)
LEARNED_FEATURES = FEATURES[-6:]
# Shares below e^-10 are all nothing, and leads beyond e^8 all certain.
LOWEST_SHARE = -10.0
LARGEST_LEAD = 8.0
# Those that need no encoder; the site's script computes them to the last bit as Python does.
KEYWORD_FEATURES = (
    "words_spoken",
    "words_spoken_lead",
    "words_written",
    "words_written_lead",
    "message",
    "known_words",
    "length",
    "observed",
    "contradicted",
    "learned_words",
    "learned_words_lead",
    "none_words",
)
_SPOKEN = np.isin(KINDS, SPOKEN)
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Fit:
    """A logistic regression. `match_above` and `none_below` bound the best entry's probability."""

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


@dataclass(frozen=True)
class Ranker:
    """Two fits over the features `names`: for entries the classifiers know, and for others."""

    names: tuple[str, ...]
    taught: Fit
    untaught: Fit

    def probabilities(self, features: Floats, known: npt.NDArray[np.bool_]) -> Floats:
        """The probability that each entry helps, shape (entries,), from (entries, names).

        `known` (entries,) tells which entries the classifiers know.
        """
        plain = [column for column, name in enumerate(self.names) if name not in LEARNED_FEATURES]
        without = self.untaught.probabilities(features[:, plain])
        return np.where(known, self.taught.probabilities(features), without)

    def verdict(self, best: float, known: bool) -> Verdict:
        """What to say when the best entry has that probability, and whether it is known."""
        return (self.taught if known else self.untaught).verdict(best)


@functools.cache
def load_ranker(path: Path = RANKER, names: tuple[str, ...] = FEATURES) -> Ranker:
    """The fitted ranker over the features `names` in a file written by `dladvisor fit`."""
    values = json.loads(path.read_text(encoding="utf-8"))
    plain = tuple(name for name in names if name not in LEARNED_FEATURES)
    return Ranker(
        names, _read(values["taught"], names, path), _read(values["untaught"], plain, path)
    )


def _read(values: dict[str, Any], names: Sequence[str], path: Path) -> Fit:
    if list(values["features"]) != list(names):
        raise AdvisorError(
            f"The ranker in '{path}' was fitted on other features than this version has.",
            "Fit it again: dladvisor fit",
        )
    rows = [values["features"][name] for name in names]
    columns = [np.array([row[key] for row in rows]) for key in ("weight", "mean", "scale")]
    return Fit(
        columns[0],
        values["bias"],
        columns[1],
        columns[2],
        values["match_above"],
        values["none_below"],
    )


def known_entries(index: Index, learned: Learned | None) -> npt.NDArray[np.bool_]:
    """Which entries the classifiers know, shape (entries,)."""
    return np.array([learned is not None and name in learned.places for name in index.ids], bool)


def features(
    index: Index, learned: Learned | None, question: str, vector: Floats, whole: str = ""
) -> Floats:
    """The features of every entry for a question, shape (entries, len(FEATURES)), float32.

    `whole` is the question before question.gist, when something was left out: the columns of a
    pasted log tell what is observed.
    """
    columns = _meaning(index, vector) | _keywords(index, question, whole)
    by_meaning = learned.by_meaning(vector) if learned else None
    by_words = learned.by_words(question) if learned else None
    columns |= _learned(index, learned, "meaning", by_meaning)
    columns |= _learned(index, learned, "words", by_words)
    return _table(columns, FEATURES)


def keyword_features(
    index: Index, learned: Learned | None, question: str, whole: str = ""
) -> Floats:
    """The features that need no encoder, shape (entries, len(KEYWORD_FEATURES)), float32."""
    by_words = learned.by_words(question) if learned else None
    columns = _keywords(index, question, whole) | _learned(index, learned, "words", by_words)
    return _table(columns, KEYWORD_FEATURES)


def _learned(index: Index, learned: Learned | None, name: str, shares: Scores | None) -> Columns:
    """A classifier's three features; the lowest values for entries that it does not know."""
    own = np.full(len(index.ids), LOWEST_SHARE)
    lead = np.full(len(index.ids), -LARGEST_LEAD)
    none = LOWEST_SHARE
    if learned is not None and shares is not None:
        place = learned.places
        rows = [row for row, entry_id in enumerate(index.ids) if entry_id in place]
        found = shares[[place[index.ids[row]] for row in rows]]
        own[rows] = np.maximum(found, LOWEST_SHARE)
        lead[rows] = np.clip(found - _best_other(found), -LARGEST_LEAD, LARGEST_LEAD)
        none = max(float(shares[-1]), LOWEST_SHARE)
    return {
        f"learned_{name}": own,
        f"learned_{name}_lead": lead,
        f"none_{name}": np.full(len(index.ids), none),
    }


def _table(columns: Columns, names: Sequence[str]) -> Floats:
    return np.stack([columns[name] for name in names], axis=1).astype(np.float32)


def _meaning(index: Index, vector: Floats) -> Columns:
    cosines = index.similarities(vector, NEAREST)
    floor = cosines.min()
    spoken = _SPOKEN[index.kinds]
    best, mean = _best_and_mean(index, np.where(spoken, cosines, floor))
    return {
        "spoken_best": best,
        "spoken_mean": mean,
        "spoken_lead": mean - _best_other(mean),
        "title": cosines[index.starts[:-1]],
    }


def _keywords(index: Index, question: str, whole: str) -> Columns:
    columns: Columns = {**index.signs.features(whole or question)}
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
    floor = cosines.min()
    # All but NEAREST are at the floor: only the others are sorted, by entry and then downwards.
    near = np.flatnonzero(cosines > floor)
    near = near[np.lexsort((-cosines[near], index.owners[near]))]
    owners = index.owners[near]
    places = np.arange(len(near)) - np.searchsorted(owners, owners)
    top = np.full((len(index.ids), 3), floor, np.float32)
    first = places < 3
    top[owners[first], 2 - places[first]] = cosines[near[first]]
    return top[:, 2], top.mean(axis=1)


def _best_other(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
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
    longest = np.zeros(len(index.ids))
    for word in set(asked.split()):
        for key, number in index.messages_by_word.get(word, ()):
            if key in asked:
                longest[number] = max(longest[number], len(key.split()))
    return longest
