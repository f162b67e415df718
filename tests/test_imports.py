"""What is imported when: light commands stay light, and deferred imports do happen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import ROOT, SMALL_KB

HEAVY = ("numpy", "faiss", "onnxruntime", "tokenizers", "textual", "torch", "bm25s", "pydantic")


def loaded_by(tmp_path, *arguments: str) -> set[str]:
    """The heavy modules that running the command loads."""
    code = (
        "import sys\nfrom advisor.cli import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    environment = {
        **os.environ,
        "DLADVISOR_KB": str(SMALL_KB),
        "DLADVISOR_NO_BUILTIN": "1",
        "DLADVISOR_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=60,
    )
    return set(done.stderr.strip().splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("ask", "--help"),
        ("--version",),
        ("list",),
        ("show", "rocket-loss"),
        ("site", "--pages-only"),
        ("lint", "--fast"),
    ],
)
def test_light_commands_load_nothing_heavy_once_there_is_an_index(tmp_path, arguments):
    loaded_by(tmp_path, "index")
    if arguments[0] == "site":
        arguments = (*arguments, "--out", str(tmp_path / "docs"))
    assert loaded_by(tmp_path, *arguments) == set()


def test_without_an_index_listing_needs_pydantic_only(tmp_path):
    assert loaded_by(tmp_path, "list") == {"pydantic"}


def test_asking_loads_the_search_but_not_what_builds_it(tmp_path):
    loaded_by(tmp_path, "index")
    assert loaded_by(tmp_path, "loss is nan") == {"numpy", "faiss", "onnxruntime", "tokenizers"}


def test_building_loads_what_builds(tmp_path):
    loaded = loaded_by(tmp_path, "index")
    assert {"bm25s", "pydantic", "faiss", "onnxruntime"} <= loaded
    assert "torch" not in loaded
    assert "textual" not in loaded
