"""How many questions a second `dladvisor serve` answers, beside a bare FastAPI "hello".

Run with wrk installed: python tests/benchmarks/load.py. All four servers run one after the
other in one run, on the same machine; compare the ratios. Memory is the proportional set size
(PSS) of all processes after the load: what is shared counts once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

SECONDS = 5
CONNECTIONS = 8
HELLO = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/healthz")
async def hello():
    return {"hello": "world"}
"""
ASK = """
local bodies = {%s}
local number = 0
request = function()
  number = number %% #bodies + 1
  return wrk.format("POST", "/v1/ask", {["Content-Type"] = "application/json"}, bodies[number])
end
"""


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").status == 200:
                    break
            time.sleep(0.1)
        time.sleep(2)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def memory(pid: int) -> float:
    """PSS in MB of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1]) / 1024
    return own + sum(memory(int(child)) for child in children)


def load(address: str, script: Path | None) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "20s", "--latency"]
    out = subprocess.run(
        [*command, *(["-s", str(script)] if script else []), address],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    figures = {"requests/s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])}
    for share in ("50", "99"):
        value, unit = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", out).groups()
        figures[f"p{share} ms"] = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return figures


def main() -> None:
    from advisor import catalogue, settings

    knowledge = catalogue.load(settings.from_environment())
    asked = [symptom for entry in knowledge for symptom in entry.symptoms]
    random.Random(0).shuffle(asked)
    bodies = [json.dumps({"question": question}) for question in asked[:500]]
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        folder = Path(name)
        (folder / "hello.py").write_text(HELLO)
        lua = ", ".join(json.dumps(body) for body in bodies)
        (folder / "ask.lua").write_text(ASK % lua)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        print(f"load before: {os.getloadavg()[0]:.1f}")
        print("| server | workers | requests/s | p50 ms | p99 ms | memory MB |")
        print("|---|---|---|---|---|---|")
        for workers in ("1", "2"):
            ports = ["--port", str(port), "--workers", workers]
            hello = [*(sys.executable, "-m", "uvicorn", "hello:app"), *ports, "--no-access-log"]
            ours = [sys.executable, "-m", "advisor", "serve", *ports, "--rate", "0"]
            for label, command, path, script in (
                ("FastAPI hello", hello, "/healthz", None),
                ("dladvisor, GET /v1/entries/{id}", ours, "/v1/entries/dead-relu-units", None),
                ("dladvisor, POST /v1/ask", ours, "/v1/ask", folder / "ask.lua"),
            ):
                with running(command, port, folder) as process:
                    figures = load(f"http://127.0.0.1:{port}{path}", script)
                    cells = [f"{value:.1f}" for value in figures.values()]
                    cells.append(f"{memory(process.pid):.0f}")
                print(f"| {label} | {workers} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
