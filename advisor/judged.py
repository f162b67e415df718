"""Judged questions: what people asked, and which entries an expert would answer with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import BadSettings

# What a grade of 1 counts for while fitting, when 2 counts 1.
HALF_RIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with the entries that answer it: 2 the cause or fix, 1 a good answer.

    No grades and a reason in `out_of_scope` make it a question to decline.
    """

    id: str
    question: str
    grades: Mapping[str, int]
    out_of_scope: str = ""


def read_judged(path: Path) -> list[Judged]:
    """The judged questions in a JSONL file; raises BadSettings with the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The file '{path}' cannot be read: {error}.", "") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            grades = {str(name): int(grade) for name, grade in item["grades"].items()}
            if not set(grades.values()) <= {1, 2}:
                raise ValueError("grades are 1 or 2")
            scope = str(item.get("out_of_scope") or "")
            found.append(Judged(str(item["id"]), str(item["question"]), grades, scope))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadSettings(
                f"{path}:{number}: this is not a judged question: {error!r}.",
                'A line looks like {"id": "q1", "question": "…", "grades": {"entry-id": 2}}',
            ) from error
    if not found:
        raise BadSettings(f"The file '{path}' holds no questions.", "")
    return found
