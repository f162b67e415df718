"""`dladvisor eval`: how good the answers are on judged questions."""

from __future__ import annotations

import json
from pathlib import Path

import click

from advisor.cli.context import Context, pass_context


@click.command("eval")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.option("--misses", is_flag=True, help="List the questions without a good first answer.")
@click.option(
    "--conversation",
    is_flag=True,
    help="Measure what follow-up questions add, with simulated people.",
)
@pass_context
def evaluate(context: Context, file: Path, as_json: bool, misses: bool, conversation: bool) -> None:
    """Measure on judged questions: {"id", "question", "grades": {entry id: 2|1}} a line.

    Prints hit@1, hit@3, MRR and nDCG@5 with 95% bootstrap intervals, the share of in-scope
    questions declined and of out-of-scope ones answered, and two baselines from the same run:
    BM25 alone, and the encoder with one vector an entry.
    """
    from advisor import evaluation
    from advisor.judged import read_judged

    if conversation:
        from advisor.simulation import simulate

        held = simulate(context.advisor(), read_judged(file))
        click.echo(json.dumps(held.to_json()) if as_json else held.table())
        return
    report = evaluation.evaluate(context.advisor(), read_judged(file))
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
