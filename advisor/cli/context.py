"""What every command shares: settings, and opening the advisor with progress on a terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from advisor import settings as settings_module
from advisor import vocabulary
from advisor.errors import BadSettings
from advisor.settings import Settings

if TYPE_CHECKING:
    from advisor.answer import Advisor
    from advisor.knowledge import Knowledge
    from advisor.llm import Llm
    from advisor.results import Answer
    from advisor.terminal import Paper


F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Context:
    """The global options; settings are read when a command needs them."""

    folders: tuple[str, ...] = ()
    encoder: str = ""

    def settings(self) -> Settings:
        """The settings of this call; raises BadSettings."""
        folders = [Path(folder).expanduser() for folder in self.folders]
        return settings_module.from_environment(folders, self.encoder)

    def advisor(self) -> Advisor:
        """The advisor, with a progress bar on stderr if the index has to be built."""
        # Deferred: numpy, faiss and onnxruntime take 250 ms.
        from advisor.answer import open_advisor

        return open_advisor(self.settings(), narrate, progress_bar)

    def knowledge(self) -> Knowledge:
        """The entries: from a ready index when there is one, else read from the files."""
        from advisor.catalogue import load

        return load(self.settings(), narrate)


# An address, or what is meant to be one: a host with a port.
_ADDRESS = re.compile(r"https?://|[\w.-]+:\d+(/|$)")


class TakesWords(click.Command):
    """A command with `--llm` and words, in which `--llm` takes the next word for an address only.

    Otherwise `--llm "loss is nan"` would have no question, and an odd address.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a bare `--llm` its value."""
        end = args.index("--") if "--" in args else len(args)
        told = [
            "--llm=default"
            if word == "--llm" and not any(map(_ADDRESS.match, args[place + 1 : place + 2]))
            else word
            for place, word in enumerate(args[:end])
        ]
        return super().parse_args(ctx, told + args[end:])


def language_model(address: str | None, as_json: bool = False) -> Llm | None:
    """The language model of `--llm`: None without it, "default" for that of the environment."""
    if address is None:
        return None
    if as_json:
        raise BadSettings("--llm puts things into words for people; --json takes none.", "")
    from advisor.llm import Llm

    return Llm.from_environment("" if address == "default" else address)


def retell(llm: Llm, answer: Answer, paper: Paper) -> None:
    """The answer in a model's words, sentence by sentence, below the plain one; Ctrl+C stops it."""
    from advisor.llm import likely, retold

    if not likely(answer):
        return
    narrate("Asking the language model… Ctrl+C stops it.")
    said = False
    try:
        for kind, text in retold(llm, answer):
            if kind == "note":
                narrate(text)
                continue
            if not said:
                click.echo()
                click.echo(paper.style("In a language model's words:", dim=True))
            said = True
            click.echo(paper.wrap(text, "  "))
    except KeyboardInterrupt:
        narrate("The language model was stopped.")


def narrate(sentence: str) -> None:
    """Tell the person something that is not data: on stderr."""
    click.echo(f"dladvisor: {sentence}", err=True)


def width() -> int:
    """The columns to write in: the terminal's, within what reads well."""
    from advisor.terminal import NARROWEST, WIDEST

    return max(NARROWEST, min(shutil.get_terminal_size((80, 24)).columns, WIDEST))


def progress_bar(total: int) -> Callable[[int], None]:
    """A progress bar over `total` passages on a terminal, silence on a pipe."""
    if not sys.stderr.isatty():
        return lambda _done: None
    bar = click.progressbar(length=total, label=f"Encoding {total:,} passages", file=sys.stderr)
    bar.__enter__()

    def advance(done: int) -> None:
        bar.update(done - bar.pos)
        if done >= total:
            bar.__exit__(None, None, None)

    return advance


def vocabulary_option(flag: str, values: tuple[str, ...], what: str) -> Callable[[F], F]:
    """An option that takes one of a closed list, with the nearest suggested when misspelt."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
        from advisor.errors import UnknownName

        if value and value not in values:
            raise UnknownName(flag.lstrip("-"), value, values, f"There are: {', '.join(values)}")
        return value

    return click.option(
        flag,
        default="",
        metavar="NAME",
        callback=check,
        shell_complete=lambda _c, _p, start: [name for name in values if name.startswith(start)],
        help=what,
    )


def filter_options(command: F) -> F:
    """The options that say which entries may answer, as advisor.answer.Filter names them."""
    options = (
        vocabulary_option("--category", vocabulary.CATEGORIES, "Only entries of this category."),
        vocabulary_option(
            "--framework", vocabulary.FRAMEWORKS, "Only entries that fit this framework."
        ),
        vocabulary_option("--stage", vocabulary.STAGES, "Only entries of this stage of the work."),
        vocabulary_option(
            "--architecture", vocabulary.ARCHITECTURES, "Only entries that fit this model."
        ),
        vocabulary_option("--evidence", vocabulary.EVIDENCE, "Only entries with this evidence."),
    )
    # A decorator puts its option before those below it, so the last is applied first.
    for option in reversed(options):
        command = option(command)
    return command


llm_option = click.option(
    "--llm",
    is_flag=False,
    flag_value="default",
    metavar="[URL]",
    help="Also let a language model put it into words (OpenAI-compatible server; extra 'llm').",
)
pass_context = click.make_pass_decorator(Context)
