"""`dladvisor tui`: the full-screen advisor."""

from __future__ import annotations

from dataclasses import replace

import click

from advisor.cli.context import Context, language_model, llm_option, pass_context


@click.command()
@llm_option
@click.option("--no-history", is_flag=True, help="Keep nothing of these conversations.")
@pass_context
def tui(context: Context, llm: str | None, no_history: bool) -> None:
    """Open the full-screen advisor (also: dladvisor alone on a terminal)."""
    # Deferred: textual takes 130 ms.
    from advisor.tui import run

    settings = context.settings()
    if no_history:
        settings = replace(settings, history=None)
    run(settings, language_model(llm))
