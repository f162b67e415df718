"""Symptoms and wordings: several voices, none twice, none that gives the answer away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from advisor.knowledge import Knowledge
from advisor.lint.problem import Problem, line_holding

MIN_WORDINGS = 30


def _key(text: str) -> str:
    """Case, punctuation and spacing do not make two phrases different."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def too_similar_to_be_useful(knowledge: Knowledge) -> Iterator[Problem]:
    """KB004: a symptom that is the title in other words."""
    for entry in knowledge:
        title = set(_key(entry.title).split())
        for symptom in entry.symptoms:
            words = set(_key(symptom).split())
            if len(words) > 2 and words == title:
                yield Problem(
                    "KB004",
                    entry.path,
                    line_holding(entry.path, symptom),
                    f"The symptom '{symptom}' repeats the title, which names the cause.",
                    "Write what the person sees: 'loss goes to nan after 200 steps'.",
                )


def repeated(knowledge: Knowledge) -> Iterator[Problem]:
    """KB005: the same phrase twice, in one entry or in two."""
    seen: dict[str, str] = {}
    for entry in knowledge:
        for phrase in (*entry.symptoms, *entry.wordings):
            key = _key(phrase)
            if key in seen:
                other = seen[key]
                place = "this entry" if other == entry.id else f"the entry '{other}'"
                path = entry.path if phrase in entry.symptoms else _companion(entry.path)
                yield Problem(
                    "KB005",
                    path,
                    line_holding(path, phrase),
                    f"'{phrase[:60]}' already stands in {place}.",
                    "Each phrase belongs to one entry: word it differently or delete it.",
                )
            else:
                seen[key] = entry.id


def _companion(path: str) -> str:
    return str(Path(path).parent / "wordings" / f"{Path(path).stem}.txt")


def wordings(knowledge: Knowledge) -> Iterator[Problem]:
    """KB010: each entry has its companion file, and each companion file its entry."""
    folders = set()
    for entry in knowledge:
        folders.add(Path(entry.path).parent)
        if len(entry.wordings) < MIN_WORDINGS:
            yield Problem(
                "KB010",
                _companion(entry.path),
                1,
                f"It holds {len(entry.wordings)} wordings; an entry has {MIN_WORDINGS} or more.",
                "One wording a line, as a person in trouble would type it.",
            )
    bad = {Path(error.path).stem for error in knowledge.bad}
    for folder in sorted(folders):
        for path in sorted((folder / "wordings").glob("*.txt")):
            if path.stem not in knowledge and path.stem not in bad:
                yield Problem(
                    "KB010", str(path), 1, f"There is no entry '{path.stem}' for it.", "Delete it."
                )
