"""The page Measured, made again: its prose stays, the parts between markers are replaced."""

from __future__ import annotations

import functools
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from advisor import evaluation, ranking
from advisor.answer import Advisor
from advisor.errors import BadSettings
from advisor.evaluation import Report
from advisor.judged import Judged
from advisor.question import gist
from advisor.study.calibration import Said
from advisor.study.perturbed import PERTURBATIONS, perturb

# Perturbed copies are asked for every sixth question only: seven kinds take seven passes.
EVERY = 6
WARM_EVERY = 3
# The longest question of a row of the table of speed, in words.
LENGTHS = ((20, "up to 20"), (60, "21 to 60"), (1 << 30, "more"))


def sections(
    advisor: Advisor,
    own: Sequence[Judged],
    phrasings: Sequence[Judged],
    real: Sequence[Judged] = (),
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Name of a part -> its Markdown. `real` questions, if any, get the parts named real-*."""
    made: dict[str, str] = {}
    for name, questions in (("own", own), ("real", real)):
        if questions:
            say(f"{name}: {len(questions)} questions")
            report = evaluation.evaluate(advisor, questions)
            made[name] = report.table()
            made[f"{name}-calibration"] = calibration(report)
            made[f"{name}-risk"] = risk(report)
    say("robustness")
    made["robustness"] = robustness(advisor, own)
    say("findability")
    made["findability"] = findability(advisor, phrasings)
    made["ablation"] = ablation(ranking.RANKER)
    say("speed")
    made["warm"] = warm(advisor, [item.question for item in own[::WARM_EVERY]])
    return made


def refresh(page: str, made: Mapping[str, str]) -> str:
    """The page with each part between `<!-- name -->` and `<!-- end -->` replaced.

    Raises BadSettings when the page lacks a part that was made.
    """
    for name, text in made.items():
        found = re.search(rf"(?<=<!-- {re.escape(name)} -->\n).*?(?=<!-- end -->)", page, re.DOTALL)
        if not found:
            raise BadSettings(
                f"The page has no part '{name}'.", f"Add: <!-- {name} --> <!-- end -->"
            )
        page = f"{page[: found.start()]}{text}\n{page[found.end() :]}"
    return page


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def calibration(report: Report) -> str:
    """Reliability in ten equally filled bins, and the expected calibration error."""
    said = Said.of(report.said)
    rows = [(f"{p:.2f}", f"{right:.2f}", str(count)) for p, right, count in said.bins()]
    table = _table(("said, on average", "right", "questions"), rows)
    return f"{table}\n\nExpected calibration error: {said.error():.3f}."


def risk(report: Report) -> str:
    """What share of first answers is wrong when only the surest are given."""
    rows = [
        (f"{coverage:.0%}", f"{lowest:.2f}", f"{wrong:.1%}")
        for coverage, lowest, wrong in Said.of(report.said).risks()
    ]
    return _table(("questions answered", "probability at least", "first answer wrong"), rows)


def ablation(ranker: Path) -> str:
    """The table that `dladvisor fit` measured out of fold and left in ranker.json."""
    values = json.loads(ranker.read_text(encoding="utf-8"))
    rows = [
        (name, f"{found['hit@1']:.3f}", f"{found['hit@3']:.3f}")
        for name, found in values["ablation"].items()
    ]
    return _table(("features", "hit@1", "hit@3"), rows)


def robustness(advisor: Advisor, questions: Sequence[Judged]) -> str:
    """hit@3 on perturbed copies of every sixth question, next to the questions as they are."""
    asked = [item for item in questions if item.grades][::EVERY]

    def hit(change: Callable[[str], str]) -> float:
        ranked = (
            [match.entry.id for match in advisor.ask(change(item.question), 3).matches]
            for item in asked
        )
        return float(
            np.mean([evaluation.score(ids, item.grades)[1] for ids, item in zip(ranked, asked)])
        )

    rows = [("as written", f"{hit(lambda text: text):.3f}")]
    rows += [(name, f"{hit(functools.partial(perturb, name)):.3f}") for name in PERTURBATIONS]
    return _table((f"{len(asked)} questions", "hit@3"), rows)


def findability(advisor: Advisor, phrasings: Sequence[Judged]) -> str:
    """How many entries are among three for the phrasings that someone else wrote for them."""
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for item in phrasings:
        ranked = [match.entry.id for match in advisor.ask(item.question, 3).matches]
        for name in item.grades:
            wanted[name] += 1
            found[name] += name in ranked
    often = [sum(found[name] == times for name in wanted) for times in (3, 2, 1, 0)]
    rows = [(str(times), str(count)) for times, count in zip((3, 2, 1, 0), often)]
    lost = [f"`{name}`" for name in sorted(wanted) if found[name] < 2]
    share = 1 - len(lost) / max(len(wanted), 1)
    return (
        f"{_table(('phrasings of three that find it', 'entries'), rows)}\n\n"
        f"{share:.1%} of the entries are found by at least two of three. "
        f"The others: {', '.join(lost) or 'none'}."
    )


def warm(advisor: Advisor, questions: Sequence[str]) -> str:
    """Milliseconds of a question in a process that has answered before, and the encoder's part.

    By the length of the question, because the encoder's time grows with it.
    """
    advisor.ask(questions[0])
    measured = []
    for question in questions:
        begin = time.perf_counter()
        advisor.ask(question)
        middle = time.perf_counter()
        advisor.encoder.encode([gist(question)])
        whole, encoding = middle - begin, time.perf_counter() - middle
        measured.append((len(question.split()), 1000 * whole, 1000 * encoding))
    rows = []
    for longest, name in LENGTHS:
        part = np.array([row for row in measured if row[0] <= longest])
        measured = [row for row in measured if row[0] > longest]
        if len(part):
            cells = (*np.quantile(part[:, 1], (0.5, 0.99)), np.median(part[:, 2]))
            rows.append((name, str(len(part)), *(f"{cell:.1f}" for cell in cells)))
    names = ("words", "questions", "p50, ms", "p99, ms", "its encoder, p50, ms")
    return f"{_table(names, rows)}\n\nWarm, one at a time; {platform.machine()}."
