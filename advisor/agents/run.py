"""Starting it: over stdin and stdout for one agent, or over HTTP for several."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from pathlib import Path

from advisor.desk import Desk
from advisor.errors import MissingExtra
from advisor.settings import Settings

log = logging.getLogger("dladvisor.mcp")
SKILL = Path(__file__).resolve().parent / "SKILL.md"


def run(settings: Settings, http: bool, host: str, port: int) -> None:
    """Serve until stdin closes, or over HTTP until SIGINT or SIGTERM."""
    try:
        from advisor.agents.server import make_server
    except ImportError as error:
        raise MissingExtra("Serving coding agents", "mcp") from error
    # stdout carries the protocol: everything for people goes to stderr.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="dladvisor: %(message)s")
    # Loggers of libraries may be set lower than the root.
    logging.getLogger().handlers[0].setLevel(logging.WARNING)
    desk = Desk.open(settings, "mcp", log.warning)
    desk.live.watch()
    try:
        server = make_server(desk, importlib.metadata.version("dladvisor"))
        if http:
            print(f"dladvisor: http://{host}:{port}/mcp", file=sys.stderr)
            server.run("streamable-http", host=host, port=port)
        else:
            server.run("stdio")
    finally:
        desk.live.stop()
