"""`dladvisor tui`: the full-screen advisor."""

from __future__ import annotations

import click

from advisor.cli.context import Context, pass_context


@click.command()
@pass_context
def tui(context: Context) -> None:
    """Open the full-screen advisor (also: dladvisor alone on a terminal)."""
    # Deferred: textual takes 130 ms.
    from advisor.tui import run

    run(context.settings())
