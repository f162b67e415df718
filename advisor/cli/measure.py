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
