"""`dladvisor history`: past conversations, listed, exported and deleted."""

from __future__ import annotations

import json

import click

from advisor.cli.context import Context, narrate, pass_context
from advisor.errors import BadSettings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--export", type=int, metavar="ID", help="Print one as Markdown, for an issue.")
@click.option("--delete", type=int, metavar="ID", help="Delete one.")
@click.option("--clear", is_flag=True, help="Delete all of them.")
@pass_context
def history(
    context: Context, as_json: bool, export: int | None, delete: int | None, clear: bool
) -> None:
    """List past conversations; go on with one by `dladvisor chat --resume ID`.

    They are kept on this computer only. DLADVISOR_HISTORY=off keeps none.
    """
    from advisor.journal import Journal

    path = context.settings().history
    if path is None:
        raise BadSettings("DLADVISOR_HISTORY is off: no conversations are kept.", "Unset it.")
    journal = Journal(path)
    if clear or delete is not None:
        count = journal.delete(None if clear else delete)
        click.echo(f"{count} conversation{'' if count == 1 else 's'} deleted from {path}.")
    elif export is not None:
        from advisor.chat_text import markdown
        from advisor.session import Session

        session = Session(context.advisor(), journal)
        reply = session.resume(export)
        click.echo(markdown(session.turns, reply, session.advisor.knowledge.entries), nl=False)
    else:
        kept = journal.all()
        for item in kept:
            if as_json:
                facts = {"id": item.id, "changed": item.changed, "title": item.title}
                click.echo(json.dumps({**facts, "turns": item.turns}, ensure_ascii=False))
            else:
                click.echo(f"{item.id:>4}  {item.changed}  {item.length}  {item.title}")
        if not kept:
            narrate("No conversations are kept yet. Begin one: dladvisor chat")
