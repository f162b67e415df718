"""Every failure that a person is told about, and the exit code it ends with.

AdvisorError
├── BadEntry        an entry that cannot be read or breaks the format
├── ClashingEntries two folders hold the same entry id
├── UnknownName     an entry, category or other name that does not exist
├── BadSettings     an option or environment variable that makes no sense
├── BadQuestion     a question that holds nothing to search for
├── NoIndex         the index is missing, damaged or cannot be written
└── MissingExtra    an optional dependency is not installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AdvisorError(Exception):
    """A failure told in one sentence, with a hint on what to do about it."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadEntry(AdvisorError):
    """An entry that cannot be read or breaks the format."""

    def __init__(self, message: str, path: str, line: int = 1, hint: str = "", code: str = "KB002"):
        super().__init__(f"{path}:{line}: {code} {message}", hint)
        self.sentence = message
        self.path = path
        self.line = line
        self.code = code


class ClashingEntries(AdvisorError):
    """Two folders hold the same entry id."""


class UnknownName(AdvisorError):
    """A name that does not exist; the hint offers the nearest ones.

    `hint_for` gives the hint of a surface whose way to list the entries is another.
    """

    exit_code = 2

    def __init__(self, kind: str, name: str, known: Iterable[str], listing: str = "") -> None:
        near = nearest(name, known)
        self._lists_entries = kind == "entry" and not near
        hint = f"Did you mean {' or '.join(near)}?" if near else listing
        super().__init__(f"There is no {kind} called '{name}'.", hint)

    def hint_for(self, listing: str) -> str:
        """The hint, with `listing` in place of the terminal's command that lists the entries."""
        return listing if self._lists_entries else self.hint


class BadSettings(AdvisorError):
    """An option or environment variable that makes no sense."""

    exit_code = 2


class BadQuestion(AdvisorError):
    """A question that holds nothing to search for."""

    exit_code = 2


class NoIndex(AdvisorError):
    """The index is missing, damaged or cannot be written."""


class MissingExtra(AdvisorError):
    """An optional dependency is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(
            f"{purpose} needs packages that are not installed.",
            f"Install them, in dladvisor's folder: pip install '.[{extra}]'",
        )


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names that look most like `name`, best first; empty when none is close."""
    return difflib.get_close_matches(name.lower(), list(known), n=count, cutoff=0.6)
