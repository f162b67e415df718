"""Gaps as a terminal report and as Markdown."""

from __future__ import annotations

import datetime

from advisor.gaps import Cluster, Gaps
from advisor.render import escaped
from advisor.terminal import Paper

NOTHING = "No question went without help. Nothing to write."


def text(gaps: Gaps, top: int, paper: Paper) -> str:
    """The clusters for a terminal, the most asked first."""
    if not gaps.clusters:
        return paper.wrap(f"{_total(gaps)} {NOTHING}")
    parts = [paper.wrap(_summary(gaps))]
    for number, cluster in enumerate(gaps.clusters[:top], start=1):
        words = ", ".join(cluster.words)
        lines = [
            paper.wrap(f"{number}. {words}") if paper.plain else _heading(number, words, paper)
        ]
        lines.append(paper.wrap(_counts(cluster), "   "))
        lines += [paper.wrap(f"“{example}”", "   ") for example in cluster.examples]
        lines.append(paper.wrap(_nearest(cluster), "   ", "Shown instead: "))
        parts.append("\n".join(lines))
    return "\n\n".join(parts + _left_out(gaps, top))


def _heading(number: int, words: str, paper: Paper) -> str:
    return paper.style(f"{number:>2} {words}", bold=True)


def markdown(gaps: Gaps, top: int) -> str:
    """The clusters as a Markdown list of entries to write."""
    lines = ["# Entries to write next", ""]
    if not gaps.clusters:
        return "\n".join([*lines, f"{_total(gaps)} {NOTHING}"])
    lines += [_summary(gaps), ""]
    for number, cluster in enumerate(gaps.clusters[:top], start=1):
        lines += [f"## {number}. {escaped(', '.join(cluster.words))}", "", _counts(cluster), ""]
        lines += [f"- {escaped(example)}" for example in cluster.examples]
        lines += ["", f"Shown instead: {_nearest(cluster)}", ""]
    return "\n".join([*lines, *_left_out(gaps, top)]).rstrip()


def _total(gaps: Gaps) -> str:
    return f"{gaps.questions:,} {'question is' if gaps.questions == 1 else 'questions are'} kept."


def _summary(gaps: Gaps) -> str:
    asked = sum(cluster.asked for cluster in gaps.clusters)
    return (
        f"{_total(gaps)} {asked:,} found nothing or did not help, "
        f"in {len(gaps.clusters):,} {'cluster' if len(gaps.clusters) == 1 else 'clusters'}."
    )


def _counts(cluster: Cluster) -> str:
    day = datetime.datetime.fromtimestamp(cluster.last, datetime.UTC).date()
    return (
        f"asked {cluster.asked} {'time' if cluster.asked == 1 else 'times'}: "
        f"{cluster.nothing_found} found nothing, {cluster.not_helpful} voted not helpful; "
        f"last on {day}"
    )


def _nearest(cluster: Cluster) -> str:
    if not cluster.nearest:
        return "nothing"
    return ", ".join(f"{name} ({times})" for name, times in cluster.nearest)


def _left_out(gaps: Gaps, top: int) -> list[str]:
    left = len(gaps.clusters) - top
    return [f"{left:,} more: dladvisor gaps --top {len(gaps.clusters)}"] if left > 0 else []
