"""The question that is expected to tell most, in plain words, or none when none is worth asking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.beliefs import Beliefs, Floats
from advisor.entry import Entry
from advisor.followups import followups
from advisor.observed import mentioned, observed
from advisor.reply import (
    CHECK,
    CONFIRMED,
    DONT_KNOW,
    NONE_OF_THESE,
    NOT_CONFIRMED,
    OTHER,
    Ask,
    Option,
    Turn,
)

# Asking stops when the leading entry is this probable or its check came out as expected, ...
CLEAR = 0.8
# ... when no answer is expected to tell more than this (bits; a fair yes or no tells 1), ...
WORTH = 0.12
# ... or after so many questions, or this many "don't know" one after the other: a person at
# 2 a.m. wants to try something.
MOST_QUESTIONS = 8
MOST_UNKNOWN = 3
# Two more options stand below these ("none of these", "don't know"): nine number keys in all.
MOST_VALUES = 7
# Below this no check of the leading entry is offered as a question.
CHECK_FROM = 0.2


def next_question(
    beliefs: Beliefs, belief: Floats, turns: Sequence[Turn], told: str, entries: Sequence[Entry]
) -> Ask | None:
    """What to ask next; nothing that was answered, nor what `told` says already."""
    answers = [turn for turn in turns if turn.kind == "answer"]
    lead = int(np.argmax(belief[:-1]))
    confirmed = (f"{CHECK}{entries[lead].id}", CONFIRMED)
    unknown = [turn.option == DONT_KNOW for turn in answers[-MOST_UNKNOWN:]]
    if (
        belief[lead] >= CLEAR
        or not belief[lead] > 0
        or any((turn.question, turn.option) == confirmed for turn in answers)
        or len(answers) >= MOST_QUESTIONS
        or (len(unknown) == MOST_UNKNOWN and all(unknown))
    ):
        return None
    settled = {turn.question for turn in answers}
    said = set(observed(told)) | set(mentioned(told))
    left = [name for name in followups() if name not in settled | said]
    gains = beliefs.gains(belief, left)
    best = max(gains, key=lambda name: gains[name], default="")
    if best and gains[best] >= WORTH:
        chosen = options(beliefs, belief, best)
        return Ask(best, followups()[best].text, chosen, gains[best])
    entry = entries[lead]
    if belief[lead] < CHECK_FROM or f"{CHECK}{entry.id}" in settled:
        return None
    check = entry.checks[0]
    return Ask(
        f"{CHECK}{entry.id}",
        f"Try this check for “{entry.title}”: {check.do} What to expect: {check.expect}",
        (
            Option(CONFIRMED, "it confirms it"),
            Option(NOT_CONFIRMED, "it rules it out"),
            Option(DONT_KNOW, "I cannot tell, or did not try"),
        ),
    )


def options(beliefs: Beliefs, belief: Floats, question: str) -> tuple[Option, ...]:
    """The values to choose from, the most expected ones if there are too many for keys."""
    labels = followups()[question].labels
    chosen = set(labels)
    if len(labels) > MOST_VALUES + 1:
        chosen = set(beliefs.expected(belief, question)[:MOST_VALUES])
    found = [Option(value, label) for value, label in labels.items() if value in chosen]
    if len(chosen) < len(labels):
        found.append(Option(OTHER, NONE_OF_THESE))
    return (*found, Option(DONT_KNOW, "I don't know"))
