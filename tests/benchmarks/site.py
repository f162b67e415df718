"""Measures the built site in Chromium and prints the tables of docs/site.md.

Run it with the index that the site was written from: `make site-report`.
"""

from __future__ import annotations

import gzip
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browsing import CHROMIUM, MEANING, PATIENCE, SITE, page_of, served  # noqa: E402
from test_browser_quality import WATCH  # noqa: E402
from test_browser_ranking import ASKED, BATCH  # noqa: E402

from advisor import ranking  # noqa: E402
from advisor.answer import open_advisor  # noqa: E402
from advisor.judged import read_judged  # noqa: E402
from advisor.question import gist, read  # noqa: E402
from advisor.settings import from_environment  # noqa: E402

PAGES = {
    "Home": "",
    "Ask": "ask/",
    "an entry": "kb/learning-rate-too-high/",
    "all entries": "kb/",
    "Ask, with an answer by meaning": "ask/?q=my+gan+paints+one+face",
}


def pages(browser, base: str) -> None:
    """Weight, first paint and movement of pages, on a cold browser."""
    print("| page | KB as files | KB gzipped | of these ours, gzipped | LCP, ms | CLS |")
    print("|---|---|---|---|---|---|")
    for name, path in PAGES.items():
        with page_of(browser) as page:
            page.add_init_script(WATCH)
            page.goto(base + path, wait_until="networkidle")
            if "q=" in path:
                page.locator(MEANING).wait_for(timeout=PATIENCE)
            # Chromium tells of a paint when it has time to, on a busy machine after the load.
            page.wait_for_function("seen.lcp > 0", timeout=PATIENCE)
            page.wait_for_timeout(500)
            seen = page.evaluate("seen")
            # What the worker loads is not among the page's own entries.
            by_worker = page.evaluate(
                "Object.values(globalThis.dladvisor?.data?.meaning.files ?? {}).map(f => f.path)"
            )
            urls = page.evaluate(
                "performance.getEntries().filter(e => e.responseEnd).map(e => e.name)"
            )
            files = [_file(url.removeprefix(base)) for url in dict.fromkeys(urls)]
            files += [SITE / "kb" / "ask" / name for name in by_worker]
            bodies = {path: path.read_bytes() for path in files}
            packed = {path: len(gzip.compress(body)) for path, body in bodies.items()}
            own = sum(size for path, size in packed.items() if path.parent == SITE / "kb" / "ask")
            sizes = (sum(map(len, bodies.values())), sum(packed.values()), own)
            figures = " | ".join(f"{size / 1000:,.0f}" for size in sizes)
            print(f"| {name} | {figures} | {seen['lcp']:.0f} | {seen['cls']:.3f} |")


def _file(path: str) -> Path:
    path = path.split("?")[0].split("#")[0]
    return SITE / path / "index.html" if path == "" or path.endswith("/") else SITE / path


def speed(browser, base: str) -> None:
    """Milliseconds from a question to its answer."""
    with page_of(browser) as page:
        page.goto(base + "ask/")
        start = time.perf_counter()
        page.evaluate("dladvisor.ask('loss is nan', {stage: 'keywords'})")
        keywords = time.perf_counter() - start
        start = time.perf_counter()
        page.evaluate("dladvisor.ask('loss is nan')")
        meaning = time.perf_counter() - start
        script = """async ([questions, options]) => {
          const times = [];
          for (const question of questions) {
            const start = performance.now();
            await dladvisor.ask(question, options);
            times.push(performance.now() - start);
          }
          return times;
        }"""
        print(f"\nkeywords loaded in {keywords:.2f} s, encoder in {meaning:.2f} s")
        for stage in ("keywords", "meaning"):
            times = page.evaluate(script, [ASKED[:60], {"stage": stage}])
            half, most = np.quantile(times, [0.5, 0.99])
            print(f"{stage}: p50 {half:.0f} ms, p99 {most:.0f} ms")


def _by_keywords(advisor, ranker, question: str):
    whole = read(question).text
    features = ranking.keyword_features(advisor.index, advisor.learned, gist(whole), whole)
    return ranker.probabilities(features, ranking.known_entries(advisor.index, advisor.learned))


def parity(browser, base: str) -> None:
    """How far the browser's answers are from Python's, and how good each stage is."""
    advisor = open_advisor(from_environment())
    ranker = ranking.load_ranker(ranking.KEYWORD_RANKER, ranking.KEYWORD_FEATURES)
    index = advisor.index
    with page_of(browser) as page:
        page.goto(base + "ask/")
        all_of = {"stage": "keywords", "top": len(index.ids)}
        by_words = page.evaluate(BATCH, [ASKED, all_of])
        by_meaning = page.evaluate(BATCH, [ASKED, {}])
    exact = 0
    for question, answer in zip(ASKED, by_words):
        chances = _by_keywords(advisor, ranker, question)
        order = np.argsort(-chances, kind="stable")
        wanted = [(index.ids[n], float(chances[n])) for n in order]
        exact += [(row[0], row[1]) for row in answer["rows"]] == wanted
    moved, orders, verdicts, reasons = 0.0, 0, 0, 0
    for question, answer in zip(ASKED, by_meaning):
        wanted = advisor.ask(question)
        rows = answer["rows"]
        orders += [row[0] for row in rows] == [m.entry.id for m in wanted.matches]
        verdicts += answer["verdict"] == wanted.verdict
        reasons += [row[2] for row in rows] == [list(m.why) for m in wanted.matches]
        by_id = {m.entry.id: m.probability for m in wanted.matches}
        moved = max(moved, *(abs(row[1] - by_id.get(row[0], row[1])) for row in rows))
    total = len(ASKED)
    print(f"\nkeywords: order and probabilities of all {len(index.ids)} entries: {exact}/{total}")
    print(f"meaning: ids and order of the first five: {orders}/{total}")
    print(f"meaning: verdict {verdicts}/{total}, reasons {reasons}/{total}")
    print(f"meaning: largest difference of a probability {moved:.1e}")
    judged = [item for item in read_judged(QUESTIONS) if item.grades]
    hits = []
    for item in judged:
        chances = _by_keywords(advisor, ranker, item.question)
        best = [index.ids[n] for n in np.argsort(-chances, kind="stable")[:3]]
        hits.append((best[0] in item.grades, any(name in item.grades for name in best)))
    first, third = np.mean(hits, axis=0)
    print(f"keyword stage on {len(judged)} test questions: hit@1 {first:.2f}, hit@3 {third:.2f}")


QUESTIONS = ROOT / "tests" / "questions" / "judged.jsonl"


def main() -> None:
    """Print everything."""
    with served(SITE) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"],
        )
        pages(browser, base)
        speed(browser, base)
        parity(browser, base)
        browser.close()


if __name__ == "__main__":
    main()
