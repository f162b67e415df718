"""What a person typed, made safe to search for, to print and to log."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from advisor.errors import BadQuestion
from advisor.safe_text import printable

# A pasted log can be megabytes. The encoder reads 256 tokens (some 1,200 characters) and
# keywords saturate long before this, so more text costs time and helps nobody.
MAX_CHARACTERS = 20_000

# A stack frame and the line of code that follows it, and the marks below that line.
_FRAME = re.compile(r"^[ \t]*File \"[^\"\n]*\", line \d+.*\n?(?:[ \t]+\S.*\n?)?", re.MULTILINE)
_MARKS = re.compile(r"^[ \t]*[~^]+[ \t]*\n?", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
# Lines of one shape, numbers aside, that a log needs to show what it prints.
LINES_OF_A_SHAPE = 2

_LETTERS = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
# Shown on every surface, so without the command of one of them.
EXAMPLE = "loss becomes nan after 300 steps"


@dataclass(frozen=True, slots=True)
class Question:
    """`text` is what was asked without control characters; `note` says what was left out."""

    text: str
    note: str = ""


def gist(text: str) -> str:
    """The text without stack frames and without all but the first lines of each shape of a log.

    The encoder reads the first 256 tokens only, and the names in frames are the libraries', not
    the problem's: a traceback of 200 lines in front of the words hid them altogether.
    """
    kept, seen = [], Counter[str]()
    for line in _MARKS.sub("", _FRAME.sub("", text)).split("\n"):
        shape = _NUMBER.sub("0", line.strip())
        seen[shape] += 1
        if not shape or seen[shape] <= LINES_OF_A_SHAPE:
            kept.append(line)
    return "\n".join(kept).strip() or text


def read(raw: str) -> Question:
    """The question in `raw`; raises BadQuestion when it holds nothing to search for."""
    note = ""
    if len(raw) > MAX_CHARACTERS:
        raw = raw[:MAX_CHARACTERS]
        note = f"Only the first {MAX_CHARACTERS:,} characters were read."
    text = printable(unicodedata.normalize("NFC", raw)).strip()
    letters = _LETTERS.findall(text)
    if not text:
        raise BadQuestion("The question is empty.", f"Describe what you see, such as: {EXAMPLE}")
    if not letters:
        raise BadQuestion(
            "The question holds no words.", f"Describe what you see in words, such as: {EXAMPLE}"
        )
    if len(_LATIN.findall(text)) < len(letters) / 2:
        note = "dladvisor understands English only; ask in English for a useful answer."
    return Question(text, note)
