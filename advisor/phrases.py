"""The phrases in which people say what they observe, read from phrases.txt for `advisor.observed`.

A phrase stands in lower case, words apart by blanks (hyphens and underscores part words too), and
maps to a tag: `subject:…` names what is spoken of, `is:…` a direction told of a subject,
`says:name=value` an observable by itself (dropped when negated), `even:…` the same where the
negation belongs to the phrase, `after:…` a point in time whose number follows.
"""

from __future__ import annotations

from pathlib import Path

from advisor.vocabulary import OBSERVABLES

_FILE = Path(__file__).resolve().parent / "phrases.txt"

# Breaks of a clause; True ends the sentence.
BREAKS = {mark: mark in ".!?;" for mark in ".!?;,:()\n"} | {
    "\n\n": True,
    "but": False,
    "while": False,
    "whereas": False,
    "although": False,
    "though": False,
    "however": False,
    "yet": False,
    "then": False,
}
NEGATORS = frozenset(
    "not no never without dont doesnt isnt cant cannot wont didnt arent neither nor nothing".split()
)
# They deny a direction ("fails to converge"), not what stands by itself ("fails in production").
FAILURES = frozenset("fails fail failed refuses hardly barely stopped stops".split())
AFTER_STEPS = {
    **dict.fromkeys("step steps iteration iterations iter iters batch batches".split(), "step"),
    **dict.fromkeys("update updates".split(), "step"),
    **dict.fromkeys("epoch epochs".split(), "epoch"),
    **dict.fromkeys("hour hours h day days minutes min week weeks".split(), "time"),
}

# Directions that turn into another when they are denied; the others then say nothing.
NOT_SO = {
    "down": "flat",
    "better": "flat",
    "changes": "flat",
    "up": "not up",
    "slowly down": "flat",
}
_LOSS = {
    "up": "rising",
    "burst": "rising",
    "worse": "rising",
    "down": "falling",
    "better": "falling",
    "slowly down": "falling-slowly",
    "flat": "flat",
    "same": "flat",
    "nan": "nan",
    "zero": "zero",
    "perfect": "",
    "negative": "negative",
    "spike": "spiking",
    "swing": "oscillating",
    "tiny": "zero",
}
_SCORE = {
    "up": "rising",
    "better": "rising",
    "down": "falling",
    "worse": "falling",
    "slowly down": "falling",
    "flat": "flat",
    "same": "flat",
    "not up": "flat",
    "zero": "zero",
    "chance": "at-chance",
    "perfect": "near-perfect",
    "too good": "too-good",
    "swing": "jumping",
    "spike": "jumping",
}
_OTHERS = {
    "gradients": {"up": "exploding", "burst": "exploding", "spike": "exploding",
                  "tiny": "vanishing", "down": "vanishing", "zero": "zero", "nan": "nan",
                  "none": "none", "normal": "normal"},
    "updates": {"flat": "zero", "same": "zero", "tiny": "too-small", "burst": "too-large",
                "zero": "zero"},
    "activations": {"zero": "dead", "dead": "dead", "flat": "constant", "same": "constant",
                    "saturated": "saturated", "up": "growing", "burst": "growing", "nan": "nan"},
    "outputs": {"flat": "constant all-identical", "same": "all-identical constant",
                "empty": "empty", "swing": "noisy", "chance": "garbage", "negative": "out-of-range",
                "zero": "constant empty"},
    "memory": {"up": "gpu-growing", "burst": "gpu-growing"},
    "host": {"up": "host-growing", "burst": "host-growing"},
    "speed": {"low": "gpu-idle", "down": "slowing-down", "zero": "gpu-idle"},
}  # fmt: skip


def _means() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """(subject, direction) -> the observables and values it stands for."""
    tables: dict[str, dict[str, str]] = {
        "train_loss": _LOSS,
        "val_loss": _LOSS | {"spike": "oscillating"},
        "train_metric": _SCORE,
        "val_metric": _SCORE,
        **_OTHERS,
    }
    means = {}
    for subject, table in tables.items():
        name = "memory" if subject == "host" else subject
        for direction, values in table.items():
            means[subject, direction] = tuple((name, value) for value in values.split())
    return means


MEANS = _means()
SUBJECT_VALUES = {name: frozenset(values) for name, (_, values) in OBSERVABLES.items()}

# Phrases that are themselves a denial: a "no" inside them is part of what they say.
_DENIALS = frozenset("not no doesn't does never without isn't".split())
Phrase = tuple[tuple[str, ...], str]


def _tables() -> dict[str, dict[str, list[str]]]:
    """Section -> tag -> phrases, from phrases.txt."""
    tables: dict[str, dict[str, list[str]]] = {}
    # A line that is indented goes on from the one above.
    for line in _FILE.read_text(encoding="utf-8").replace("\n  ", " ").splitlines():
        if line.startswith("["):
            section = tables.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            tag, _, phrases = line.partition(": ")
            section[tag] = phrases.split(" | ")
    return tables


def _phrases(tables: dict[str, dict[str, list[str]]]) -> dict[str, tuple[Phrase, ...]]:
    """First word -> the phrases that begin with it and their tags, longest first."""
    tags: dict[tuple[str, ...], str] = {}
    kinds = {"subjects": "subject", "directions": "is", "says": "says", "after": "after"}
    for section, kind in kinds.items():
        for tag, phrases in tables[section].items():
            for phrase in phrases:
                words = tuple(phrase.split())
                denied = kind == "says" and words[0] in _DENIALS
                tags.setdefault(words, f"{'even' if denied else kind}:{tag}")
    found: dict[str, list[Phrase]] = {}
    for words, tag in tags.items():
        found.setdefault(words[0], []).append((words, tag))
    return {
        word: tuple(sorted(group, key=lambda phrase: -len(phrase[0])))
        for word, group in found.items()
    }


def _facets(tables: dict[str, dict[str, list[str]]]) -> dict[str, tuple[tuple[str, str], ...]]:
    """One or two words -> the facets they name, as (field of an entry, value)."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for field in ("frameworks", "architectures"):
        for value, phrases in tables[field].items():
            for phrase in phrases:
                found[phrase] = (*found.get(phrase, ()), (field, value))
    return found


_TABLES = _tables()
PHRASES = _phrases(_TABLES)
FACETS = _facets(_TABLES)
