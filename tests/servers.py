"""Real processes of `dladvisor` on loopback, for the tests of the serving front ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from conftest import ROOT, SMALL_KB


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def small_environment(kb: Path = SMALL_KB, **variables: str) -> dict[str, str]:
    return {**os.environ, "DLADVISOR_KB": str(kb), "DLADVISOR_NO_BUILTIN": "1", **variables}


class Running:
    """A server's process, its address and its log."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def lines(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def serving(
    folder: Path, *arguments: str, kb: Path = SMALL_KB, **variables: str
) -> Iterator[Running]:
    """`dladvisor serve` on a free port, ready to answer."""
    port = free_port()
    log = folder / f"serve-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "advisor", "serve", "--port", str(port), *arguments],
            stdout=out,
            stderr=out,
            env=small_environment(kb, **variables),
            cwd=ROOT,
        )
    running = Running(process, port, log)
    try:
        wait_until(lambda: alive(running), 180)
        yield running
    finally:
        running.stop()


def alive(running: Running) -> bool:
    if running.process.poll() is not None:
        raise AssertionError(running.lines())
    try:
        return httpx.get(f"{running.url}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait_until(true, seconds: float, pause: float = 0.1) -> None:
    """Wait until `true()`; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(pause)
