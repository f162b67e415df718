"""`dladvisor serve`, `mcp` and `slack`: where teams and their programs ask."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from advisor.cli.context import Context, pass_context


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, type=click.IntRange(0, 65535), show_default=True, help="The port."
)
@click.option(
    "--workers", default=1, type=click.IntRange(1, 64), show_default=True, help="Processes."
)
@click.option(
    "--site",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve this built site too (made by: mkdocs build).",
)
@click.option(
    "--cors",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of this origin call it (repeatable; none by default).",
)
@click.option(
    "--rate",
    default=20.0,
    type=click.FloatRange(0),
    show_default=True,
    help="Requests a second from one address; 0: no limit.",
)
@click.option(
    "--max-body",
    default=262_144,
    type=click.IntRange(1024),
    show_default=True,
    help="The largest body, in bytes.",
)
@click.option(
    "--timeout",
    default=10.0,
    type=click.FloatRange(0.1),
    show_default=True,
    help="The longest time for one request, in seconds.",
)
@click.option("--log-questions", is_flag=True, help="Log questions, redacted (off by default).")
@click.option(
    "--trust-proxy",
    default="",
    metavar="ADDRESS",
    help="Take the client's address from this proxy's headers.",
)
@pass_context
def serve(
    context: Context,
    host: str,
    port: int,
    workers: int,
    site: Path | None,
    origins: tuple[str, ...],
    rate: float,
    max_body: int,
    timeout: float,
    log_questions: bool,
    trust_proxy: str,
) -> None:
    """Answer over HTTP: /v1/ask, /v1/entries, conversations, votes, /healthz, /metrics.

    Needs the extra 'serve'. The description is at /openapi.json.
    """
    from advisor.server.options import Options
    from advisor.server.run import run

    settings = context.settings()
    if site is not None and not settings.site:
        # The pages are here: answers link to them.
        settings = replace(settings, site="/")
    options = Options(
        settings=settings,
        shared=Path(),
        workers=workers,
        site=site,
        origins=origins,
        rate=rate,
        max_body=max_body,
        timeout=timeout,
        log_questions=log_questions,
    )
    run(options, host, port, trust_proxy)


@click.command("mcp")
@click.option("--http", is_flag=True, help="Over streamable HTTP instead of stdin and stdout.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http: the address.")
@click.option(
    "--port", default=8001, type=click.IntRange(0, 65535), show_default=True, help="And the port."
)
@click.option("--skill", is_flag=True, help="Print the skill file for your agent, and stop.")
@pass_context
def mcp(context: Context, http: bool, host: str, port: int, skill: bool) -> None:
    """Offer the advisor to coding agents as MCP tools. Needs the extra 'mcp'."""
    from advisor.agents import run

    if skill:
        click.echo(run.SKILL.read_text(encoding="utf-8"), nl=False)
        return
    run.run(context.settings(), http, host, port)


@click.command()
@click.option("--http", is_flag=True, help="Listen for events instead of Socket Mode.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http: the address.")
@click.option(
    "--port", default=3000, type=click.IntRange(1, 65535), show_default=True, help="And the port."
)
@click.option(
    "--auto",
    multiple=True,
    metavar="CHANNEL",
    help="Answer matches in this channel without a mention (its id, C…; repeatable).",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of open work and conversations.",
)
@click.option(
    "--api-url",
    default="",
    metavar="URL",
    help="Another Slack API, for tests and proxies (also DLADVISOR_SLACK_API_URL).",
)
@click.option("--manifest", is_flag=True, help="Print the app's manifest, and stop.")
@pass_context
def slack(
    context: Context,
    http: bool,
    host: str,
    port: int,
    auto: tuple[str, ...],
    state: Path | None,
    api_url: str,
    manifest: bool,
) -> None:
    """Answer in Slack: mentions, direct messages, /dladvisor and a message shortcut.

    Needs the extra 'slack', and SLACK_BOT_TOKEN with SLACK_APP_TOKEN (Socket Mode) or
    SLACK_SIGNING_SECRET (--http). The docs' page on Slack sets it up in ten minutes.
    """
    from advisor.slack import run

    if manifest:
        click.echo(run.MANIFEST.read_text(encoding="utf-8"), nl=False)
        return
    options = run.from_environment(
        context.settings(),
        state=state or run.default_state(),
        http=http,
        host=host,
        port=port,
        auto=auto,
        api_url=api_url or os.environ.get("DLADVISOR_SLACK_API_URL", "") or run.SLACK,
    )
    run.run(options)
