"""Fit the ranker: logistic regression of "this entry helps" on the features of a question.

Each judged question gives one row an entry among its best candidates; rows of one question
are kept together when folds are made. Thresholds come from out-of-fold probabilities, so that
they hold for questions that were not fitted on.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from advisor import index as indexes
from advisor import knowledge as knowledges
from advisor import ranking
from advisor.encoder import Encoder, Floats
from advisor.errors import MissingExtra
from advisor.index import Index
from advisor.judged import Judged, read_judged
from advisor.knowledge import Knowledge

Folds = npt.NDArray[np.int64]

# Entries a question is compared on: the best by any one feature. More only adds easy negatives.
CANDIDATES = 12
FOLDS = 5
MESSAGE_WEIGHT = 0.5
SMALLEST_SCALE = 1e-4
# Stated error rates that the thresholds are chosen for.
MAX_OUT_OF_SCOPE_MATCHED = 0.03
MAX_IN_SCOPE_DECLINED = 0.03


def fit_ranker(
    index: Index, encoder: Encoder, kb: Sequence[Path], files: Sequence[Path], out: Path
) -> str:
    """Write the fitted ranker to `out`, and that of keywords alone beside it; returns the figures.

    `index` is of the entries in the folders `kb`, made by `encoder`. `files` hold judged
    questions; none means those of the knowledge base. Raises MissingExtra without
    scikit-learn, BadSettings for a file that is no judged questions.
    """
    try:
        import sklearn  # noqa: F401 - asked for before the minutes of work that need it
    except ImportError as error:
        raise MissingExtra("Fitting the ranker", "train") from error
    knowledge = knowledges.load(kb)
    chosen = [item for path in files for item in read_judged(path)] or list(knowledge.judged)
    ids = {name: number for number, name in enumerate(knowledge.entries)}
    # A question whose entries do not exist (yet) teaches nothing.
    questions = [
        item for item in chosen if item.out_of_scope or any(name in ids for name in item.grades)
    ]
    fold_of_question = np.random.default_rng(0).integers(0, FOLDS, len(questions))
    rows, helps, weights, groups = [], [], [], []
    for group, item, features in _held_out_features(
        index, encoder, knowledge, questions, fold_of_question
    ):
        good = {ids[name]: grade for name, grade in item.grades.items() if name in ids}
        for number in sorted(candidates(features) | set(good)):
            rows.append(features[number])
            helps.append(number in good)
            # A half-right entry counts half as much as evidence that it helps.
            weights.append(0.5 if good.get(number) == 1 else 1.0)
            groups.append(group)
    rows_of = _Rows(
        np.array(rows, np.float64),
        np.array(helps),
        np.array(weights),
        np.array(groups),
        fold_of_question,
        np.array([bool(item.out_of_scope) for item in questions]),
    )
    about = {
        "made_by": " ".join(["dladvisor fit", *(path.name for path in files)]),
        "made_on": datetime.date.today().isoformat(),
        "encoder": encoder.name,
        "entries": len(ids),
        "questions": {
            "in_scope": int((~rows_of.outside).sum()),
            "out_of_scope": int(rows_of.outside.sum()),
        },
    }
    sentences = []
    for names, path in (
        (ranking.FEATURES, out),
        (ranking.KEYWORD_FEATURES, out.with_name(ranking.KEYWORD_RANKER.name)),
    ):
        values, figures = _fit(rows_of, names)
        path.write_text(json.dumps(about | values, indent=2) + "\n", encoding="utf-8")
        sentences.append(f"{figures} Written to {path}.")
    ranking.load_ranker.cache_clear()
    return "\n".join((f"{len(questions)} questions, {len(rows)} rows.", *sentences))


@dataclass(frozen=True)
class _Rows:
    """One row a candidate of a question: features, whether it helps, weight, its question.

    `folds` and `outside` have one value a question.
    """

    features: npt.NDArray[np.float64]
    helps: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    groups: Folds
    folds: Folds
    outside: npt.NDArray[np.bool_]


def _fit(rows: _Rows, names: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The fitted values over the features `names`, for a file, and a sentence on them."""
    # Deferred: 1 s, and checked by fit_ranker.
    from sklearn.linear_model import LogisticRegression

    matrix = rows.features[:, [ranking.FEATURES.index(name) for name in names]]
    means, scales = matrix.mean(axis=0), matrix.std(axis=0)
    # A feature that hardly varies tells nothing; dividing by its scale would make it decide.
    scales[scales < SMALLEST_SCALE] = 1
    scaled = (matrix - means) / scales
    held_out = np.zeros(len(matrix))
    for fold in range(FOLDS):
        test = rows.folds[rows.groups] == fold
        train = ~test
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(scaled[train], rows.helps[train], sample_weight=rows.weights[train])
        held_out[test] = model.predict_proba(scaled[test])[:, 1]
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(scaled, rows.helps, sample_weight=rows.weights)
    # Few judged questions are a pasted line and nothing else, so this weight is not learnt. With
    # 0.5 a pasted message finds its entry first in 99% of cases, and nothing else changes.
    message = list(names).index("message")
    model.coef_[0][message] = max(model.coef_[0][message], MESSAGE_WEIGHT)
    best = np.array([held_out[rows.groups == group].max() for group in range(len(rows.folds))])
    inside, outside = best[~rows.outside], best[rows.outside]
    match_above, none_below = thresholds(inside, outside)
    values = {
        "bias": round(float(model.intercept_[0]), 5),
        "match_above": match_above,
        "none_below": none_below,
        "features": {
            name: {
                "weight": round(float(model.coef_[0][column]), 5),
                "mean": round(float(means[column]), 5),
                "scale": round(float(scales[column]), 5),
            }
            for column, name in enumerate(names)
        },
    }
    shares = {
        "in-scope matched": np.mean(inside >= match_above),
        "in-scope declined": np.mean(inside < none_below),
        "out-of-scope matched": np.mean(outside >= match_above),
        "out-of-scope declined": np.mean(outside < none_below),
    }
    figures = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    return values, (
        f"{len(names)} features: match from {match_above:.2f}, none below {none_below:.2f}. "
        f"Out of fold: {figures}."
    )


def _held_out_features(
    index: Index,
    encoder: Encoder,
    knowledge: Knowledge,
    questions: Sequence[Judged],
    fold_of_question: Folds,
) -> Iterator[tuple[int, Judged, Floats]]:
    """Number, question and features of each question, from an index that has not seen it.

    Judged questions are passages themselves, so each fold is asked of an index without them.
    """
    known = indexes.stored_vectors(index)
    vectors = encoder.encode([item.question for item in questions])
    for fold in range(FOLDS):
        inside = np.flatnonzero(fold_of_question == fold)
        asked = {questions[int(group)].id for group in inside}
        rest = tuple(item for item in knowledge.judged if item.id not in asked)
        held_out = indexes.build(replace(knowledge, judged=rest), encoder, known)
        for group in map(int, inside):
            item = questions[group]
            yield group, item, ranking.features(held_out, item.question, vectors[group])


def candidates(features: Floats) -> set[int]:
    """The entries that are among the best by any feature that tells entries apart."""
    chosen: set[int] = set()
    for name in ("spoken_mean", "near_best", "title", "words_spoken", "words_written"):
        column = features[:, ranking.FEATURES.index(name)]
        chosen.update(int(number) for number in np.argsort(-column)[:CANDIDATES])
    return chosen


def thresholds(inside: Floats, outside: Floats) -> tuple[float, float]:
    """The best entry's probability above which to say match, and below which to say none.

    `inside` and `outside` hold the best entry's probability of each in-scope and out-of-scope
    question. The first keeps the stated share of out-of-scope questions from matching; the
    second declines at most the stated share of in-scope questions.
    """
    match_above = float(np.quantile(outside, 1 - MAX_OUT_OF_SCOPE_MATCHED))
    none_below = float(np.quantile(inside, MAX_IN_SCOPE_DECLINED))
    return round(match_above, 4), round(min(none_below, match_above), 4)
