"""What the advisor thinks, in sentences: what was heard, what fits, what is ruled out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advisor.beliefs import Floats
from advisor.entry import Entry
from advisor.followups import followups, typical
from advisor.observed import observed
from advisor.reply import CHECK, DONT_KNOW, NONE_OF_THESE, RuledOut, Turn

# A candidate is an entry at least this probable; it is ruled out below a fifth of what it was.
CANDIDATE = 0.02
RULED_OUT = 0.2
# Entries looked at for what was ruled out: those a person has seen, and as many below them.
LOOKED_AT = 10


def answers_that_fit(
    turns: Sequence[Turn], entry: Entry, log: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The person's answers, and what their log shows, that are typical of an entry: reasons."""
    answers = tuple(
        f"fits your answer: {followups()[turn.question].labels[turn.option]}"
        for turn in turns
        if turn.kind == "answer"
        and not turn.question.startswith(CHECK)
        and turn.option in typical(entry, turn.question)
    )
    shown = tuple(
        f"fits your log: {followups()[name].labels[value]}"
        for name, values in log.items()
        for value in values
        if value in typical(entry, name)
    )
    return (*answers, *shown)


def ruled_out(
    last: Turn, before: Floats, after: Floats, entries: Sequence[Entry]
) -> tuple[RuledOut, ...]:
    """The candidates that the last turn ruled out, the most probable before it first."""
    if last.kind == "tell" or last.option == DONT_KNOW:
        return ()
    if last.kind == "reject":
        (entry,) = (entry for entry in entries if entry.id == last.entry)
        return (RuledOut(entry.id, entry.title, "you said that this is not it"),)
    found = []
    for number in np.argsort(-before[:-1], kind="stable")[:LOOKED_AT]:
        entry = entries[int(number)]
        if before[number] < CANDIDATE or after[number] > RULED_OUT * before[number]:
            continue
        if last.question.startswith(CHECK):
            why = "another entry's check came out as expected"
            if last.question == f"{CHECK}{entry.id}":
                why = "its check did not come out as expected"
        else:
            labels = followups()[last.question].labels
            usual = [labels[value] for value in typical(entry, last.question)]
            said = labels.get(last.option, NONE_OF_THESE)
            if not usual:
                continue
            why = f"you said “{said}”; there it is usually “{'” or “'.join(usual)}”"
        found.append(RuledOut(entry.id, entry.title, why))
    return tuple(found)


def heard(text: str) -> tuple[str, ...]:
    """What was read from a text, as a short sentence for each observable."""
    asked = followups()
    return tuple(
        f"{asked[name].about}: {' or '.join(asked[name].labels[value] for value in values)}"
        for name, values in observed(text).items()
    )
