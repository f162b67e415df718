"""How good the answers are: judged questions through the whole path, beside two baselines.

hit@k: an entry graded 1 or 2 is among the first k. nDCG@5 has gain 2^grade - 1 (Järvelin and
Kekäläinen 2002). Intervals are percentile bootstraps over questions (2,000 draws, fixed seed);
differences to a baseline are bootstrapped in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from advisor import knowledge as knowledges
from advisor.answer import Advisor
from advisor.encoder import OnnxEncoder
from advisor.judged import Judged
from advisor.lexical import Bm25, tokens
from advisor.passages import spoken_text, written_text
from advisor.results import Verdict

Floats = npt.NDArray[np.float64]
DEPTH = 10
DRAWS = 2000
METRICS = ("hit@1", "hit@3", "MRR", "nDCG@5")


@dataclass(frozen=True)
class Report:
    """Scores a question, shape (questions, METRICS) a system, and the verdicts.

    `said` has the first entry's probability and whether it is right, for every question.
    """

    entries: int
    encoder: str
    scores: Mapping[str, Floats]
    in_scope: Sequence[Judged]
    declined: float
    unsure: float
    out_of_scope: int
    answered: float
    ungraded: int
    firsts: Mapping[str, str] = field(default_factory=dict)
    said: Sequence[tuple[float, bool]] = ()

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON-ready values."""
        return {
            "entries": self.entries,
            "encoder": self.encoder,
            "questions": {
                "in_scope": len(self.in_scope),
                "out_of_scope": self.out_of_scope,
                "without_an_entry": self.ungraded,
            },
            "systems": {
                name: {
                    metric: dict(zip(("mean", "low", "high"), interval(scores[:, column])))
                    for column, metric in enumerate(METRICS)
                }
                for name, scores in self.scores.items()
            },
            "in_scope_declined": self.declined,
            "in_scope_unsure": self.unsure,
            "out_of_scope_answered": self.answered,
        }

    def table(self) -> str:
        """The figures as a Markdown table with 95% intervals, and the verdicts below it."""
        lines = ["| system | " + " | ".join(METRICS) + " |", "|---" * (len(METRICS) + 1) + "|"]
        for name, scores in self.scores.items():
            cells = [
                "{:.2f} ({:.2f}-{:.2f})".format(*interval(scores[:, column]))
                for column in range(len(METRICS))
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        names = list(self.scores)
        for other in names[1:]:
            cells = []
            for column in range(len(METRICS)):
                mean, low, high = interval(
                    self.scores[names[0]][:, column] - self.scores[other][:, column]
                )
                cells.append(f"{mean:+.2f} ({low:+.2f} to {high:+.2f})")
            lines.append(f"| gain over {other} | " + " | ".join(cells) + " |")
        lines += [
            "",
            f"{len(self.in_scope)} in-scope questions, {self.entries} entries, {self.encoder}; "
            "95% bootstrap intervals in brackets.",
            f"In-scope questions declined (none): {self.declined:.1%}; unsure: {self.unsure:.1%}.",
            f"Out-of-scope questions answered (match): {self.answered:.1%} of {self.out_of_scope}.",
        ]
        if self.ungraded:
            lines.append(f"Not counted: {self.ungraded} questions that no entry is judged to fit.")
        return "\n".join(lines)

    def misses(self) -> str:
        """The questions whose first answer is not a good one."""
        scores = next(iter(self.scores.values()))
        return "\n".join(
            f"{item.id}  got {self.firsts[item.id]}, wanted {', '.join(item.grades)}\n"
            f"    {item.question[:160]}"
            for item, row in zip(self.in_scope, scores)
            if row[0] == 0
        )


def score(ranked: Sequence[str], grades: Mapping[str, int]) -> list[float]:
    """The METRICS of one ranking, at most DEPTH long."""
    hits = [rank for rank, name in enumerate(ranked, start=1) if name in grades]
    first = hits[0] if hits else DEPTH + 1
    gains = [2 ** grades.get(name, 0) - 1 for name in ranked[:5]]
    ideal = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[:5]
    dcg, best = _discounted(gains), _discounted(ideal)
    return [float(first <= 1), float(first <= 3), 1 / first if hits else 0.0, dcg / best]


def _discounted(gains: Sequence[float]) -> float:
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, start=1)))


def interval(values: Floats) -> tuple[float, float, float]:
    """Mean and 95% percentile-bootstrap interval."""
    if not len(values):
        return 0.0, 0.0, 0.0
    draws = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    means = values[draws].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def evaluate(advisor: Advisor, questions: Sequence[Judged]) -> Report:
    """Ask every question and score the answers; baselines see the same questions."""
    inside = [item for item in questions if item.grades]
    outside = [item for item in questions if not item.grades and item.out_of_scope]
    answers = {item.id: advisor.ask(item.question, DEPTH) for item in (*inside, *outside)}
    ranked = {key: [match.entry.id for match in answer.matches] for key, answer in answers.items()}
    systems: dict[str, Callable[[Judged], list[str]]] = {
        "dladvisor": lambda item: ranked[item.id],
        "BM25 alone": bm25_alone(advisor),
        "untuned, one vector an entry": one_vector(advisor),
    }

    def share(items: Sequence[Judged], verdict: Verdict) -> float:
        hits = [answers[item.id].verdict == verdict for item in items]
        return float(np.mean(hits)) if hits else 0.0

    return Report(
        entries=len(advisor.knowledge),
        encoder=advisor.encoder.name,
        scores={
            name: np.array([score(rank(item), item.grades) for item in inside]).reshape(
                -1, len(METRICS)
            )
            for name, rank in systems.items()
        },
        in_scope=inside,
        declined=share(inside, "none"),
        unsure=share(inside, "unsure"),
        out_of_scope=len(outside),
        answered=share(outside, "match"),
        ungraded=len(questions) - len(inside) - len(outside),
        firsts={key: names[0] for key, names in ranked.items() if names},
        said=[
            (answers[item.id].matches[0].probability, ranked[item.id][0] in item.grades)
            for item in (*inside, *outside)
            if ranked[item.id]
        ],
    )


def bm25_alone(advisor: Advisor) -> Callable[[Judged], list[str]]:
    """Baseline: BM25 over everything an entry says, wordings included."""
    # From the files: a saved index keeps no wordings.
    knowledge = knowledges.load(advisor.settings.kb)
    ids = list(knowledge.entries)
    keywords = Bm25.build(
        [tokens(f"{spoken_text(entry)}\n{written_text(entry)}") for entry in knowledge]
    )

    def rank(item: Judged) -> list[str]:
        order = np.argsort(-keywords.score(tokens(item.question)), kind="stable")
        return [ids[number] for number in order[:DEPTH]]

    return rank


def one_vector(advisor: Advisor) -> Callable[[Judged], list[str]]:
    """Baseline: cosine to one vector an entry (title, cause, symptoms), as most people build it.

    It uses the untuned base model where the advisor uses the built-in encoder.
    """
    encoder = advisor.encoder
    if isinstance(encoder, OnnxEncoder):
        encoder = OnnxEncoder(advisor.settings.encoder_folder, tuned=False)
    ids = list(advisor.knowledge.entries)
    texts = [
        f"{entry.title}. {entry.cause} {' '.join(entry.symptoms)}" for entry in advisor.knowledge
    ]
    vectors = encoder.encode(texts)

    def rank(item: Judged) -> list[str]:
        order = np.argsort(-(vectors @ encoder.encode([item.question])[0]), kind="stable")
        return [ids[number] for number in order[:DEPTH]]

    return rank
