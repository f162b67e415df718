"""The `dladvisor` command: what runs when no command is named, and the one error handler."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from advisor.errors import AdvisorError, BadSettings, UnknownName, nearest

INTERRUPTED = 130
# Options that stand before or after the command's name alike.
GLOBAL_OPTIONS = ("--kb", "--encoder")


class Commands(click.Group):
    """A group in which a bare question means `ask`, and nothing on a terminal means the TUI."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put global options first, and `ask` or `tui` where no command is named."""
        hoisted, rest = _hoist(args)
        if ctx.resilient_parsing:
            # The shell asks for completions: what is not there yet is not to be guessed.
            return super().parse_args(ctx, hoisted + rest)
        if not rest:
            rest = ["tui"] if _on_a_terminal() else ["ask"]
        elif not self._is_own(ctx, rest[0]):
            rest = ["ask", *rest]
        return super().parse_args(ctx, hoisted + rest)

    def _is_own(self, ctx: click.Context, word: str) -> bool:
        """Whether the first word is a command, an option of the group or a misspelt command."""
        own = {name for item in self.get_params(ctx) for name in item.opts}
        if word in self.commands or word in own:
            return True
        looks_like_a_question = word.startswith("-") or any(mark.isspace() for mark in word)
        return not looks_like_a_question and bool(nearest(word, self.commands))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of that name; raises UnknownName with the nearest ones."""
        if args and args[0] not in self.commands:
            listing = "See the commands: dladvisor --help"
            raise UnknownName("command", args[0], self.commands, listing)
        return super().resolve_command(ctx, args)


def _hoist(args: list[str]) -> tuple[list[str], list[str]]:
    """Global options from anywhere before `--`, and everything else."""
    hoisted: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(args):
        argument = args[position]
        if argument == "--":
            rest += args[position:]
            break
        if argument in GLOBAL_OPTIONS and position + 1 < len(args):
            hoisted += args[position : position + 2]
            position += 1
        elif argument.split("=", 1)[0] in GLOBAL_OPTIONS:
            hoisted.append(argument)
        else:
            rest.append(argument)
        position += 1
    return hoisted, rest


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from advisor.cli.version import version_line

    click.echo(version_line())
    ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--kb",
    "folders",
    multiple=True,
    metavar="FOLDER",
    help="Add a folder of your own entries (repeatable; also DLADVISOR_KB).",
)
@click.option(
    "--encoder",
    default="",
    metavar="MODEL",
    help="Use another sentence-transformers model (needs the extra 'train').",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version, the number of entries and the index's encoder.",
)
@click.pass_context
def app(ctx: click.Context, folders: tuple[str, ...], encoder: str) -> None:
    """Describe what your training run does, get the tricks that fit.

    \b
    dladvisor "loss becomes nan after 300 steps"    ask
    dladvisor chat                                  be asked back until it is clear
    dladvisor                                       open the full-screen advisor
    dladvisor show learning-rate-too-high           read an entry
    """
    from advisor.cli.context import Context

    if os.environ.get("NO_COLOR"):
        ctx.color = False
    ctx.obj = Context(folders, encoder)


def _register() -> None:
    from advisor.cli import ask, build, chat, entries, kept, measure, past, screen, serving

    for command in (
        ask.ask,
        chat.chat,
        past.history,
        entries.show,
        entries.list_entries,
        entries.lint,
        screen.tui,
        build.index,
        build.site,
        build.completion,
        build.schema,
        measure.evaluate,
        measure.report,
        kept.gaps,
        kept.vote,
        kept.forget,
        serving.serve,
        serving.mcp,
        serving.slack,
        build.fit,
        build.train,
        build.export_encoder,
    ):
        app.add_command(command)


_register()


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit; every failure a person can cause is told in one sentence."""
    # stdout may be a pipe with an ASCII locale; an entry must not crash it.
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")
    try:
        status = app.main(args=arguments, prog_name="dladvisor", standalone_mode=False)
    except AdvisorError as error:
        _tell(error)
        status = error.exit_code
    except click.UsageError as error:
        hint = "See: dladvisor --help"
        if error.ctx is not None and error.ctx.info_name != "dladvisor":
            hint = f"See: dladvisor {error.ctx.info_name} --help"
        _tell(BadSettings(error.format_message(), hint))
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("dladvisor: stopped.", err=True)
        status = INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        if os.environ.get("DLADVISOR_DEBUG"):
            raise
        _tell(
            AdvisorError(
                f"Something broke that should not: {type(error).__name__}: {error}",
                "Set DLADVISOR_DEBUG=1 and run it again to see where, then report it.",
            )
        )
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _tell(error: AdvisorError) -> None:
    from advisor.safe_text import printable

    click.echo(f"dladvisor: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(printable(error.hint), err=True)
