"""What happened: the messages that widgets and workers send to the screen."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from advisor.answer import Advisor
from advisor.knowledge import Knowledge
from advisor.reply import Reply


@dataclass
class EntriesLoaded(Message):
    """The entries can be browsed."""

    knowledge: Knowledge


@dataclass
class AdvisorOpened(Message):
    """Index and encoder are loaded; questions can be answered."""

    advisor: Advisor


@dataclass
class Previewed(Message):
    """What would be answered to the words that are still being typed."""

    reply: Reply


@dataclass
class Replied(Message):
    """The advisor replied to a turn; `anew` when the whole transcript is to be shown again."""

    reply: Reply
    anew: bool = False


@dataclass
class OptionChosen(Message):
    """An option of a question was chosen."""

    question: str
    option: str


@dataclass
class TypedElsewhere(Message):
    """Words were typed, or pasted, where options are chosen."""

    text: str
    pasted: bool = False


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
