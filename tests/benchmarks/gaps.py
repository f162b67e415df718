"""How well the clusters of `dladvisor gaps` hold what is about one thing.

Judged questions stand in for gaps: the entries that are right for a question are taken out of
what it was shown. Two questions are about one thing if one entry is right for both.

    python tests/benchmarks/gaps.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from advisor import gaps
from advisor.answer import open_advisor
from advisor.feedback import Asked
from advisor.judged import Judged, read_judged
from advisor.settings import DEFAULT_TOP, from_environment

ROOT = Path(__file__).resolve().parent.parent.parent
RIGHT = 2
# Real posts about few entries, each asked about often.
FIRST_ROUND = "r1-"


def main() -> None:
    advisor = open_advisor(from_environment())
    reworded = read_judged(ROOT / "kb" / "judged" / "reworded.jsonl")
    sets = {
        "kb/judged/written.jsonl": read_judged(ROOT / "kb" / "judged" / "written.jsonl"),
        "tests/questions/judged.jsonl": read_judged(ROOT / "tests" / "questions" / "judged.jsonl"),
        "kb/judged/reworded.jsonl, r1": [q for q in reworded if q.id.startswith(FIRST_ROUND)],
    }
    print("| questions | entries | clusters | precision | recall | precision by chance |")
    print("|---|---|---|---|---|---|")
    for name, judged in sets.items():
        print(f"| {name}: {measure(advisor, judged)} |")


def measure(advisor, judged: list[Judged]) -> str:
    right = [{entry for entry, grade in q.grades.items() if grade == RIGHT} for q in judged]
    kept = [(q.question, entries) for q, entries in zip(judged, right) if entries]
    asked = []
    for question, entries in kept:
        matches = advisor.ask(question, DEFAULT_TOP + len(entries)).matches
        shown = [match.entry.id for match in matches if match.entry.id not in entries]
        asked.append(
            Asked(question, 0, "cli", question, "none", tuple(shown[:DEFAULT_TOP]), {}, {})
        )
    vectors = gaps.likeness(advisor.encoder.encode([item.question for item in asked]), asked)
    clusters = gaps.grouped(vectors, gaps.ALIKE)
    number = np.empty(len(kept), int)
    for cluster, rows in enumerate(clusters):
        number[rows] = cluster
    ids = {entry: column for column, entry in enumerate(sorted(set().union(*right)))}
    about = np.zeros((len(kept), len(ids)))
    for row, (_, entries) in enumerate(kept):
        about[row, [ids[entry] for entry in entries]] = 1
    pairs = np.triu_indices(len(kept), 1)
    together = (number[:, None] == number)[pairs]
    alike = (about @ about.T > 0)[pairs]
    hits = (together & alike).sum()
    return (
        f"{len(kept)} | {len(ids)} | {len(clusters)} | {hits / together.sum():.2f} "
        f"| {hits / alike.sum():.2f} | {alike.mean():.3f}"
    )


if __name__ == "__main__":
    main()
