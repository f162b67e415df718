"""What a lint finding is, and the stable list of codes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

# code -> what it means. A code is never reused for something else.
CODES = {
    "KB001": "The file cannot be read as front matter and body.",
    "KB002": "A field is missing, unknown or of the wrong kind.",
    "KB003": "The file name is not a kebab-case id.",
    "KB004": "A symptom names the cause, so that only who knows the answer would type it.",
    "KB005": "A symptom or wording stands twice.",
    "KB006": "The body's headings are unknown, repeated or out of order.",
    "KB007": "A linked entry does not exist, or an entry links to itself.",
    "KB008": "'contradicts' is not linked both ways.",
    "KB009": "A source's address is malformed, repeated or spelt in two ways.",
    "KB010": "The companion file of wordings is missing, short or belongs to no entry.",
    "KB011": "An example does not compile, or gives no reason why it is not run.",
    "KB012": "An observable or its value is not in the closed list.",
    "KB013": "Two entries share a sentence.",
    "KB014": "An empty phrase.",
    "KB015": "A sentence is too long for a tired or non-native reader.",
    "KB016": "A date lies in the future.",
    "KB017": "'seed' is not a heading of the original note.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: stable code, place, one sentence, and a sample or hint to act on."""

    code: str
    path: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {self.message}"


@functools.lru_cache(maxsize=1024)
def _lines(path: str) -> tuple[str, ...]:
    try:
        return tuple(Path(path).read_text(encoding="utf-8").split("\n"))
    except (OSError, UnicodeDecodeError):
        return ()


def line_holding(path: str, text: str) -> int:
    """The first line of the file that holds the beginning of `text`; 1 when none does."""
    start = " ".join(text.split()[:4])
    for number, line in enumerate(_lines(path), start=1):
        if start in line:
            return number
    return 1
