"""The tools and resources; each is a few lines around the desk."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp_types import Resource, Tool, ToolAnnotations
from pydantic import BaseModel, Field, ValidationError

from advisor import wire
from advisor.answer import Filter
from advisor.conversation import Conversation
from advisor.desk import Desk
from advisor.errors import AdvisorError, UnknownName
from advisor.render import entry_markdown
from advisor.reply import Reply
from advisor.settings import MAX_TOP
from advisor.vocabulary import Architecture, Category, Framework, Stage

T = TypeVar("T")
SCHEME = "dladvisor://entries/"
# The oldest goes when there are more; a conversation is some kilobytes.
MAX_CONVERSATIONS = 1000
INSTRUCTIONS = (
    "Finds the likely cause of a deep-learning training run that misbehaves. Call search_tricks "
    "with what is seen (symptoms, exact error lines, framework), do the first check of the best "
    "match before applying its remedy, and say so when the verdict is none."
)
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
Seen = Annotated[
    str, Field(description="What is seen, in English: symptoms, log lines, framework.")
]
EntryId = Annotated[str, Field(description="As in `matches`: kebab-case.")]
Top = Annotated[int, Field(ge=1, le=MAX_TOP, description="How many matches at most.")]


class Line(BaseModel):
    """An entry in a list: no more, since an agent reads all of it into its context."""

    id: str
    title: str
    category: str


class EntryList(BaseModel):
    """Entries by id."""

    entries: list[Line]


class HeldReply(wire.ReplyShape):
    """A reply; `conversation_id` goes on with it."""

    conversation_id: str


class Kept(BaseModel):
    """What a vote was kept for."""

    entry: str
    helpful: bool


class Conversations:
    """The conversations of this process by id, the last used kept longest."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[Conversation, str]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, conversation: Conversation, question_id: str, key: str = "") -> str:
        """Hold a conversation and the id to vote with under its key, or a new one."""
        key = key or secrets.token_hex(6)
        with self._lock:
            self._held[key] = conversation, question_id
            self._held.move_to_end(key)
            while len(self._held) > MAX_CONVERSATIONS:
                self._held.popitem(last=False)
        return key

    def get(self, key: str) -> tuple[Conversation, str]:
        """The conversation and the id to vote with; raises UnknownName when it is not held."""
        with self._lock:
            if key not in self._held:
                raise UnknownName("conversation", key, (), "Begin again with start_conversation.")
            return self._held[key]


class EntryServer(MCPServer[Any]):
    """Lists the entries of the moment as resources: they change while it runs.

    An argument that a tool does not take is refused: dropped without a word, as the SDK does it,
    a misspelt filter would look as if it had filtered.
    """

    desk: Desk

    async def list_tools(self) -> list[Tool]:
        """Every tool, with a schema that says that it takes nothing else."""
        tools = await super().list_tools()
        for tool in tools:
            tool.input_schema = {**tool.input_schema, "additionalProperties": False}
        return tools

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Call a tool; wrong arguments are told in words for a model."""
        takes = {
            tool.name: list(tool.input_schema["properties"]) for tool in await self.list_tools()
        }
        if name not in takes:
            raise ToolError(f"There is no tool called '{name}'. There are: {', '.join(takes)}.")
        listing = f"{name} takes: {', '.join(takes[name])}."
        wrong = [f"There is no argument '{key}'" for key in arguments if key not in takes[name]]
        if wrong:
            raise ToolError(f"{'. '.join(wrong)}. {listing}")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            found = error.__cause__.errors()
            said = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found]
            raise ToolError(f"{'; '.join(said)}. {listing}") from error

    async def list_resources(self) -> list[Resource]:
        """Every entry."""
        return [
            Resource(
                uri=f"{SCHEME}{entry.id}",
                name=entry.id,
                title=entry.title,
                description=entry.cause,
                mime_type="text/markdown",
            )
            for entry in self.desk.live.advisor.knowledge
        ]


def _told(error: AdvisorError) -> str:
    """A failure for the model, which knows no command of the terminal."""
    hint = error.hint
    if isinstance(error, UnknownName):
        hint = error.hint_for("list_tricks lists them.")
    return f"{error.message} {hint}".strip()


async def _work(do: Callable[[], T]) -> T:
    """Run it in a thread; failures become sentences for the model."""
    try:
        return await anyio.to_thread.run_sync(do)
    except AdvisorError as error:
        raise ToolError(_told(error)) from error


def make_server(desk: Desk, version: str) -> MCPServer[Any]:
    """The server around a desk."""
    server = EntryServer("dladvisor", instructions=INSTRUCTIONS, version=version)
    server.desk = desk
    held = Conversations()

    @server.tool(annotations=READS)
    async def search_tricks(
        question: Seen,
        top: Top = 3,
        category: Category | None = None,
        framework: Framework | None = None,
        stage: Stage | None = None,
        architecture: Architecture | None = None,
    ) -> wire.AnswerShape:
        """Find what fits a training run that misbehaves. Verdict none: nothing fits, say so."""
        only = Filter(category or "", framework or "", stage or "", architecture or "")
        answer, kept = await _work(lambda: desk.ask(question, top, only))
        return wire.AnswerShape.model_validate(wire.answer_json(answer, kept))

    @server.tool(annotations=READS)
    async def get_trick(entry_id: EntryId) -> wire.EntryShape:
        """Read one whole entry: explanation, example, remedies, when not to, sources."""

        def read() -> dict[str, Any]:
            advisor = desk.live.advisor
            entry = advisor.knowledge.get(entry_id)
            return wire.entry_json(entry, advisor.settings.page(entry.id))

        return wire.EntryShape.model_validate(await _work(read))

    @server.tool(annotations=READS)
    async def list_tricks(
        category: Category | None = None,
        framework: Framework | None = None,
        stage: Stage | None = None,
    ) -> EntryList:
        """List ids and titles. All are a long list: filter, or use search_tricks."""
        only = Filter(category or "", framework or "", stage or "")
        chosen = [entry for entry in desk.live.advisor.knowledge if only.lets_through(entry)]
        return EntryList(
            entries=[Line(id=item.id, title=item.title, category=item.category) for item in chosen]
        )

    @server.tool(annotations=READS)
    async def start_conversation(text: Seen, top: Top = 3) -> HeldReply:
        """Begin narrowing it down; `ask` holds the question that tells most, with options."""
        reply, kept = await _work(lambda: desk.begin(text, top))
        return _held(reply, kept, held.keep(reply.conversation, kept))

    @server.tool(annotations=READS)
    async def continue_conversation(
        conversation_id: Annotated[str, Field(description="From start_conversation.")],
        question: Annotated[str, Field(description="The id in `ask`, with `option`.")] = "",
        option: Annotated[str, Field(description="The id of the chosen option.")] = "",
        tell: Annotated[str, Field(description="Say more in words instead.")] = "",
        reject: Annotated[str, Field(description="Or: the id of an entry that is not it.")] = "",
        undo: Annotated[bool, Field(description="Or: take the last turn back.")] = False,
    ) -> HeldReply:
        """Go on with one turn: answer the question, tell more, reject an entry, or undo."""
        if sum(map(bool, (question, tell, reject, undo))) != 1 or bool(question) != bool(option):
            raise ToolError("Give exactly one of: question with option, tell, reject, undo.")

        def turn() -> tuple[Reply, str]:
            conversation, kept = held.get(conversation_id)
            # Read again from its turns: the entries may have changed since.
            return after(desk.resume(conversation.to_json())), kept

        def after(before: Conversation) -> Reply:
            if question:
                return before.answer(question, option)
            if tell:
                return before.tell(tell)
            if reject:
                return before.reject(reject)
            reply = before.undo()
            if reply is None:
                raise AdvisorError("There is only one turn: nothing can be undone.")
            return reply

        reply, kept = await _work(turn)
        return _held(reply, kept, held.keep(reply.conversation, kept, conversation_id))

    if desk.feedback is not None:

        @server.tool()
        async def vote(
            question_id: Annotated[str, Field(description="From the answer.")],
            helpful: bool,
            entry: Annotated[str, Field(description="Its id; else the first shown.")] = "",
        ) -> Kept:
            """Keep whether an entry helped, once that is known."""
            chosen = await _work(lambda: desk.vote(question_id, entry, helpful, "agent"))
            return Kept(entry=chosen, helpful=helpful)

    @server.resource(SCHEME + "{entry_id}", name="entry", mime_type="text/markdown")
    def entry(entry_id: str) -> str:
        """One entry as Markdown."""
        try:
            found = desk.live.advisor.knowledge.get(entry_id)
        except UnknownName as error:
            raise ResourceNotFoundError(_told(error)) from error
        return entry_markdown(found, lambda other: f"{SCHEME}{other}")

    return server


def _held(reply: Reply, question_id: str, key: str) -> HeldReply:
    values = {**wire.reply_json(reply, question_id), "conversation_id": key}
    return HeldReply.model_validate(values)
