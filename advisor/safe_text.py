"""Text from outside, made safe to print: no terminal escapes, no invisible characters."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def printable(text: str) -> str:
    """The text without terminal escapes, control and invisible direction characters.

    Newlines and tabs stay; lone surrogates (invalid UTF-8 on the command line) become '?'.
    """
    text = _ANSI.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    return "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )


def clipped(text: str, most: int) -> str:
    """The text in at most `most` characters; an ellipsis stands for what is left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def cleaned(value: Any) -> Any:
    """The same value (text, list or dict, nested) with every text made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple)):
        return type(value)(cleaned(item) for item in value)
    if isinstance(value, dict):
        return {key: cleaned(item) for key, item in value.items()}
    return value
