"""Runs examples one after the other, each in a fresh fork of a process that knows torch.

Importing torch takes 2 s; three hundred examples would take ten minutes for nothing else. One
JSON object a line comes in (code, folder) and one goes out (error, seconds).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import types

import numpy  # noqa: F401 - loaded before the fork, for the examples
import sklearn  # noqa: F401
import torch
import transformers  # noqa: F401

LIMIT_SECONDS = 60


def run(code: str, folder: str) -> str:
    """The error that the code ends with, or ''."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(LIMIT_SECONDS)
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        torch.set_num_threads(1)
        error = ""
        try:
            # A real __main__, as for a script: pickle looks classes and functions up in it.
            sys.modules["__main__"] = script = types.ModuleType("__main__")
            exec(compile(code, "<example>", "exec"), script.__dict__)  # noqa: S102
        except BaseException:
            error = traceback.format_exc()
        os.write(writer, error.encode()[-4000:])
        os._exit(1 if error else 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        error = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    if status and not error:
        error = f"the example was stopped: status {status}, limit {LIMIT_SECONDS} s"
    return error


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        begin = time.perf_counter()
        error = run(asked["code"], asked["folder"])
        seconds = time.perf_counter() - begin
        print(json.dumps({"error": error, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
