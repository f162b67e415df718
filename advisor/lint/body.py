"""Examples: each block of Python compiles and is run, or says why it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from advisor.knowledge import Knowledge
from advisor.lint.problem import Problem, line_holding

_BLOCK = re.compile(r"^```python([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"^\s*no-run:\s*(\S.{5,})$")


@dataclass(frozen=True, slots=True)
class Example:
    """A block of Python of an entry; `skipped` is the reason why it is not run, or empty."""

    code: str
    skipped: str
    flags: str


def python_blocks(example: str) -> list[Example]:
    """The Python blocks of an entry's example, in order."""
    blocks = []
    for match in _BLOCK.finditer(example):
        flags = match.group(1).strip()
        reason = _NOT_RUN.match(flags)
        blocks.append(Example(match.group(2), reason.group(1) if reason else "", flags))
    return blocks


def examples(knowledge: Knowledge) -> Iterator[Problem]:
    """KB011: Python that compiles, under a fence that says nothing or why it is not run."""
    for entry in knowledge:
        blocks = python_blocks(entry.example)
        if entry.example and not blocks:
            line = line_holding(entry.path, "## Example")
            yield Problem(
                "KB011", entry.path, line, "The example holds no block of Python.", "```python"
            )
        for block in blocks:
            line = line_holding(entry.path, block.code.strip().split("\n")[0])
            if block.flags and not block.skipped:
                yield Problem(
                    "KB011",
                    entry.path,
                    line,
                    f"'{block.flags}' is no reason why the example is not run.",
                    "```python no-run: needs two GPUs",
                )
            try:
                compile(block.code, entry.path, "exec")
            except (SyntaxError, ValueError) as error:
                at = line + (getattr(error, "lineno", 1) or 1) - 1
                yield Problem(
                    "KB011", entry.path, at, f"The example does not compile: {error}.", "Run it."
                )
