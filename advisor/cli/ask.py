"""`dladvisor ask`, also run by a bare question."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from advisor.cli.context import (
    Context,
    TakesWords,
    filter_options,
    language_model,
    llm_option,
    narrate,
    pass_context,
    retell,
    width,
)
from advisor.errors import AdvisorError, BadQuestion, BadSettings
from advisor.settings import DEFAULT_TOP, MAX_TOP

if TYPE_CHECKING:
    from advisor.answer import Advisor, Filter
    from advisor.results import Answer


@click.command(cls=TakesWords)
@click.argument("words", nargs=-1, metavar="QUESTION...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--batch", is_flag=True, help="Read one question a line from stdin; needs --json.")
@click.option(
    "--top",
    default=DEFAULT_TOP,
    type=click.IntRange(1, MAX_TOP),
    show_default=True,
    help="How many matches at most.",
)
@click.option("--plain", is_flag=True, help="No colour, no wrapping: for screen readers and logs.")
@click.option("--explain", is_flag=True, help="Show the features behind each probability.")
@llm_option
@filter_options
@pass_context
def ask(
    context: Context,
    /,
    words: tuple[str, ...],
    as_json: bool,
    batch: bool,
    top: int,
    plain: bool,
    explain: bool,
    llm: str | None,
    **only: str,
) -> None:
    """Describe what you see; get the entries that fit, best first.

    Without words the question is read from stdin. The exit code is 0 for every answer, also
    when nothing fits.
    """
    from advisor.terminal import Paper, answer_text, explanation_text

    model = language_model(llm, as_json or batch)
    if batch:
        _answer_lines(context, as_json, top, only)
        return
    question = _question(words)
    answer = _advisor_for(context, question).ask(question, top, _filter(only))
    if answer.note:
        narrate(answer.note)
    kept = _keep(context, answer)
    if as_json:
        click.echo(json.dumps(answer.to_json(), ensure_ascii=False))
        return
    paper = Paper(width(), plain)
    click.echo(answer_text(answer, paper))
    if explain:
        click.echo("\n" + explanation_text(answer, paper))
    if model is not None:
        retell(model, answer, paper)
    if kept:
        click.echo(f"\nDid the first one help?  dladvisor vote {kept} yes   (or: no)", err=True)


def _keep(context: Context, answer: Answer) -> str:
    """Keep the question if the team wants that; its id. A full disk must not cost the answer."""
    from advisor import feedback

    store = feedback.of(context.settings())
    try:
        return store.record("cli", answer) if store else ""
    except AdvisorError as error:
        narrate(f"{error.message} The question was not kept.")
        return ""


def _question(words: tuple[str, ...]) -> str:
    if words and words != ("-",):
        return " ".join(words)
    if sys.stdin.isatty():
        raise BadQuestion(
            "There is no question.", 'Ask: dladvisor "loss becomes nan after 300 steps"'
        )
    return _stdin_text()


def _stdin_text() -> str:
    """All of stdin; bytes that are not UTF-8 become U+FFFD."""
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _advisor_for(context: Context, question: str) -> Advisor:
    from advisor import question as questions

    # A question that cannot be asked must not first cost the loading of the index.
    questions.read(question)
    return context.advisor()


def _filter(only: dict[str, str]) -> Filter:
    from advisor.answer import Filter

    return Filter(**only)


def _answer_lines(context: Context, as_json: bool, top: int, only: dict[str, str]) -> None:
    if not as_json:
        raise BadSettings("--batch prints JSON lines only.", "Add --json.")
    lines = _stdin_text().splitlines()
    bad = {number: error for number, line in enumerate(lines) if (error := _fault(line))}
    good = [line for number, line in enumerate(lines) if number not in bad]
    answers = context.advisor().ask_all(good, top, _filter(only))
    for number, line in enumerate(lines):
        if number in bad:
            # One line in, one line out, in order: a program counts on it.
            narrate(f"line {number + 1}: {bad[number].message}")
            answer = {"schema": 1, "question": line.strip(), "verdict": "none", "matches": []}
        else:
            answer = next(answers).to_json()
        click.echo(json.dumps(answer, ensure_ascii=False))


def _fault(line: str) -> BadQuestion | None:
    from advisor import question as questions

    try:
        questions.read(line)
    except BadQuestion as error:
        return error
    return None
