"""The checks of the knowledge base: coded findings that name file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from advisor.knowledge import Knowledge
from advisor.lint import body, links, prose, symptoms
from advisor.lint.problem import CODES, Problem

__all__ = ["CODES", "Problem", "check"]

RULES: tuple[Callable[[Knowledge], Iterable[Problem]], ...] = (
    symptoms.too_similar_to_be_useful,
    symptoms.repeated,
    symptoms.wordings,
    links.ids,
    links.sources,
    links.dates,
    body.examples,
    prose.sentences,
    prose.empty_phrases,
    prose.long_sentences,
)


def check(knowledge: Knowledge) -> list[Problem]:
    """Every finding, ordered by file and line; unreadable files come as findings too."""
    found = [Problem(bad.code, bad.path, bad.line, bad.sentence, bad.hint) for bad in knowledge.bad]
    for rule in RULES:
        found.extend(rule(knowledge))
    return sorted(found, key=lambda problem: (problem.path, problem.line, problem.code))
