"""`dladvisor show`, `list` and `lint`: the entries themselves."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import click

from advisor import vocabulary
from advisor.cli.context import Context, pass_context, vocabulary_option, width
from advisor.errors import AdvisorError, BadSettings


def _complete_id(ctx: click.Context, _param: click.Parameter, start: str) -> list[str]:
    """Entry ids for the shell's completion; silent when they cannot be read."""
    try:
        return [name for name in Context().knowledge().entries if name.startswith(start)]
    except AdvisorError:
        return []


@click.command()
@click.argument("entry_id", metavar="ID", shell_complete=_complete_id)
@click.option("--json", "as_json", is_flag=True, help="Print the entry as one JSON object.")
@click.option("--markdown", is_flag=True, help="Print the entry as Markdown.")
@click.option("--plain", is_flag=True, help="No colour, no wrapping.")
@pass_context
def show(context: Context, entry_id: str, as_json: bool, markdown: bool, plain: bool) -> None:
    """Read one entry: cause, checks, remedies, example, sources."""
    from advisor.terminal import Paper, entry_text

    entry = context.knowledge().get(entry_id.removesuffix(".md"))
    if as_json:
        click.echo(json.dumps(entry.to_dict(), ensure_ascii=False))
    elif markdown:
        from advisor.render import entry_markdown

        click.echo(entry_markdown(entry))
    else:
        click.echo(entry_text(entry, Paper(width(), plain)))


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@vocabulary_option("--category", vocabulary.CATEGORIES, "Only this category.")
@vocabulary_option("--framework", vocabulary.FRAMEWORKS, "Only entries that name this framework.")
@vocabulary_option("--stage", vocabulary.STAGES, "Only this stage of the work.")
@click.option(
    "--stale",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Only entries reviewed more than DAYS days ago, the oldest first.",
)
@pass_context
def list_entries(
    context: Context, as_json: bool, category: str, framework: str, stage: str, stale: int | None
) -> None:
    """List the entries by category, with their ids."""
    chosen = [
        entry
        for entry in context.knowledge()
        if category in ("", entry.category)
        and (not framework or framework in entry.frameworks)
        and (not stage or stage in entry.stages)
    ]
    if stale is not None:
        today = datetime.date.today()
        old = [entry for entry in chosen if (today - entry.reviewed).days > stale]
        chosen = sorted(old, key=lambda entry: (entry.reviewed, entry.id))
    if as_json:
        for entry in chosen:
            facts = {
                "id": entry.id,
                "title": entry.title,
                "category": entry.category,
                "reviewed": entry.reviewed.isoformat(),
            }
            click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for entry in chosen if stale is not None else ():
        click.echo(f"{entry.reviewed}  {entry.id:<44} {entry.title}")
    for name in vocabulary.CATEGORIES if stale is None else ():
        inside = [entry for entry in chosen if entry.category == name]
        if inside:
            click.echo(click.style(f"{name} ({len(inside)})", bold=True))
            for entry in inside:
                click.echo(f"  {entry.id:<44} {entry.title}")
    if not chosen:
        click.echo("No entry passes these filters.")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--fast", is_flag=True, help="Only files changed since the index was made.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a finding.")
@pass_context
def lint(context: Context, paths: tuple[Path, ...], fast: bool, as_json: bool) -> None:
    """Check entries: file, line, code and a sample to copy. Exit 1 if anything is found.

    Without PATHS all entries are checked; with them only findings in those files are shown.
    """
    settings = context.settings()
    from advisor import knowledge, places

    for path in paths:
        if not path.exists():
            raise BadSettings(
                f"There is no file '{path}'.", "Give the path of an entry: kb/<id>.md"
            )
    if fast:
        changed = places.changed_files(settings)
        if not changed:
            click.echo("Nothing has changed since the index was made.")
            return
        paths = (*paths, *changed)
    from advisor import lint as rules

    read = knowledge.load(settings.kb)
    found = rules.check(read)
    if paths:
        chosen = {path.resolve() for path in paths}
        found = [item for item in found if Path(item.path).resolve() in chosen]
    for problem in found:
        if as_json:
            fields = ("code", "path", "line", "message", "hint")
            click.echo(json.dumps({name: getattr(problem, name) for name in fields}))
            continue
        click.echo(str(problem))
        if problem.hint:
            click.echo("\n".join(f"    {line}" for line in problem.hint.split("\n")))
    if not as_json:
        click.echo(f"{len(read) + len(read.bad)} entries, {len(found)} findings.", err=True)
    if found:
        raise click.exceptions.Exit(1)
