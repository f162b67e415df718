"""Fixtures: a fake encoder one can compute by hand, a small knowledge base, isolated caches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from advisor import index, knowledge, ranking
from advisor.answer import Advisor
from advisor.lexical import tokens
from advisor.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SMALL_KB = ROOT / "tests" / "kb"
KB = ROOT / "kb"


class WordEncoder:
    """One axis a word: the cosine of two texts is the share of stems they have in common.

    Turned at random, so that every component is small, as those of real encoders are: the index
    cuts large ones.
    """

    name = "words"
    dimension = 512
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(512, 512)))[0].astype(np.float32)

    def __init__(self) -> None:
        self.axes: dict[str, int] = {}
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None):
        self.encoded += texts
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            # Sorted: in a set's own order each process would give the words other axes.
            for stem in sorted(set(tokens(text))):
                vectors[row, self.axes.setdefault(stem, len(self.axes)) % self.dimension] = 1
        if progress:
            progress(len(texts))
        return (
            vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9) @ self.turned
        )


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path_factory):
    """No test reads the person's variables or touches their cache."""
    for name in list(os.environ):
        if name.startswith("DLADVISOR_"):
            monkeypatch.delenv(name)
    # CI gives one cache to all runs, so that the real index is built once.
    cache = os.environ.get("TEST_CACHE") or str(tmp_path_factory.getbasetemp() / "cache")
    monkeypatch.setenv("DLADVISOR_CACHE", cache)
    monkeypatch.setenv("NO_COLOR", "1")
    history = tmp_path_factory.mktemp("history") / "conversations.db"
    monkeypatch.setenv("DLADVISOR_HISTORY", str(history))


@pytest.fixture
def small_knowledge():
    return knowledge.load([SMALL_KB])


@pytest.fixture
def small_settings(tmp_path):
    return Settings(kb=(SMALL_KB,), cache=tmp_path / "cache")


@pytest.fixture
def word_advisor(small_knowledge, small_settings):
    """An advisor over the small knowledge base with the fake encoder and a plain ranker."""
    encoder = WordEncoder()
    made = index.build(small_knowledge, encoder)
    return Advisor(made, encoder, plain_ranker(), small_settings)


def plain_ranker(match_above: float = 0.5, none_below: float = 0.2) -> ranking.Ranker:
    """Probability = sigmoid(10 * (mean of the three best spoken cosines - 0.3))."""

    def fit(names: Sequence[str]) -> ranking.Fit:
        zeros = np.zeros(len(names))
        weights = zeros.copy()
        weights[names.index("spoken_mean")] = 10
        return ranking.Fit(weights, -3.0, zeros, np.ones_like(zeros), match_above, none_below)

    plain = [name for name in ranking.FEATURES if name not in ranking.LEARNED_FEATURES]
    return ranking.Ranker(ranking.FEATURES, fit(ranking.FEATURES), fit(plain))


@pytest.fixture
def run_cli(tmp_path, monkeypatch):
    """Runs the installed command in its own process; the small kb unless told otherwise."""

    def run(*arguments: str, stdin: str | bytes = "", kb: Path | None = SMALL_KB, **variables: str):
        environment = {**os.environ, **variables}
        if kb is not None:
            environment |= {"DLADVISOR_KB": str(kb), "DLADVISOR_NO_BUILTIN": "1"}
        raw = stdin if isinstance(stdin, bytes) else stdin.encode("utf-8", "surrogateescape")
        done = subprocess.run(
            [sys.executable, "-m", "advisor", *arguments],
            input=raw,
            capture_output=True,
            env=environment,
            timeout=120,
            cwd=ROOT,
        )
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        return done

    return run


def pytest_terminal_summary(terminalreporter):
    """How many examples of the entries were run, were compiled only, and how many have none."""
    found = [
        str(value)
        for report in terminalreporter.getreports("passed")
        if report.when == "call"
        for name, value in report.user_properties
        if name == "example"
    ]
    if found:
        none = next((value.split()[1] for value in found if value.startswith("none")), "0")
        terminalreporter.write_line(
            f"examples: {found.count('run')} run, {found.count('compiled')} compiled only, "
            f"{none} entries without"
        )


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium."""
    from browsing import CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The site served below a sub-path, as on a project's pages."""
    from browsing import SITE, served

    root = tmp_path_factory.mktemp("www")
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "site").symlink_to(SITE)
    with served(root) as base:
        yield f"{base}deep/er/site/"


@pytest.fixture(scope="session")
def real_advisor(tmp_path_factory):
    """The advisor over the real entries, from the cache that CI shares between its runs."""
    from advisor.answer import open_advisor
    from advisor.settings import from_environment

    cache = os.environ.get("TEST_CACHE") or str(tmp_path_factory.getbasetemp() / "cache")
    return open_advisor(from_environment(environment={"DLADVISOR_CACHE": cache}))
