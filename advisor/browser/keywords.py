"""What the site's script needs to rank by keywords: entries, counts of words, rules, weights.

BM25 is sent as counts, a fifth of the size of its scores; the script computes the scores again
with bm25s's formula. `keyword_data` checks that the formula gives the index's scores to the bit.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from advisor import explanation, learned, question, ranking
from advisor.browser.observing import observing_data
from advisor.entry import Entry
from advisor.errors import AdvisorError
from advisor.index import Index
from advisor.knowledge import Knowledge
from advisor.learned import Learned
from advisor.lexical import K1, PHRASES, STOP_WORDS, SYNONYMS, B, Bm25, tokens
from advisor.passages import KINDS, SPOKEN, posts_of, spoken_text, written_text
from advisor.results import LIKELIHOODS

Document = Counter[str]
# Base 32, lowest digit first; the higher half of the 64 digits says that more follow.
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def keyword_data(index: Index, taught: Learned | None, knowledge: Knowledge) -> dict[str, Any]:
    """The data of engine.js; `knowledge` is what the index was made of, wordings included."""
    posts = posts_of(knowledge)
    spoken = [Counter(tokens(spoken_text(entry, posts[entry.id]))) for entry in knowledge]
    written = [Counter(tokens(written_text(entry))) for entry in knowledge]
    return {
        "entries": [_shown(entry) for entry in knowledge],
        "spoken": _bm25(spoken, index.spoken),
        "written": _bm25(written, index.written),
        "bm25": {"k1": K1, "b": B},
        "words": {
            "stop": sorted(STOP_WORDS),
            "synonyms": SYNONYMS,
            "phrases": {" ".join(pair): word for pair, word in PHRASES.items()},
        },
        "observing": observing_data(index),
        "learned": _learned(taught) if taught else None,
        "learnedScale": learned.SCALE,
        "lowestShare": ranking.LOWEST_SHARE,
        "largestLead": ranking.LARGEST_LEAD,
        "linesOfAShape": question.LINES_OF_A_SHAPE,
        "rankers": {
            "meaning": _ranker(ranking.RANKER),
            "keywords": _ranker(ranking.KEYWORD_RANKER),
        },
        "kinds": list(KINDS),
        "spokenKinds": list(SPOKEN),
        "nearest": ranking.NEAREST,
        "alike": explanation.ALIKE,
        "maxWords": explanation.MAX_WORDS,
        "tooCommon": explanation.TOO_COMMON,
        "shortestWord": explanation.SHORTEST_WORD,
        "maxQuote": explanation.MAX_QUOTE,
        "maxCharacters": question.MAX_CHARACTERS,
        "likelihoods": LIKELIHOODS,
    }


def _shown(entry: Entry) -> dict[str, Any]:
    check, remedy = entry.checks[0], entry.remedies[0]
    return {
        "id": entry.id,
        "title": entry.title,
        "category": [entry.category],
        "stage": entry.stages,
        "framework": entry.frameworks,
        "architecture": entry.architectures,
        "evidence": [entry.evidence],
        "cause": entry.cause,
        "check": [check.do, check.expect],
        "remedy": remedy.do,
        "observables": entry.observables,
        "symptoms": entry.symptoms,
        "messages": entry.messages,
    }


def _ranker(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    return {name: values[name] for name in ("taught", "untaught")}


def _learned(taught: Learned) -> dict[str, Any]:
    """The classifier of words: for each term its rarity, classes and weights."""
    rarities = {float(value): None for value in taught.idf}
    place = {value: number for number, value in enumerate(rarities)}
    parts = []
    for term, rarity in enumerate(taught.idf):
        columns = taught.columns[taught.starts[term] : taught.starts[term + 1]]
        parts += [_digits(place[float(rarity)]), _digits(len(columns))]
        before = -1
        for column in map(int, columns):
            if column <= before:
                raise AdvisorError("The learnt classes of a word are not in order.", "")
            parts.append(_digits(column - before - 1))
            before = column
    return {
        "ids": taught.ids,
        "terms": "\n".join(taught.vocabulary),
        "rarities": list(rarities),
        "columns": "".join(parts),
        "weights": _halves(taught.weights),
        "bias": taught.words_bias.astype(float).tolist(),
    }


def _halves(values: npt.NDArray[np.float32]) -> str:
    """Numbers that were stored in 16 bits, as such, in base 64."""
    return base64.b64encode(values.astype("<f2").tobytes()).decode()


def _bm25(documents: Sequence[Document], scored: Bm25) -> dict[str, Any]:
    """The words in the scored order, and for each the documents and counts as one text."""
    columns: dict[str, list[tuple[int, int]]] = {word: [] for word in scored.vocabulary}
    for number, counts in enumerate(documents):
        for word, count in counts.items():
            columns.setdefault(word, []).append((number, count))
    lengths = [counts.total() for counts in documents]
    if not _agree(columns, lengths, scored):
        raise AdvisorError(
            "The index does not hold the keyword scores of these entries.",
            "Build it again: dladvisor index --all",
        )
    parts = []
    for column in columns.values():
        parts.append(_digits(len(column)))
        before = -1
        for number, count in column:
            # Most words occur once in an entry: that costs one bit of the gap instead of a digit.
            parts.append(_digits((number - before - 1) * 2 + (count > 1)))
            if count > 1:
                parts.append(_digits(count))
            before = number
    return {"vocabulary": " ".join(columns), "lengths": lengths, "postings": "".join(parts)}


def _agree(columns: dict[str, list[tuple[int, int]]], lengths: list[int], scored: Bm25) -> bool:
    """Whether engine.js will get the index's scores to the bit: its arithmetic, in Python."""
    if list(columns) != list(scored.vocabulary):
        return False
    documents = [number for column in columns.values() for number, _ in column]
    counts = np.array([count for column in columns.values() for _, count in column], np.float64)
    rarity = np.repeat(
        [
            np.float32(math.log(1 + (len(lengths) - len(column) + 0.5) / (len(column) + 0.5)))
            for column in columns.values()
        ],
        [len(column) for column in columns.values()],
    )
    average = sum(lengths) / max(len(lengths), 1)
    norms = np.array([K1 * ((1 - B) + B * length / average) for length in lengths])[documents]
    scores = (rarity * (counts / (norms + counts))).astype(np.float32)
    return bool(
        np.array_equal(scored.documents, documents) and np.array_equal(scored.scores, scores)
    )


def _digits(value: int) -> str:
    text = ""
    while True:
        value, digit = divmod(value, 32)
        text += DIGITS[digit + 32 * (value > 0)]
        if not value:
            return text
