"""What happened: the messages that widgets and workers send to the screen."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from advisor.answer import Advisor
from advisor.knowledge import Knowledge
from advisor.results import Answer


@dataclass
class EntriesLoaded(Message):
    """The entries can be browsed."""

    knowledge: Knowledge


@dataclass
class AdvisorOpened(Message):
    """Index and encoder are loaded; questions can be answered."""

    advisor: Advisor


@dataclass
class QuestionAnswered(Message):
    """An answer is ready; `typed` tells that the person is still typing."""

    answer: Answer
    typed: bool


@dataclass
class WentWrong(Message):
    """Something failed in a worker: a sentence and a hint."""

    message: str
    hint: str


@dataclass
class QuestionTyped(Message):
    """The question changed; `finished` when Enter was pressed."""

    text: str
    finished: bool


@dataclass
class EntryChosen(Message):
    """An entry is to be read; `enter` moves the focus to the reading pane."""

    entry_id: str
    enter: bool = False
