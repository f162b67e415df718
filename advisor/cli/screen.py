"""`dladvisor tui`: the full-screen advisor."""

from __future__ import annotations

import click

from advisor.cli.context import Context, language_model, pass_context


@click.command()
@click.option(
    "--llm",
    is_flag=False,
    flag_value="default",
    metavar="[URL]",
    help="Also put it into words by a language model (OpenAI-compatible server; extra 'llm').",
)
@pass_context
def tui(context: Context, llm: str | None) -> None:
    """Open the full-screen advisor (also: dladvisor alone on a terminal)."""
    # Deferred: textual takes 130 ms.
    from advisor.tui import run

    run(context.settings(), language_model(llm))
