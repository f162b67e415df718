"""Starting the server: one process, or several workers on one socket."""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor.errors import AdvisorError, MissingExtra
from advisor.server.options import Options

log = logging.getLogger("dladvisor.http")


def version() -> str:
    """The version of this installation."""
    return importlib.metadata.version("dladvisor")


def run(options: Options, host: str, port: int, trust: str) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    try:
        import uvicorn
        from uvicorn.supervisors import Multiprocess
    except ImportError as error:
        raise MissingExtra("Serving over HTTP", "serve") from error

    with tempfile.TemporaryDirectory(prefix="dladvisor-") as shared:
        options = replace(options, shared=Path(shared))
        if options.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
            # The workers map the vectors, 10 MB; alone, a worker would only start more slowly.
            settings = replace(options.settings, shared=Path(shared))
            options = replace(options, settings=settings)
        config = uvicorn.Config(
            functools.partial(_app, options),
            factory=True,
            host=host,
            port=port,
            workers=options.workers,
            log_config=None,
            access_log=False,
            lifespan="on",
            http="advisor.server.patience:Patience",
            server_header=False,
            # uvicorn would believe every local client's X-Forwarded-For.
            proxy_headers=bool(trust),
            forwarded_allow_ips=trust,
            timeout_graceful_shutdown=int(options.timeout) + 1,
        )
        _log_to_stderr()
        try:
            listening = config.bind_socket()
        except SystemExit:
            raise AdvisorError(
                f"Nothing can listen on {host} port {port}.",
                "Another program may use it: give another --port.",
            ) from None
        # Connections inherit this. asyncio would set it, but not on a socket it did not make, and
        # then each answer waits 40 ms for the client's delayed acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if options.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            # uvicorn sends itself the signal once more after it has shut down, which would end
            # this process before it has tidied up.
            signal.signal(signal.SIGTERM, lambda *_: None)
            server = uvicorn.Server(config)
            server.run(sockets=[listening])
            if not server.started:
                raise AdvisorError("The server did not start.", "The lines above say why.")


def _app(options: Options) -> Any:
    """The application of one worker."""
    # Deferred to the worker: prometheus_client looks at the environment when it is imported.
    from advisor.desk import Desk
    from advisor.server.app import make_app

    _log_to_stderr()

    def open_desk() -> Desk:
        desk = Desk.open(options.settings, "http", log.warning)
        desk.live.watch()
        log.info("ready", extra={"fields": {"entries": len(desk.live.advisor.knowledge)}})
        return desk

    return make_app(options, open_desk)


def _log_to_stderr() -> None:
    from advisor.server.guard import JsonLines

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # Loggers of libraries may be set lower than the root.
    handler.setLevel(logging.INFO)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
