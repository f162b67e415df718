"""Why an entry was found, in the words of the person who asked."""

from __future__ import annotations

import numpy as np

from advisor.encoder import Floats
from advisor.entry import Entry
from advisor.index import Index
from advisor.lexical import SYNONYMS, message_key, surfaces
from advisor.passages import KINDS
from advisor.safe_text import clipped

# Below this cosine a symptom is not "like" the question; two unrelated symptoms of this
# knowledge base are at 0.2 to 0.3.
ALIKE = 0.45
MAX_WORDS = 5
# A word in more than this share of the entries tells none of them from the others; "while" and
# "also" stand in 0.45.
TOO_COMMON = 0.4
# Shorter ones are crumbs of `bf16` and `GiB`, unless they are the field's own, as "lr".
SHORTEST_WORD = 3
MAX_QUOTE = 90


def reasons(
    entry: Entry, question: str, vector: Floats, index: Index, number: int
) -> tuple[str, ...]:
    """One to three reasons, the strongest first: a quoted message, a like symptom, shared words."""
    found = []
    asked = message_key(question)
    quoted = [message for message in entry.messages if message_key(message) in asked]
    if quoted:
        found.append(f"the message: {clipped(max(quoted, key=len), MAX_QUOTE)}")
    symptom, cosine = _nearest_symptom(entry, vector, index, number)
    if cosine >= ALIKE:
        found.append(f"sounds like: {clipped(symptom, MAX_QUOTE)}")
    words = shared_words(question, index, number)
    if words:
        found.append(f"shared words: {', '.join(words)}")
    if not found:
        found.append(f"nearest in meaning: {clipped(symptom, MAX_QUOTE)}")
    return tuple(found)


def _nearest_symptom(entry: Entry, vector: Floats, index: Index, number: int) -> tuple[str, float]:
    part = slice(index.starts[number], index.starts[number + 1])
    rows = index.rows[part][index.kinds[part] == KINDS.index("symptom")]
    symptoms = index.vectors.reconstruct_batch(rows.astype(np.int64))
    cosines = np.array([symptom @ vector for symptom in symptoms])
    best = int(np.argmax(cosines))
    return entry.symptoms[best], float(cosines[best])


def shared_words(question: str, index: Index, number: int) -> list[str]:
    """The question's words that count most for this entry, as they were typed."""
    weighed = []
    for stem, surface in surfaces(question).items():
        if index.spoken.share(stem) > TOO_COMMON or says_little(surface):
            continue
        score = index.spoken.weight(stem, number) + index.written.weight(stem, number)
        if score > 0:
            weighed.append((-score, surface))
    return [surface for _, surface in sorted(weighed)[:MAX_WORDS]]


def says_little(surface: str) -> bool:
    """Whether a word is a number, or a crumb of one such as `k8s`."""
    crumb = len(surface) < SHORTEST_WORD and surface not in SYNONYMS
    return crumb or not any(map(str.isalpha, surface))
