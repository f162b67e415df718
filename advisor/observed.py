"""What a question's own words say was observed: `observed(text)`, over the closed vocabulary.

The words are read once, phrase by phrase, from the tables in `advisor.phrases`. A direction ("goes
up", "is flat") is told of the subject before it ("validation loss"), or of the one right after
it ("exploding gradients"); a negation within three words turns it round ("does not go down" is
flat) or drops it ("is not flat"). What no table knows is left out: nothing said is not "no".
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping

from advisor import curves
from advisor.phrases import (
    AFTER_STEPS,
    BREAKS,
    FACETS,
    FAILURES,
    MEANS,
    NEGATORS,
    NOT_SO,
    PHRASES,
    SUBJECT_VALUES,
)
from advisor.vocabulary import OBSERVABLES

# Characters of prose whose words are read, from the beginning and from the end. A long post has
# some 3,000; the rest of a long paste is log lines, whose numbers `curves` reads throughout.
HEAD, TAIL = 5000, 1500
NEGATION_REACH = 3
# Lines that are no sentences: what a training loop prints, and the code lines of a traceback.
_LOG_LINE = re.compile(
    r"^[^\w\n]{0,8}(?:step|epoch|iter|batch|global|\d)[^\n]*?(?:loss|acc|ppl|reward)\w*\W{1,4}[-\d.n][^\n]*$"
    r"|^[ \t]*file \"[^\n]*\n[^\n]*$",
    re.MULTILINE | re.ASCII,  # ASCII as in the site's script, which reads the same
)
_TOKEN = re.compile(
    r"\d+(?:\.\d+)?k?%?|[a-z][a-z0-9]*(?:'[a-z]+)?|\n[ \t]*\n|[.,;:!?\n()](?!\d)", re.ASCII
)

_KNOWN = PHRASES.keys() | BREAKS.keys() | NEGATORS | FAILURES

# Values from which a course is more than a few numbers in a sentence.
LONG = 12

Found = dict[str, dict[str, None]]


def observed(text: str) -> Mapping[str, tuple[str, ...]]:
    """Observable -> the values that the text says; names in the vocabulary's order."""
    lowered = text.lower().replace("’", "'")
    found: Found = {}
    _read_words(_TOKEN.findall(_prose(lowered)), found)
    _read_courses(curves.courses(lowered), found)
    return {
        name: tuple(value for value in values if value in found[name])
        for name, (_, values) in OBSERVABLES.items()
        if name in found and any(value in found[name] for value in values)
    }


def measured(text: str) -> Mapping[str, tuple[str, ...]]:
    """What long columns of numbers in the text show; nothing that its words say.

    Only courses of LONG values and more whose name says what they are: an encoder that reads
    sentences cannot see where three hundred numbers go.
    """
    found: Found = {}
    courses = curves.courses(text.lower())
    named = {name: values for name, values in courses.items() if name != "metric"}
    _read_courses({n: values for n, values in named.items() if len(values) >= LONG}, found)
    return {name: tuple(values) for name, values in found.items() if values}


def mentioned(text: str) -> Mapping[str, tuple[str, ...]]:
    """The frameworks and architectures that the text names, by the entries' field names."""
    words = _TOKEN.findall(_ends(text).lower())
    found: Found = {}
    for word, after in itertools.pairwise([*words, ""]):
        for field, value in (*FACETS.get(word, ()), *FACETS.get(f"{word} {after}", ())):
            found.setdefault(field, {})[value] = None
    return {field: tuple(values) for field, values in found.items()}


def _prose(text: str) -> str:
    """The text without log lines, shortened to its beginning and end."""
    return _ends(_LOG_LINE.sub("\n", text) if "\n" in text else text)


def _ends(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n\n{text[-TAIL:]}"


def _read_words(tokens: list[str], found: Found) -> None:
    """Walk over the words once, keeping the subject that is spoken of."""
    subjects: tuple[str, ...] = ()
    told = True  # whether something was said of these subjects
    clause = 0  # where this clause's subject began: negations do not reach over breaks
    negated_at = -9
    carried = 0  # sentences since the subject was named
    waiting: tuple[str, bool, int] | None = None  # a direction before its subject, and its end
    read_to = 0
    for position, token in enumerate(tokens):
        if position < read_to or (token not in _KNOWN and not token.endswith("n't")):
            continue
        if token in BREAKS:
            negated_at, clause, waiting = -9, position, None
            if BREAKS[token]:
                carried += 1
                told = True
                if carried > 1:
                    subjects = ()
            continue
        if token in NEGATORS or token in FAILURES or token.endswith("n't"):
            negated_at = position
        tag, length = _longest(tokens, position)
        if not tag:
            continue
        read_to = position + length
        negated = position - negated_at <= NEGATION_REACH and negated_at >= clause
        kind, _, rest = tag.partition(":")
        if kind == "subject":
            named = tuple(rest.split("+"))
            joined = not told and position - clause < 40
            subjects = (*subjects, *named) if joined and subjects else named
            told, carried = False, 0
            if waiting is not None and waiting[2] == position:
                _tell(subjects, waiting[0], waiting[1], found)
                told = True
            waiting = None
        elif kind == "is":
            if not told and subjects:
                _tell(subjects, rest, negated, found)
                told = True
            else:
                follows = _longest(tokens, position + length)[0].startswith("subject:")
                if follows:
                    waiting = (rest, negated, position + length)
                elif subjects:
                    _tell(subjects, rest, negated, found)
            negated_at = -9
        elif kind == "after":
            _tell_onset(tokens, position, length, negated, found)
        elif not negated or kind == "even" or tokens[negated_at] in FAILURES:
            for pair in rest.split("+"):
                name, _, value = pair.partition("=")
                found.setdefault(name, {})[value] = None
    _read_scores(tokens, found)


def _longest(tokens: list[str], position: int) -> tuple[str, int]:
    """The tag and length of the longest phrase that begins here, or ("", 1)."""
    if position >= len(tokens):
        return "", 1
    for words, tag in PHRASES.get(tokens[position], ()):  # longest first
        if len(words) == 1 or tuple(tokens[position : position + len(words)]) == words:
            return tag, len(words)
    return "", 1


def _tell(subjects: Iterable[str], direction: str, negated: bool, found: Found) -> None:
    if negated:
        direction = NOT_SO.get(direction, "")
    for subject in dict.fromkeys(subjects):
        for pair in MEANS.get((subject, direction), ()):
            name, value = pair
            if value in SUBJECT_VALUES[name]:
                found.setdefault(name, {})[value] = None


def _number(token: str) -> float:
    """`300`, `12k`, `98%` as a number; a percentage stays in percent."""
    return float(token.rstrip("k%")) * (1000 if token.endswith("k") else 1)


def _tell_onset(tokens: list[str], position: int, length: int, negated: bool, found: Found) -> None:
    """`after 300 steps`, `at epoch 7`: when it begins, by the number beside the unit."""
    if (position and tokens[position - 1] in ("even", "still", "only", "for")) or negated:
        return
    nearby = tokens[position + length : position + length + 4]
    number = next((_number(token) for token in nearby if token[0].isdigit()), None)
    words = (*tokens[position : position + length], *nearby)
    unit = next((AFTER_STEPS[t] for t in words if t in AFTER_STEPS), "")
    if number is None or not unit:
        return
    if unit == "epoch":
        value = "first-epoch" if number <= 1 else "later-suddenly"
    elif unit == "step":
        value = (
            "first-step"
            if number <= 2
            else "first-hundred-steps"
            if number <= 500
            else "later-suddenly"
        )
    else:
        value = "later-suddenly"
    found.setdefault("onset", {})[value] = None


HELD_OUT_WORDS = frozenset("val valid validation test eval dev".split())
SCORES = frozenset("acc accuracy f1 auc dice iou map".split())
LARGE_GAP, SMALL_GAP = 0.10, 0.03


def _read_scores(tokens: list[str], found: Found) -> None:
    """`train acc 98%, val 61%`: how far the two sets are apart, by the numbers beside them."""
    if SCORES.isdisjoint(tokens):
        return
    train = held_out = None
    which = ""
    since_score = 99
    for token in tokens:
        since_score += 1
        if token in ("train", "training"):
            which = "train"
        elif token in HELD_OUT_WORDS:
            which = "held out"
        elif token in SCORES:
            since_score = 0
        elif token in ("loss", "losses"):
            which, since_score = "", 99
        elif token[0].isdigit() and which and since_score <= 6 and not token.endswith("k"):
            value = float(token.rstrip("%"))
            share = value / 100 if token.endswith("%") or 1 < value <= 100 else value
            if share <= 1 and ("." in token or token.endswith("%") or value > 1):
                if which == "train" and train is None:
                    train = share
                elif which == "held out" and held_out is None:
                    held_out = share
                since_score = 0
                which = ""
    if train is not None and held_out is not None:
        _tell_gap(train, held_out, found)


def _tell_gap(train: float, held_out: float, found: Found) -> None:
    gap = train - held_out
    values = found.setdefault("gap", {})
    if gap < -SMALL_GAP:
        values["reversed"] = None
        found.setdefault("val_metric", {})["above-train"] = None
    else:
        values["large" if gap >= LARGE_GAP else "small" if gap >= SMALL_GAP else "none"] = None


def _read_courses(courses: curves.Course, found: Found) -> None:
    """What the columns of numbers do; a course tells more surely than words, so it adds."""
    for name in ("train_loss", "val_loss"):
        values = courses.get(name, [])
        shape = curves.shape(values)
        if name == "val_loss" and curves.turns_up(values):
            shape = "rising"
        if shape in OBSERVABLES[name][1]:
            found.setdefault(name, {})[shape] = None
        if name == "train_loss" and shape == "nan" and len(values) >= curves.FEWEST:
            place = curves.first_bad(values)
            found.setdefault("onset", {})["first-step" if place <= 0 else "later-suddenly"] = None
    for name in ("train_metric", "val_metric", "metric"):
        _read_metric(name, courses.get(name, []), found)
    norms = courses.get("gradients", [])
    if norms:
        shape = curves.shape(norms)
        value = {"nan": "nan", "zero": "zero", "rising": "exploding"}.get(shape)
        if value:
            found.setdefault("gradients", {})[value] = None
    train, held_out = (
        courses.get("train_metric") or courses.get("metric"),
        courses.get("val_metric"),
    )
    if (
        train
        and held_out
        and len(train) >= curves.FEWEST <= len(held_out)
        and all(map(math.isfinite, (*train, *held_out)))
    ):
        scale = 100.0 if max(*train, *held_out) > 1 else 1.0
        _tell_gap(train[-1] / scale, held_out[-1] / scale, found)


def _read_metric(name: str, values: list[float], found: Found) -> None:
    if len(values) < curves.FEWEST:
        return
    names = ("train_metric", "val_metric") if name == "metric" else (name,)
    shape = curves.shape(values)
    if shape == "nan":
        return
    if shape == "oscillating":
        shape = "jumping"
    told = [shape]
    scale = 100.0 if max(values) > 1 else 1.0
    if shape in ("flat", "zero") and values[-1] == 0:
        told = ["zero"]
    elif shape == "flat" and min(abs(values[-1] / scale - chance) for chance in (0.5, 0.1)) < 0.015:
        told.append("at-chance")
    if values[-1] / scale >= 0.985:
        told.append("near-perfect")
    for one in names:
        for value in told:
            if value in OBSERVABLES[one][1]:
                found.setdefault(one, {})[value] = None
