"""`dladvisor chat`: a conversation line by line, for people and for programs."""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.context import (
    Context,
    TakesWords,
    filter_options,
    language_model,
    llm_option,
    narrate,
    pass_context,
    progress_bar,
    retell,
    width,
)
from advisor.errors import AdvisorError, BadQuestion, BadSettings
from advisor.safe_text import clipped
from advisor.settings import DEFAULT_TOP, MAX_TOP

if TYPE_CHECKING:
    from advisor.llm import Llm
    from advisor.reply import Reply
    from advisor.session import Session
    from advisor.terminal import Paper

# A paste of many lines comes from a terminal as many reads; what arrives within this many
# seconds of the line before it belongs to it.
PASTE_PAUSE = 0.05
CHUNK = 65_536
MOST_SHOWN = 120  # characters of what is wrong with a program's line
LEAVING = ("quit", "exit", "bye", ":q")
COMMANDS = ("no", "check", "show", "undo", "new", "export", "quit", "help")
HELP = """\
A number answers the question, and so does "don't know". Anything else is more
about what you see; a log can be pasted.
/no 1     the first entry is not it, or its fix did not help
/check    the first entry's check: /check yes or /check no
/show 1   read an entry
/undo     take back the last step
/new      begin another conversation
/export   this conversation as Markdown
/quit     leave (also Ctrl+D); go on later with dladvisor chat --resume"""


@click.command(cls=TakesWords)
@click.argument("words", nargs=-1, metavar="[WHAT YOU SEE]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a turn.")
@click.option("--plain", is_flag=True, help="No colour, no wrapping: for screen readers and logs.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="last",
    metavar="[ID]",
    help="Go on with the last conversation, or the one of that number.",
)
@llm_option
@click.option("--no-history", is_flag=True, help="Keep nothing of this conversation.")
@click.option(
    "--top",
    default=DEFAULT_TOP,
    type=click.IntRange(1, MAX_TOP),
    show_default=True,
    help="How many matches at most, with --json.",
)
@filter_options
@pass_context
def chat(
    context: Context,
    /,
    words: tuple[str, ...],
    as_json: bool,
    plain: bool,
    resume: str | None,
    llm: str | None,
    no_history: bool,
    top: int,
    **only: str,
) -> None:
    """Be asked back until it is clear what is wrong, then check and fix it.

    With --json, each line of input is what you see, the number of an option, or an object:
    {"tell": TEXT}, {"answer": [QUESTION, OPTION]}, {"reject": ENTRY}, {"undo": true}.
    """
    from advisor.answer import Filter
    from advisor.journal import Journal
    from advisor.live import Live
    from advisor.session import Session
    from advisor.terminal import Paper

    model = language_model(llm, as_json)
    if resume is not None and no_history:
        raise BadSettings("--resume needs the history that --no-history leaves out.", "")
    path = None if no_history else context.settings().history
    if resume is not None and path is None:
        raise BadSettings("DLADVISOR_HISTORY is off: there is nothing to resume.", "Unset it.")
    live = Live(context.settings(), narrate, progress_bar)
    journal = Journal(path) if path else None
    session = Session(live.advisor, journal, narrate, Filter(**only), top, live)
    talk = Programs(session) if as_json else People(session, Paper(width(), plain), model)
    if resume is not None:
        talk.show(session.resume(None if resume == "last" else _number(resume)))
    if words:
        talk.take(" ".join(words))
    elif resume is None:
        talk.welcome()
    for line in _lines(talk.prompt):
        if not talk.take(line):
            break


def _number(text: str) -> int:
    if not text.isdecimal():
        raise BadSettings(f"'{text}' is no number of a conversation.", "See: dladvisor history")
    return int(text)


def _lines(prompt: str) -> Iterator[str]:
    """Lines from stdin; what is pasted into a terminal at once comes as one."""
    if not sys.stdin.isatty():
        for raw in sys.stdin.buffer:
            yield raw.decode("utf-8", "replace").rstrip("\r\n")
        return
    descriptor = sys.stdin.fileno()
    while True:
        click.echo(prompt, nl=False, err=True)
        raw = chunk = os.read(descriptor, CHUNK)
        while chunk and select.select([descriptor], [], [], PASTE_PAUSE)[0]:
            chunk = os.read(descriptor, CHUNK)
            raw += chunk
        if not raw:
            click.echo(err=True)
            return
        yield raw.decode("utf-8", "replace").rstrip("\r\n")


class Programs:
    """One JSON object a line in, one out; trouble is an object too, so that lines stay in step."""

    prompt = ""

    def __init__(self, session: Session) -> None:
        self.session = session

    def welcome(self) -> None:
        """Programs need none."""

    def show(self, reply: Reply) -> None:
        """Print a reply."""
        click.echo(json.dumps(reply.to_json(), ensure_ascii=False))

    def take(self, line: str) -> bool:
        """Act on a line; always goes on."""
        try:
            self.show(self._act(line))
        except AdvisorError as error:
            trouble = {"message": error.message, "hint": error.hint}
            click.echo(json.dumps({"schema": 1, "error": trouble}, ensure_ascii=False))
        return True

    def _act(self, line: str) -> Reply:
        if not line.lstrip().startswith("{"):
            return choose(self.session, line)
        try:
            wanted: dict[str, Any] = json.loads(line)
            ((name, value),) = wanted.items()
            if name == "tell" and isinstance(value, str):
                return self.session.tell(value)
            if name == "answer" and isinstance(value, list):
                question, option = map(str, value)
                return self.session.answer(question, option)
            if name == "reject" and isinstance(value, str):
                return self.session.reject(value)
            if name == "undo" and value is True:
                return self.session.undo()
            raise ValueError(f"{name}: {json.dumps(value)}")
        except (ValueError, TypeError, RecursionError) as error:
            raise BadQuestion(
                f"This is no turn of a conversation: {clipped(str(error), MOST_SHOWN)}.",
                'One of {"tell": …}, {"answer": [question, option]}, {"reject": …}, {"undo": true}',
            ) from error


def choose(session: Session, line: str) -> Reply:
    """An option by its number or words, or else something more that the person tells."""
    ask = session.reply.ask if session.reply else None
    if ask is not None and (option := ask.chosen(line)):
        return session.answer(ask.id, option.id)
    if line.strip().isdecimal() and len(line.strip()) < 3:
        if ask is None:
            raise BadQuestion("There is no question to answer.", "Say more, or /help.")
        raise BadQuestion(f"There is no option {line.strip()}.", f"1 to {len(ask.options)}.")
    return session.tell(line)


class People:
    """Text for a person, on a terminal or through a screen reader."""

    prompt = "> "

    def __init__(self, session: Session, paper: Paper, llm: Llm | None = None) -> None:
        self.session = session
        self.paper = paper
        self.llm = llm

    def welcome(self) -> None:
        """Say what to do."""
        click.echo("What do you see? A vague sentence will do; I ask back. /help, /quit")

    def show(self, reply: Reply) -> None:
        """Print a reply."""
        from advisor.chat_text import reply_text

        click.echo(f"\n{reply_text(reply, self.paper)}\n")
        if self.llm is not None:
            retell(self.llm, reply.answer, self.paper)

    def take(self, line: str) -> bool:
        """Act on a line; False when the person leaves."""
        try:
            # Nobody describes trouble in that one word; who types it wants to leave.
            if line.strip().lower() in LEAVING:
                return False
            first, *rest = line.split()[:2] or [""]
            # A pasted path begins with a slash too.
            if first.startswith("/") and first[1:].lower() in COMMANDS:
                return self._command(first[1:].lower(), *rest)
            if line.strip().startswith("/") and line.strip()[1:].isalnum():
                raise BadQuestion(f"There is no command {line.strip()}.", "/help lists them.")
            if line.strip():
                self.show(choose(self.session, line))
        except AdvisorError as error:
            narrate(f"{error.message} {error.hint}".rstrip())
        return True

    def _command(self, name: str, value: str = "") -> bool:
        if name == "quit":
            return False
        if name == "new":
            self.session.begin_anew()
            self.welcome()
        elif name == "undo":
            self.show(self.session.undo())
        elif name in ("no", "show", "check", "export"):
            self._about_an_entry(name, value)
        else:
            click.echo(HELP)
        return True

    def _about_an_entry(self, name: str, value: str) -> None:
        from advisor.chat_text import markdown
        from advisor.reply import CHECK, CONFIRMED, NOT_CONFIRMED
        from advisor.terminal import entry_text

        reply = self.session.reply
        if reply is None or not reply.answer.matches:
            raise BadQuestion("There is no entry yet.", "Say what you see.")
        if name == "export":
            entries = self.session.advisor.knowledge.entries
            click.echo(markdown(self.session.turns, reply, entries))
            return
        if name == "check":
            if value not in ("yes", "no"):
                raise BadQuestion("Did the check come out as expected?", "/check yes or /check no")
            lead = reply.answer.matches[0].entry.id
            outcome = CONFIRMED if value == "yes" else NOT_CONFIRMED
            self.show(self.session.answer(f"{CHECK}{lead}", outcome))
            return
        place = int(value or "1") if (value or "1").isdecimal() else 0
        if not 1 <= place <= len(reply.answer.matches):
            raise BadQuestion(f"There is no entry number '{value}'.", "For example: /show 1")
        entry = reply.answer.matches[place - 1].entry
        if name == "show":
            click.echo(entry_text(entry, self.paper))
        else:
            self.show(self.session.reject(entry.id))
