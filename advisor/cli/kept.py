"""`dladvisor gaps`, `vote` and `forget`: the team's questions, where it keeps them."""

from __future__ import annotations

import json

import click

from advisor.cli.context import Context, pass_context, width
from advisor.errors import BadSettings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for an issue or a wiki.")
@click.option(
    "--top",
    default=20,
    type=click.IntRange(1),
    show_default=True,
    help="How many clusters at most; JSON has all.",
)
@click.option("--plain", is_flag=True, help="No colour, no wrapping.")
@pass_context
def gaps(context: Context, as_json: bool, markdown: bool, top: int, plain: bool) -> None:
    """List what people asked and got no help with: the entries to write next.

    Alike questions that found nothing or were voted "not helpful" form a cluster, the most
    asked first. Needs the feedback file: DLADVISOR_FEEDBACK.
    """
    settings = context.settings()
    from advisor import feedback

    questions = feedback.required(settings).questions()
    from advisor import gap_report
    from advisor import gaps as finding
    from advisor.encoder import open_encoder
    from advisor.terminal import Paper

    encoder = open_encoder(settings.encoder, settings.encoder_folder)
    found = finding.find(questions, encoder)
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False))
    elif markdown:
        click.echo(gap_report.markdown(found, top))
    else:
        click.echo(gap_report.text(found, top, Paper(width(), plain)))


@click.command()
@click.argument("question_id", metavar="ID")
@click.argument("helped", type=click.Choice(["yes", "no"]))
@click.option("--entry", default="", metavar="ENTRY", help="Which entry; default: the first shown.")
@pass_context
def vote(context: Context, question_id: str, helped: str, entry: str) -> None:
    """Say whether an answer helped; ID stands below the answer. Voting again replaces it."""
    from advisor import feedback

    chosen = feedback.required(context.settings()).vote(question_id, entry, helped == "yes", "cli")
    click.echo(f"Kept: {chosen} {'helped' if helped == 'yes' else 'did not help'}.")


@click.command()
@click.argument("question_ids", nargs=-1, metavar="[ID]...")
@click.option("--containing", default="", metavar="TEXT", help="All questions with this text.")
@click.option("--older-than", type=click.FloatRange(0), metavar="DAYS", help="All older ones.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@pass_context
def forget(
    context: Context,
    question_ids: tuple[str, ...],
    containing: str,
    older_than: float | None,
    everything: bool,
) -> None:
    """Delete kept questions with their votes from the feedback file."""
    from advisor import feedback

    if not (question_ids or containing or everything or older_than is not None):
        raise BadSettings("Nothing says what to delete.", "See: dladvisor forget --help")
    store = feedback.required(context.settings())
    count = sum(store.forget(question_id) for question_id in question_ids)
    if containing:
        count += store.forget_containing(containing)
    if older_than is not None:
        count += store.forget_older(older_than)
    if everything:
        count += store.forget_all()
    click.echo(f"{count} {'question' if count == 1 else 'questions'} deleted.")
