"""What goes over the wire, for validation and for the OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from advisor.desk import MAX_TURNS
from advisor.question import MAX_CHARACTERS
from advisor.settings import DEFAULT_TOP, MAX_TOP
from advisor.vocabulary import Architecture, Category, Evidence, Framework, Stage
from advisor.wire import EntryLine, ReplyShape

MAX_PAGE = 500
# Entries are in English: a question without a Latin letter cannot be answered.
ANY_WORD = r"[A-Za-z]"
Words = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        pattern=ANY_WORD,
        description="What you see, in English.",
        examples=["loss becomes nan after 300 steps"],
    ),
]
Id = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9-]+$")]
QuestionId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="From an answer.")]
Top = Annotated[int, Field(ge=1, le=MAX_TOP, description="How many matches at most.")]


class Wire(BaseModel):
    """Refuses what it does not know, so that a misspelt field is told."""

    model_config = ConfigDict(extra="forbid")


class Only(Wire):
    """Which entries may answer; what is left out lets all through."""

    category: Category | None = None
    framework: Framework | None = None
    stage: Stage | None = None
    architecture: Architecture | None = None
    evidence: Evidence | None = None


class AskQuery(Only):
    """A question in an address."""

    q: Words
    top: Top = DEFAULT_TOP


class ListQuery(Only):
    """A page of the list."""

    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100


class AskBody(Only):
    """A question."""

    question: Words
    top: Top = DEFAULT_TOP


class EntryList(BaseModel):
    """One page of the entries that pass the filters, by id; `total` counts all pages."""

    total: int
    entries: list[EntryLine]


class BeginBody(Only):
    """The first words of a conversation."""

    text: Words
    top: Top = DEFAULT_TOP


class TurnShape(Wire):
    """What the person did; `state` holds these."""

    kind: Literal["tell", "answer", "reject"]
    text: str = ""
    question: str = ""
    option: str = ""
    entry: str = ""
    shown: list[str] = []


class State(Wire):
    """A conversation so far: send it back as it came."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    turns: Annotated[list[TurnShape], Field(min_length=1, max_length=MAX_TURNS)]
    only: dict[Literal["category", "framework", "stage", "architecture", "evidence"], str] = {}
    top: Top = DEFAULT_TOP


class Told(Wire):
    """Say more."""

    do: Literal["tell"]
    text: Words


class Answered(Wire):
    """Answer the question in `ask`."""

    do: Literal["answer"]
    question: str
    option: str


class Rejected(Wire):
    """Say that an entry is not it, or that its remedy did not help."""

    do: Literal["reject"]
    entry: str


class Undone(Wire):
    """Take the last turn back."""

    do: Literal["undo"]


class NextBody(Wire):
    """The next turn of a conversation."""

    state: State
    turn: Annotated[Told | Answered | Rejected | Undone, Field(discriminator="do")]


class HeldReply(ReplyShape):
    """A reply and the conversation so far, to send back with the next turn."""

    state: dict[str, Any]


class VoteBody(Wire):
    """A vote; without an entry it is for the first one shown."""

    question_id: QuestionId
    entry: Id | None = None
    helpful: bool


class VoteShape(BaseModel):
    """What was kept."""

    question_id: str
    entry: str
    helpful: bool


class Health(BaseModel):
    """`ok`, or `held` while the last good state of some or all entries is served.

    `outdated` names the entries that are served as they last were, `left_out` those that were
    never readable, and `held` says why nothing newer is served at all.
    """

    status: Literal["ok", "held"]
    entries: int
    outdated: list[str]
    left_out: list[str]
    held: str
    version: str


class Problem(BaseModel):
    """A failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    request_id: str = ""
