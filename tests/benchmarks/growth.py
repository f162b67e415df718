"""Build time, size, memory and latency with 1,000, 10,000 and 100,000 synthetic entries.

An entry is a real one with a title and ten symptoms of its own, made of the real entries' words,
and with vectors drawn around one random direction (encoding a million texts would take hours and
measure the encoder; reading Markdown files is left out, too). What is measured: the index as it
is built from entries in memory, written, opened by a fresh process, and asked.
Each size runs in processes of its own: `make report`, or growth.py 1000 10000. With --page FILE
the table goes into that page and the drawing, growth.svg, beside it.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from speed import show

SIZES = (1_000, 10_000, 100_000)
SYMPTOMS = 10
QUESTIONS = 50
DIMENSION = 384
# As many as the project's own test questions have in the median.
WORDS = 43


class Drawn:
    """Vectors near one random direction an entry; the text begins with the entry's number."""

    name, dimension = "drawn", DIMENSION

    def __init__(self, size):
        self._random = np.random.default_rng(1)
        self._directions = self._normal(size).astype(np.float16)
        self.seconds = 0.0

    def _normal(self, rows):
        return self._random.standard_normal((rows, DIMENSION), np.float32)

    def encode(self, texts, progress=None):
        begin = time.perf_counter()
        vectors = self._normal(len(texts))
        for start in range(0, len(texts), 10_000):
            part = vectors[start : start + 10_000]
            entries = [int(text.split(" ", 1)[0]) for text in texts[start : start + 10_000]]
            part *= 0.7
            part += self._directions[entries]
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        self.seconds += time.perf_counter() - begin
        return vectors


class Sentences:
    """Some of the real entries' words after an entry's number."""

    def __init__(self, entries):
        self._words = " ".join(text for entry in entries for text in entry.symptoms).split()
        self._random = np.random.default_rng(0)

    def of(self, number, words=9):
        chosen = self._random.integers(len(self._words), size=words)
        return f"{number} " + " ".join(self._words[place] for place in chosen)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def build(size: int, folder: Path) -> dict[str, float]:
    from advisor import index, knowledge
    from advisor.knowledge import Knowledge
    from advisor.settings import built_in_kb

    real = list(knowledge.load([built_in_kb()]))
    sentences = Sentences(real)
    entries = {
        f"entry-{number:06d}": dataclasses.replace(
            real[number % len(real)],
            id=f"entry-{number:06d}",
            title=sentences.of(number),
            symptoms=tuple(sentences.of(number) for _ in range(SYMPTOMS)),
            wordings=(),
        )
        for number in range(size)
    }
    encoder = Drawn(size)
    begin = time.perf_counter()
    made = index.build(Knowledge(entries), encoder)
    index.write(made, folder, {})
    return {
        "passages": len(made.rows),
        "built": time.perf_counter() - begin - encoder.seconds,
        "build memory": peak(),
        "disk": sum(path.stat().st_size for path in folder.iterdir()) / 1e6,
        "vectors": (folder / "vectors.npy").stat().st_size / 1e6,
    }


def ask(size: int, folder: Path) -> dict[str, float]:
    from advisor import index, ranking
    from advisor.answer import Advisor
    from advisor.encoder import OnnxEncoder
    from advisor.settings import from_environment

    begin = time.perf_counter()
    opened = index.read(folder)
    seconds = time.perf_counter() - begin
    memory = peak()
    encoder = Drawn(size)
    advisor = Advisor(opened, encoder, ranking.load_ranker(), from_environment())
    sentences = Sentences(list(opened.knowledge)[:360])
    real = OnnxEncoder(advisor.settings.encoder_folder)
    times, searching, encoding, right = [], [], [], 0
    for number in np.random.default_rng(2).integers(size, size=QUESTIONS):
        drawn = encoder.seconds
        begin = time.perf_counter()
        answer = advisor.ask(sentences.of(int(number)))
        times.append(1000 * (time.perf_counter() - begin - encoder.seconds + drawn))
        right += answer.matches[0].entry.id == opened.ids[number]
        vector = encoder.encode([str(number)])[0]
        begin = time.perf_counter()
        opened.similarities(vector, ranking.NEAREST)
        middle = time.perf_counter()
        real.encode([sentences.of(int(number), WORDS)])
        searching.append(1000 * (middle - begin))
        encoding.append(1000 * (time.perf_counter() - middle))
    return {
        "opened": seconds,
        "memory": memory,
        "rank": float(np.median(times)),
        "search": float(np.median(searching)),
        "encoder": float(np.median(encoding)),
        "right": right / QUESTIONS,
    }


def measure(size: int) -> dict[str, float]:
    found: dict[str, float] = {"entries": size}
    with tempfile.TemporaryDirectory() as folder:
        for step in ("build", "ask"):
            done = subprocess.run(
                [sys.executable, __file__, step, str(size), folder],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found |= json.loads(done.stdout.splitlines()[-1])
    return found


def drawing(every: list[dict[str, float]], encoder: float) -> str:
    """Time over entries, both axes logarithmic, as SVG; greys that light and dark pages bear."""
    low, high = np.log10(SIZES[0]), np.log10(SIZES[-1])

    def at(entries, milliseconds):
        right = 60 + 360 * (np.log10(entries) - low) / (high - low)
        return f"{right:.0f},{220 - 40 * np.log10(milliseconds):.0f}"

    def text(place, words, anchor="start"):
        x, y = place.split(",")
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" dy="4">{words}</text>'

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 300" role="img" '
        'font-family="sans-serif" font-size="12" fill="#777">',
        "<title>Time to open, rank and search, over the number of entries</title>",
    ]
    for power in range(-1, 6):
        place = at(SIZES[0], 10.0**power)
        words = f"{10.0**power:g} ms" if power < 3 else f"{10 ** (power - 3)} s"
        end = at(SIZES[-1], 10.0**power)
        parts.append(f'<path d="M{place} L{end}" stroke="#777" stroke-opacity=".25"/>')
        parts.append(text(f"52,{place.split(',')[1]}", words, "end"))
    for found in every:
        place = at(found["entries"], 1).split(",")[0]
        parts.append(text(f"{place},280", f"{found['entries']:,.0f} entries", "middle"))
    courses = [
        ("open the index", "#c62", "", [1000 * found["opened"] for found in every]),
        ("rank a question", "#27a", "", [found["rank"] for found in every]),
        ("of it search", "#5a5", "", [found["search"] for found in every]),
        ("encoder", "#777", ' stroke-dasharray="4"', [encoder] * len(every)),
    ]
    for name, colour, dashes, values in courses:
        places = [at(found["entries"], value) for found, value in zip(every, values)]
        parts.append(
            f'<path d="M{" L".join(places)}" fill="none" stroke="{colour}" stroke-width="2"'
            f"{dashes}/>"
        )
        right, down = places[-1].split(",")
        parts.append(text(f"{int(right) + 8},{down}", name))
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    if sys.argv[1:2] in (["build"], ["ask"]):
        step = build if sys.argv[1] == "build" else ask
        print(json.dumps(step(int(sys.argv[2]), Path(sys.argv[3]))))
        return
    lines = [
        "| entries | passages | build, s | build, MB | index, MB | of it vectors | open, s "
        "| open, MB | rank, ms | of it search |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    every = []
    for size in [int(word) for word in sys.argv[1:] if word.isdigit()] or SIZES:
        found = measure(size)
        every.append(found)
        if found["right"] < 0.9:
            raise SystemExit(f"only {found['right']:.0%} of the questions found their entry")
        lines.append(
            f"| {found['entries']:,} | {found['passages']:,} | {found['built']:.1f} | "
            f"{found['build memory']:,.0f} | {found['disk']:,.0f} | {found['vectors']:,.0f} | "
            f"{found['opened']:.2f} | {found['memory']:,.0f} | {found['rank']:.1f} | "
            f"{found['search']:.1f} |"
        )
        print(lines[-1], file=sys.stderr)
    encoder = float(np.median([found["encoder"] for found in every]))
    lines += ["", f"Beside it: the encoder takes {encoder:.1f} ms for a question of {WORDS} words."]
    show("growth", "\n".join(lines))
    if "--page" in sys.argv:
        page = Path(sys.argv[sys.argv.index("--page") + 1])
        page.with_name("growth.svg").write_text(drawing(every, encoder), encoding="utf-8")


if __name__ == "__main__":
    main()
