"""Build time, size, memory and latency with 1,000, 10,000 and 100,000 synthetic entries.

Each entry has ten symptoms made of the real entries' words, with vectors drawn around one
random direction an entry (encoding a million texts would take hours and measure the encoder).
Each size runs in a process of its own: `make report`, or growth.py 1000 10000.
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


class Drawn:
    """Vectors near one random direction an entry; the text begins with the entry's number."""

    name, dimension = "drawn", DIMENSION

    def encode(self, texts, progress=None):
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        for row, text in enumerate(texts):
            entry = int(text.split(" ", 1)[0])
            base = np.random.default_rng(entry).normal(size=DIMENSION)
            vectors[row] = base + 0.7 * np.random.default_rng(hash(text) % 2**32).normal(
                size=DIMENSION
            )
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure(size: int) -> dict[str, float]:
    from advisor import index, knowledge, ranking
    from advisor.knowledge import Knowledge
    from advisor.settings import built_in_kb

    real = list(knowledge.load([built_in_kb()]))
    words = " ".join(text for entry in real for text in entry.symptoms).split()
    random = np.random.default_rng(0)

    def sentence(number: int) -> str:
        return f"{number} " + " ".join(random.choice(words, 9))

    entries = {}
    for number in range(size):
        model = real[number % len(real)]
        name = f"entry-{number:06d}"
        entries[name] = dataclasses.replace(
            model,
            id=name,
            title=sentence(number),
            symptoms=tuple(sentence(number) for _ in range(SYMPTOMS)),
            wordings=(),
        )
    encoder = Drawn()
    begin = time.perf_counter()
    made = index.build(Knowledge(entries), encoder)
    built = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        index.write(made, Path(folder), {})
        disk = sum(path.stat().st_size for path in Path(folder).iterdir())
        begin = time.perf_counter()
        index.read(Path(folder))
        opened = time.perf_counter() - begin
    ranker = ranking.load_ranker()
    known = ranking.known_entries(made, None)
    times, right = [], 0
    for _ in range(QUESTIONS):
        number = int(random.integers(size))
        question = sentence(number)
        vector = encoder.encode([question])[0]
        begin = time.perf_counter()
        chances = ranker.probabilities(ranking.features(made, None, question, vector), known)
        times.append(1000 * (time.perf_counter() - begin))
        right += int(np.argmax(chances)) == number
    return {
        "entries": size,
        "passages": len(made.rows),
        "built": built,
        "disk": disk / 1e6,
        "opened": opened,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "p50": float(np.median(times)),
        "right": right / QUESTIONS,
    }


def main() -> None:
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    lines = [
        "| entries | passages | build, s | index, MB | open, s | peak, MB | rank, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in [int(word) for word in sys.argv[1:] if word.isdigit()] or SIZES:
        done = subprocess.run(
            [sys.executable, __file__, "one", str(size)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        lines.append(
            f"| {found['entries']:,} | {found['passages']:,} | {found['built']:.1f} | "
            f"{found['disk']:.0f} | {found['opened']:.2f} | {found['memory']:.0f} | "
            f"{found['p50']:.1f} |"
        )
    show("growth", "\n".join(lines))


if __name__ == "__main__":
    main()
