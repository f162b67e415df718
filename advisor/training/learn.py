"""Teach the two classifiers of advisor.learned: question to entry, from its vector and its words.

Both are softmax regressions with an L2 penalty, fitted by L-BFGS on every symptom and wording
(one entry each) and every judged question (its graded list; out-of-scope ones teach the class
"none of these"). On 2 cores: 10 s for vectors, 20 s for words.

Measured in 4 folds over 1,740 real posts, hit@1 / hit@3: cosine to the three nearest symptoms
0.31 / 0.52; whitened class means 0.47 / 0.72; this on vectors 0.57 / 0.80, on words 0.57 / 0.82;
both with the other features 0.62 / 0.86 (without them 0.50 / 0.75).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from advisor.encoder import Floats
from advisor.errors import MissingExtra
from advisor.judged import HALF_RIGHT, Judged
from advisor.knowledge import Knowledge
from advisor.learned import SCALE, Learned, terms
from advisor.passages import SPOKEN, Passage, split

# How many wordings a judged question counts for, and the penalty on squared weights. Chosen in
# the folds above; half or twice as much of either changes hit@3 by less than 0.01.
MEANING_WEIGHT, MEANING_PENALTY = 12.0, 1e-3
WORDS_WEIGHT, WORDS_PENALTY = 8.0, 5e-4

# A term must be in this many texts to be learnt from.
LEAST_TEXTS = 3
STEPS = 50
# Weights of words below this decide nothing; leaving them out makes the file a fifth as large.
SMALLEST_WEIGHT = 0.051


def learn(
    knowledge: Knowledge,
    judged: Sequence[Judged],
    vectors: Mapping[str, Floats],
    encoder: str,
) -> Learned:
    """The classifiers, taught by all passages of `knowledge` and the given judged questions.

    `vectors` maps the hash of each text (advisor.passages) to its unit vector by `encoder`.
    Raises MissingExtra without torch and scikit-learn.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise MissingExtra("Teaching the classifiers", "train") from error
    ids = tuple(knowledge.entries)
    number = {name: place for place, name in enumerate(ids)}
    posts = [item for item in judged if item.out_of_scope or any(n in number for n in item.grades)]
    texts, owners = [], []
    for place, entry in enumerate(knowledge):
        for passage in split(entry):
            if passage.kind in (*SPOKEN, "title"):
                texts.append(passage.text)
                owners.append(place)
    targets = np.zeros((len(texts) + len(posts), len(ids) + 1), np.float32)
    targets[np.arange(len(texts)), owners] = 1
    for row, item in enumerate(posts, start=len(texts)):
        for name, grade in item.grades.items():
            if name in number:
                targets[row, number[name]] = 1 if grade == 2 else HALF_RIGHT
        if item.out_of_scope:
            targets[row, -1] = 1
    targets /= targets.sum(axis=1, keepdims=True)
    posted = slice(len(texts), len(texts) + len(posts))
    texts += [item.question for item in posts]
    counts = np.ones(len(texts), np.float32)

    counts[posted] = MEANING_WEIGHT
    hashes = [Passage("post", text).hash for text in texts]
    dense = np.stack([vectors[hash_] for hash_ in hashes])
    meaning, meaning_bias = _softmax_regression(dense, targets, counts, MEANING_PENALTY)

    counts[posted] = WORDS_WEIGHT
    weigher = TfidfVectorizer(
        analyzer=terms, sublinear_tf=True, min_df=LEAST_TEXTS, dtype=np.float32
    )
    words, words_bias = _softmax_regression(
        weigher.fit_transform(texts), targets, counts, WORDS_PENALTY
    )
    words[np.abs(words) < SMALLEST_WEIGHT] = 0
    rows, columns = np.nonzero(words)
    return Learned(
        ids=ids,
        encoder=encoder,
        meaning=meaning,
        meaning_bias=meaning_bias,
        vocabulary={str(term): row for row, term in enumerate(weigher.get_feature_names_out())},
        idf=weigher.idf_.astype(np.float32),
        starts=np.searchsorted(rows, np.arange(len(words) + 1)).astype(np.int32),
        columns=columns.astype(np.uint16),
        weights=words[rows, columns],
        words_bias=words_bias,
    )


def _softmax_regression(
    features: Any, targets: Floats, counts: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Weights (features, classes) and bias (classes,) for a dense or sparse (texts, features)."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("Teaching the classifiers", "train") from error
    weights = torch.zeros(features.shape[1], targets.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)
    multiply = _multiplier(features)
    goal, share = torch.from_numpy(targets), torch.from_numpy(counts / counts.sum())
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=STEPS, history_size=6, line_search_fn="strong_wolfe"
    )

    def loss() -> Any:
        optimizer.zero_grad()
        scores = SCALE * multiply(weights) + bias
        found = -(share * (goal * torch.log_softmax(scores, 1)).sum(1)).sum()
        found = found + penalty * (weights**2).sum()
        found.backward()
        return found

    optimizer.step(loss)
    return weights.detach().numpy().copy(), bias.detach().numpy().copy()


def _multiplier(features: Any) -> Any:
    """A function of the weights that multiplies them by the features, dense or scipy-sparse."""
    import torch

    if isinstance(features, np.ndarray):
        dense = torch.from_numpy(features)
        return lambda weights: dense @ weights

    def tensor(matrix: Any) -> Any:
        parts = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data)
        return torch.sparse_csr_tensor(*map(torch.from_numpy, parts), size=matrix.shape)

    forward, back = tensor(features.tocsr()), tensor(features.T.tocsr())

    class Multiply(torch.autograd.Function):  # type: ignore[misc]
        """torch's own backward of a sparse product is ten times slower than the transpose."""

        @staticmethod
        def forward(_: Any, weights: Any) -> Any:
            return forward @ weights

        @staticmethod
        def backward(_: Any, gradient: Any) -> Any:
            return back @ gradient

    return Multiply.apply
