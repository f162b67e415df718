"""The wheel as a stranger installs it: answers at once, from the ready index, with no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import KB, ROOT

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel():
    found = sorted((ROOT / "dist").glob("dladvisor-*.whl"))
    assert found, "run: make wheel"
    return found[-1]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True)
    return folder / "bin" / "dladvisor"


def run(command, *arguments, **variables):
    """Run the command with no cache to write to and, where the system allows, no network."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "DLADVISOR_CACHE": "/dev/null/cache",
        **variables,
    }
    cut_off = ["unshare", "-rn"] if shutil.which("unshare") else []
    if cut_off and subprocess.run([*cut_off, "true"], capture_output=True).returncode:
        cut_off = []
    return subprocess.run(
        [*cut_off, str(command), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
        timeout=60,
    )


def test_the_wheel_holds_every_entry_and_an_index_of_them(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("advisor/index/manifest.json"))
        # Unpacked, as it lies on the disk; downloaded it is smaller.
        sizes = {item.filename: item.file_size for item in archive.infolist()}
    entries = {path.name for path in KB.glob("*.md")}
    assert {f"advisor/kb/{name}" for name in entries} <= names
    assert manifest["entries"] == len(entries)
    index = sum(size for name, size in sizes.items() if name.startswith("advisor/index/"))
    assert index <= 12_000_000


def test_a_fresh_install_answers_from_the_ready_index(installed):
    done = run(installed, "--json", "loss becomes nan after 300 steps")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["matches"]


def test_a_fresh_install_shows_lists_and_tells_its_version(installed):
    assert "Check first" in run(installed, "show", "learning-rate-too-high").stdout
    assert "learning-rate-too-high" in run(installed, "list").stdout
    version = run(installed, "--version").stdout
    assert "index by all-MiniLM-L6-v2" in version


def test_the_ready_index_says_what_the_checkout_says(installed):
    question = "my gan paints only one face"
    there = json.loads(run(installed, "--json", question).stdout)
    here = subprocess.run(
        [sys.executable, "-m", "advisor", "--json", question],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert json.loads(here.stdout) == there
