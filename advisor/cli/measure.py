"""`dladvisor eval`: how good the answers are on judged questions."""

from __future__ import annotations

import json
from pathlib import Path

import click

from advisor.cli.context import Context, pass_context
from advisor.errors import AdvisorError, BadSettings
from advisor.judged import Judged, read_judged


@click.command("eval")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--from-feedback", is_flag=True, help="Measure on your team's votes, not on FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.option("--misses", is_flag=True, help="List the questions without a good first answer.")
@click.option(
    "--conversation",
    is_flag=True,
    help="Measure what follow-up questions add, with simulated people.",
)
@pass_context
def evaluate(
    context: Context,
    file: Path | None,
    from_feedback: bool,
    as_json: bool,
    misses: bool,
    conversation: bool,
) -> None:
    """Measure on judged questions: {"id", "question", "grades": {entry id: 2|1}} a line.

    Prints hit@1, hit@3, MRR and nDCG@5 with 95% bootstrap intervals, the share of in-scope
    questions declined and of out-of-scope ones answered, and two baselines from the same run:
    BM25 alone, and the encoder with one vector an entry.

    --from-feedback takes the questions from the feedback file (DLADVISOR_FEEDBACK): an entry
    with more helpful votes than not counts as right. People vote only on what they are shown,
    so compare such figures over time, not with other question sets.
    """
    from advisor import evaluation

    if (file is None) != from_feedback:
        raise BadSettings(
            "Give either a FILE of judged questions or --from-feedback.",
            "See: dladvisor eval --help",
        )
    questions = _voted(context) if file is None else read_judged(file)
    if conversation:
        from advisor.simulation import simulate

        held = simulate(context.advisor(), questions)
        click.echo(json.dumps(held.to_json()) if as_json else held.table())
        return
    report = evaluation.evaluate(context.advisor(), questions)
    if as_json:
        click.echo(json.dumps(report.to_json(), ensure_ascii=False))
        return
    click.echo(report.table())
    if misses:
        click.echo("\n" + report.misses())


@click.command()
@click.argument("page", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--own", required=True, type=click.Path(path_type=Path), help="Judged questions to measure on."
)
@click.option(
    "--phrasings",
    required=True,
    type=click.Path(path_type=Path),
    help="Questions that name the one entry they were written for.",
)
@click.option("--real", type=click.Path(path_type=Path), help="A second set of judged questions.")
@pass_context
def report(context: Context, page: Path, own: Path, phrasings: Path, real: Path | None) -> None:
    """Measure everything and put the tables into PAGE, between its markers.

    Quality with intervals, calibration, risk against coverage, ablation, robustness, findability
    and warm speed. `make report` runs it on this repository's page, with the benchmarks.
    """
    from advisor.judged import read_judged
    from advisor.study import report as study

    made = study.sections(
        context.advisor(),
        read_judged(own),
        read_judged(phrasings),
        read_judged(real) if real else (),
        lambda text: click.echo(text, err=True),
    )
    text = study.refresh(page.read_text(encoding="utf-8"), made)
    page.write_text(text, encoding="utf-8")
    click.echo(f"{len(made)} parts of {page} made again.")


def _voted(context: Context) -> list[Judged]:
    from advisor import feedback

    questions = feedback.judged(feedback.required(context.settings()).questions())
    if not questions:
        raise AdvisorError(
            "No question has an entry with more helpful votes than not.",
            "Votes come from the buttons in Slack, from HTTP, MCP and: dladvisor vote",
        )
    return questions
