"""Answers, replies and entries as programs get them, over HTTP and MCP alike."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from advisor.entry import Entry
from advisor.reply import Reply
from advisor.results import Answer, Verdict


class CheckShape(BaseModel):
    """A quick experiment."""

    do: str
    expect: str


class RemedyShape(BaseModel):
    """One thing to change."""

    do: str
    cost: str
    effect: str


class MatchShape(BaseModel):
    """An entry that may fit."""

    id: str
    title: str
    probability: float
    why: list[str]
    cause: str
    checks: list[CheckShape]
    remedies: list[RemedyShape]
    url: str


class AnswerShape(BaseModel):
    """As `dladvisor ask --json` prints it, with a note and an id to vote with."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    question: str
    verdict: Verdict
    matches: list[MatchShape]
    note: str
    question_id: Annotated[str, Field(description="For votes; empty where nothing is kept.")]


class EntryLine(BaseModel):
    """An entry in a list."""

    id: str
    title: str
    category: str
    cause: str
    url: str


class SourceShape(BaseModel):
    """Where a claim comes from."""

    title: str
    url: str
    supports: str
    seen: datetime.date | None


class EntryShape(BaseModel):
    """A whole entry; `why`, `example` and `otherwise` are Markdown."""

    id: str
    title: str
    category: str
    stages: list[str]
    frameworks: list[str]
    architectures: list[str]
    symptoms: list[str]
    messages: list[str]
    observables: dict[str, list[str]]
    cause: str
    checks: list[CheckShape]
    remedies: list[RemedyShape]
    avoid_when: str
    evidence: str
    sources: list[SourceShape]
    related: list[str]
    contradicts: list[str]
    reviewed: datetime.date
    seed: str | None
    why: str
    example: str
    otherwise: str
    url: str


class OptionShape(BaseModel):
    """One answer that can be chosen."""

    id: str
    label: str


class AskShape(BaseModel):
    """A question to the person."""

    id: str
    text: str
    options: list[OptionShape]


class RuledOutShape(BaseModel):
    """An entry that no longer is among the likely ones."""

    entry: str
    title: str
    why: str


class ReplyShape(AnswerShape):
    """An answer with the next question, if one is worth asking."""

    ask: AskShape | None
    ruled_out: list[RuledOutShape]
    heard: Annotated[list[str], Field(description="What was read from the words.")]
    look_elsewhere: Annotated[str, Field(description="Look-alikes of a rejected entry: Markdown.")]


def answer_json(answer: Answer, question_id: str) -> dict[str, Any]:
    """An AnswerShape as JSON-ready values."""
    return {**answer.to_json(), "note": answer.note, "question_id": question_id}


def reply_json(reply: Reply, question_id: str) -> dict[str, Any]:
    """A ReplyShape as JSON-ready values."""
    return {
        **answer_json(reply.answer, question_id),
        "ask": reply.ask and reply.ask.to_json(),
        "ruled_out": [
            {"entry": out.entry, "title": out.title, "why": out.why} for out in reply.ruled_out
        ],
        "heard": list(reply.heard),
        "look_elsewhere": reply.look_elsewhere,
    }


def entry_json(entry: Entry, url: str) -> dict[str, Any]:
    """An EntryShape as JSON-ready values."""
    values = entry.to_dict()
    # A path tells how the server is laid out; wordings are for the search.
    del values["path"], values["wordings"]
    return {**values, "url": url}


def line_json(entry: Entry, url: str) -> dict[str, Any]:
    """An EntryLine as JSON-ready values."""
    return {
        "id": entry.id,
        "title": entry.title,
        "category": entry.category,
        "cause": entry.cause,
        "url": url,
    }
