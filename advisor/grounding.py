"""Whether a sentence that a language model wrote may be shown: it must say what its source says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from advisor.lexical import tokens
from advisor.results import Match

# Share of a sentence's words (stemmed, without the commonest) that must stand in the entries it
# cites. What the person said does not count: an instruction in a pasted log would support itself.
# The entries' own sentences have 1.0; free talk has 0.1 to 0.3.
SUPPORTED = 0.6
MOST_LENGTH = 600  # characters without an end: no sentence

_CITED = re.compile(r"\[([a-z0-9-]{3,60})\]")
# Addresses, commands and anything in backticks must stand in the source letter by letter.
_LITERAL = re.compile(
    r"https?://\S+|www\.\S+|`[^`]+`|\b[\w.-]+\.(?:sh|com|io|net|org|ru|xyz)\b|[|;&]{1,2}\s*\w+"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?(?:e-?\d+)?")
# A sentence ends at its citation, or at a full stop that no citation follows.
_END = re.compile(r"(?<=\])[.!?]?\s+(?!\[)|(?<=\])[.!?]|[.!?]\s+(?!\s*\[)(?=[A-Z*\-\d])|\n+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; `dropped` says why it is not to be shown, "" if it is."""

    text: str
    cites: tuple[str, ...] = ()
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What may be said: the text of each retrieved entry by id, and the person's words."""

    texts: dict[str, str]
    said: str

    @classmethod
    def of(cls, said: str, found: Sequence[Match]) -> Sources:
        """What these matches and the person say."""
        texts = {}
        for match in found:
            entry = match.entry
            parts = [entry.title, entry.cause, entry.avoid_when]
            parts += [f"{check.do} {check.expect}" for check in entry.checks]
            parts += [f"{fix.do} {fix.cost} {fix.effect}" for fix in entry.remedies]
            texts[entry.id] = "\n".join(parts)
        return cls(texts, said)


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """Whole sentences of a text that comes in pieces; an endless one is cut."""
    rest = ""
    for piece in pieces:
        rest += piece
        while end := _END.search(rest):
            # The next piece may bring the citation that still belongs to this sentence.
            if end.end() == len(rest) and "\n" not in end.group():
                break
            sentence, rest = rest[: end.end()].strip(), rest[end.end() :]
            if sentence:
                yield sentence
        if len(rest) > MOST_LENGTH:
            yield rest.strip()
            rest = ""
    if rest.strip():
        yield rest.strip()


def checked(text: str, sources: Sources) -> Sentence:
    """The sentence, with the reason to drop it if there is one."""
    cites = tuple(dict.fromkeys(_CITED.findall(text)))
    if not cites:
        return Sentence(text, cites, "it cites no entry")
    unknown = [name for name in cites if name not in sources.texts]
    if unknown:
        return Sentence(text, cites, "it cites an entry that was not retrieved")
    source = "\n".join([*(sources.texts[name] for name in cites)])
    bare = _CITED.sub("", text)
    for literal in _LITERAL.findall(bare):
        if literal.strip("`|;& .") not in source:
            return Sentence(text, cites, "it holds a command or address that no entry holds")
    known = f"{source}\n{sources.said}"
    if not set(_NUMBER.findall(bare)) <= set(_NUMBER.findall(known)):
        return Sentence(text, cites, "it holds a number that no entry holds")
    words = set(tokens(bare))
    if not words:
        return Sentence(text, cites, "it says nothing")
    if len(words & set(tokens(source))) < SUPPORTED * len(words):
        return Sentence(text, cites, "its entry does not say that")
    return Sentence(text, cites)
