"""Prose: every entry says its own things, in sentences a tired reader can follow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from advisor.entry import Entry
from advisor.knowledge import Knowledge
from advisor.lint.problem import Problem, line_holding

MAX_WORDS = 38
EMPTY_PHRASES = (
    "it is important to note",
    "it's important to note",
    "it is worth noting",
    "in today's",
    "best practice",
    "leverage",
    "delve",
    "robust solution",
    "as we all know",
    "needless to say",
    "please note",
    "plays a crucial role",
    "in order to",
    "state-of-the-art",
    "seamless",
    "and so on",
    "various factors",
    "try different values",
    "tune the hyperparameters",
    "consult the documentation",
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`0-9\"'(])")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _texts(entry: Entry) -> Iterator[str]:
    yield entry.cause
    yield entry.avoid_when
    for check in entry.checks:
        yield check.do
        yield check.expect
    for remedy in entry.remedies:
        yield remedy.do
        yield remedy.cost
        yield remedy.effect
    for body in (entry.why, entry.example, entry.otherwise):
        yield from re.split(r"\n\s*\n|\n(?=[-*] )|\n(?=\d+\. )", _FENCED.sub("\n\n", body))


def sentences_of(entry: Entry) -> list[str]:
    """The sentences of an entry's prose, code left out, white space folded."""
    found: list[str] = []
    for text in _texts(entry):
        found.extend(part.strip() for part in _SENTENCE_END.split(" ".join(text.split())))
    return [sentence for sentence in found if sentence]


def sentences(knowledge: Knowledge) -> Iterator[Problem]:
    """KB013: a sentence of six words or more belongs to one entry."""
    owner: dict[str, str] = {}
    for entry in knowledge:
        for sentence in dict.fromkeys(sentences_of(entry)):
            key = " ".join(re.findall(r"[a-z0-9]+", sentence.lower()))
            if len(key.split()) < 6:
                continue
            first = owner.setdefault(key, entry.id)
            if first != entry.id:
                yield Problem(
                    "KB013",
                    entry.path,
                    line_holding(entry.path, sentence),
                    f"'{sentence[:60]}' also stands in '{first}'.",
                    "Say what is particular to this entry.",
                )


def empty_phrases(knowledge: Knowledge) -> Iterator[Problem]:
    """KB014: words that say nothing."""
    for entry in knowledge:
        for sentence in sentences_of(entry):
            for phrase in EMPTY_PHRASES:
                if phrase in sentence.lower():
                    yield Problem(
                        "KB014",
                        entry.path,
                        line_holding(entry.path, sentence),
                        f"'{phrase}' says nothing here.",
                        "Delete it, or give the number, the name or the step.",
                    )


def long_sentences(knowledge: Knowledge) -> Iterator[Problem]:
    """KB015: at most 38 words a sentence."""
    for entry in knowledge:
        for sentence in sentences_of(entry):
            count = len(sentence.split())
            if count > MAX_WORDS:
                yield Problem(
                    "KB015",
                    entry.path,
                    line_holding(entry.path, sentence),
                    f"The sentence has {count} words: '{sentence[:50]}…'",
                    f"Split it: at most {MAX_WORDS} words.",
                )
