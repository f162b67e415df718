"""Teach the classifiers and fit the ranker: logistic regression of "this entry helps".

Each judged question gives one row an entry among its best candidates; rows of one question
are kept together when folds are made. Thresholds come from out-of-fold probabilities, so that
they hold for questions that were not fitted on.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

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
from advisor.learned import LEARNED, load_learned
from advisor.passages import Passage
from advisor.training import regression
from advisor.training.card import model_card
from advisor.training.learn import learn
from advisor.training.regression import Rows

Folds = npt.NDArray[np.int64]

# Entries a question is compared on: the best by any one feature. More only adds easy negatives.
CANDIDATES = 10
FOLDS = 4


def fit_ranker(
    index: Index, encoder: Encoder, kb: Sequence[Path], files: Sequence[Path], out: Path
) -> str:
    """Write the fitted ranker to `out`; returns the figures.

    The ranker of keywords alone, the classifiers, taught by everything, and the model card go
    beside it.

    `index` is of the entries in the folders `kb`, made by `encoder`. `files` hold judged
    questions; none means those of the knowledge base. Raises MissingExtra without
    scikit-learn and torch, BadSettings for a file that is no judged questions.
    """
    try:
        import sklearn  # noqa: F401 - asked for before the minutes of work that need them
        import torch  # noqa: F401
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
    rows, grades, groups = [], [], []
    for group, item, features in _held_out_features(
        index, encoder, knowledge, questions, fold_of_question
    ):
        good = {ids[name]: grade for name, grade in item.grades.items() if name in ids}
        for number in sorted(candidates(features) | set(good)):
            rows.append(features[number])
            grades.append(good.get(number, 0))
            groups.append(group)
    rows_of = Rows(
        np.array(rows, np.float64),
        np.array(grades),
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
        plain = [name for name in names if name not in ranking.LEARNED_FEATURES]
        values = dict(about)
        for part, chosen_names in (("taught", names), ("untaught", plain)):
            fitted = regression.fit(rows_of, chosen_names)
            values[part] = fitted
            sentences.append(regression.sentence(fitted))
        if path == out:
            values["ablation"] = regression.ablation(rows_of)
            text = model_card(values, knowledge)
            out.with_name("MODEL_CARD.md").write_text(text, encoding="utf-8")
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        sentences.append(f"Written to {path}.")
    ranking.load_ranker.cache_clear()
    everything = _vectors(index, encoder, knowledge.judged)
    taught = learn(knowledge, knowledge.judged, everything, encoder.name)
    taught.save(out.with_name(LEARNED.name))
    load_learned.cache_clear()
    sentences.append(
        f"{len(taught.ids)} entries, {len(taught.vocabulary)} terms, {len(taught.weights)} weights "
        f"of words. Written to {out.with_name(LEARNED.name)}."
    )
    return "\n".join((f"{len(questions)} questions, {len(rows)} rows.", *sentences))


def _held_out_features(
    index: Index,
    encoder: Encoder,
    knowledge: Knowledge,
    questions: Sequence[Judged],
    fold_of_question: Folds,
) -> Iterator[tuple[int, Judged, Floats]]:
    """Number, question and features of each question, from what has not seen it.

    Judged questions are passages themselves and teach the classifiers, so each fold is asked
    of an index and of classifiers made without them.
    """
    known = _vectors(index, encoder, (*knowledge.judged, *questions))
    vectors = [known[_hash(item)] for item in questions]
    for fold in range(FOLDS):
        inside = np.flatnonzero(fold_of_question == fold)
        asked = {questions[int(group)].id for group in inside}
        rest = tuple(item for item in knowledge.judged if item.id not in asked)
        held_out = indexes.build(replace(knowledge, judged=rest), encoder, known)
        taught = learn(knowledge, rest, known, encoder.name)
        for group in map(int, inside):
            item = questions[group]
            yield group, item, ranking.features(held_out, taught, item.question, vectors[group])


def _vectors(index: Index, encoder: Encoder, items: Sequence[Judged]) -> dict[str, Floats]:
    """Hash -> vector of the index's passages, as stored, and of the questions, as asked."""
    texts = {_hash(item): item.question for item in items}
    asked = dict(zip(texts, encoder.encode(list(texts.values()))))
    return indexes.stored_vectors(index) | asked


def _hash(item: Judged) -> str:
    return Passage("post", item.question).hash


def candidates(features: Floats) -> set[int]:
    """The entries that are among the best by any feature that tells entries apart."""
    chosen: set[int] = set()
    for name in (
        "spoken_mean",
        "title",
        "words_spoken",
        "words_written",
        "learned_meaning",
        "learned_words",
    ):
        column = features[:, ranking.FEATURES.index(name)]
        chosen.update(int(number) for number in np.argsort(-column)[:CANDIDATES])
    return chosen
