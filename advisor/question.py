"""What a person typed, made safe to search for, to print and to log."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from advisor.errors import BadQuestion
from advisor.safe_text import printable

# A pasted log can be megabytes. The encoder reads 256 tokens (some 1,200 characters) and
# keywords saturate long before this, so more text costs time and helps nobody.
MAX_CHARACTERS = 20_000

_LETTERS = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
EXAMPLE = 'dladvisor "loss becomes nan after 300 steps"'


@dataclass(frozen=True, slots=True)
class Question:
    """`text` is what was asked without control characters; `note` says what was left out."""

    text: str
    note: str = ""


def read(raw: str) -> Question:
    """The question in `raw`; raises BadQuestion when it holds nothing to search for."""
    note = ""
    if len(raw) > MAX_CHARACTERS:
        raw = raw[:MAX_CHARACTERS]
        note = f"Only the first {MAX_CHARACTERS:,} characters were read."
    text = printable(unicodedata.normalize("NFC", raw)).strip()
    letters = _LETTERS.findall(text)
    if not text:
        raise BadQuestion("The question is empty.", f"Describe what you see: {EXAMPLE}")
    if not letters:
        raise BadQuestion(
            "The question holds no words.", f"Describe what you see in words: {EXAMPLE}"
        )
    if len(_LATIN.findall(text)) < len(letters) / 2:
        note = "dladvisor understands English only; ask in English for a useful answer."
    return Question(text, note)
