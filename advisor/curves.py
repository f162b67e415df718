"""The course of a loss or a score, read from the numbers of a pasted log.

Understood are `name: number` pairs in any line (`loss: 0.69 - val_loss: 0.71`, `train/loss=2.3`,
`{'loss': nan}`), tables with a header line, and a list of numbers after the name. A course needs
three values; fewer say nothing, except that one NaN is a NaN.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf(?:inity)?)\b"
# Each begins with a literal, which `re` finds at the speed of str.find.
# ASCII throughout, as in the site's script, which reads the same.
_PAIR = re.compile(
    r"(loss|acc(?:uracy)?|grad(?:ient)?[_ ]?norm)['\"]?[\t ]*[:=|]?[\t ]*(" + NUMBER + ")", re.ASCII
)
_LIST = re.compile(
    r"loss[^\d\n]{0,16}?[ \t\n\r:=\[(]"
    r"((?:" + NUMBER + r"[,; ]+(?:->|→)?[ \t\n\r]*){2,}" + NUMBER + ")",
    re.ASCII,
)
_NUMBER = re.compile(NUMBER, re.ASCII)
_HELD_OUT = re.compile(r"(?:val|valid|validation|eval|evaluation|test|dev)[\W_]{0,2}\Z", re.ASCII)
_OTHER_LOSS = re.compile(
    r"(?:[a-z]_|aux\w*[\W_]?|value[\W_]?|policy[\W_]?|entropy[\W_]?)\Z", re.ASCII
)
_TRAINED = re.compile(r"(?:train|training)[\W_]{0,2}\Z", re.ASCII)
_CELL_ENDS = re.compile(r"[|,\t]| {2,}")
_WORD = re.compile(r"[^ \t\r]+")
_DIGIT = re.compile(r"[0-9]")

FEWEST = 3
# More values than this add time and change no course: a log is thinned to them.
MOST = 400
STEADY = 0.02  # a course whose spread is below this share of its size is flat
TREND = 0.05  # last third against first third
SPIKE = 3.0  # times the median of all values
SWING = 0.25  # mean change from one value to the next, as a share of the size
CLIMB = 2.0  # a trend of more than this many mean changes is one, however noisy

Course = dict[str, list[float]]


def courses(text: str) -> Course:
    """Name -> the values in order, from lower-case text. Names are those of _name, below."""
    found: Course = {}
    for match in _PAIR.finditer(text):
        name = _name(match.group(1), text[max(match.start() - 12, 0) : match.start()])
        if name:
            found.setdefault(name, []).append(_value(match.group(2)))
    for name, values in _tables(text).items():
        if len(values) > len(found.get(name, ())):
            found[name] = values
    if len(found.get("train_loss", ())) < FEWEST:
        for match in _LIST.finditer(text):
            values = [_value(number) for number in _NUMBER.findall(match.group(1))]
            name = _name("loss", text[max(match.start() - 12, 0) : match.start()]) or "train_loss"
            found[name] = values
    return {name: _thinned(values) for name, values in found.items()}


def _value(number: str) -> float:
    return float(number)


def _thinned(values: list[float]) -> list[float]:
    return values if len(values) <= MOST else values[:: len(values) // MOST + 1]


def _name(word: str, before: str) -> str:
    """train_loss, val_loss, train_metric, val_metric, metric (of which set is not said) or ""."""
    if word.startswith("grad"):
        return "gradients"
    held_out, trained = bool(_HELD_OUT.search(before)), bool(_TRAINED.search(before))
    if word == "loss":
        if not held_out and not trained and _OTHER_LOSS.search(before):
            return ""
        return "val_loss" if held_out else "train_loss"
    return "val_metric" if held_out else "train_metric" if trained else "metric"


def _tables(text: str) -> Course:
    """Columns of tables whose header names a loss or an accuracy."""
    found: Course = {}
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if "loss" not in line or len(line) > 200 or _DIGIT.search(line):
            continue
        cells = [cell for cell in _CELL_ENDS.split(line) if _WORD.search(cell)]
        if len(cells) < 2:
            cells = _WORD.findall(line)
        names = []
        for cell in cells:
            word = "loss" if "loss" in cell else "acc" if "acc" in cell else ""
            before = cell.partition(word)[0] if word else ""
            names.append(_name(word, before) if word else "")
        for row in lines[place + 1 :]:
            numbers = _NUMBER.findall(row)
            if len(numbers) != len(names):
                if numbers:
                    break
                continue  # a rule of dashes under the header
            for name, number in zip(names, numbers):
                if name:
                    found.setdefault(name, []).append(_value(number))
    return found


def shape(values: Sequence[float]) -> str:
    """What a loss does: nan, zero, negative, flat, spiking, oscillating, rising, falling or ""."""
    if any(not math.isfinite(value) for value in values):
        return "nan"
    if len(values) < FEWEST:
        return ""
    if all(value == 0 for value in values[-FEWEST:]):
        return "zero"
    if values[-1] < 0 <= values[0] or max(values) < 0:
        return "negative"
    size = sorted(map(abs, values))[len(values) // 2] or 1e-12
    if max(values) - min(values) <= STEADY * size:
        return "flat"
    inner = values[1:-1] if len(values) > 4 else ()
    if inner and max(inner) > SPIKE * size and values[-1] < max(inner) / 2:
        peak = values.index(max(inner))
        if values[peak] > SPIKE / 2 * values[peak - 1]:
            return "spiking"
    third = max(len(values) // 3, 1)
    first, last = sum(values[:third]) / third, sum(values[-third:]) / third
    steps = [after - before for before, after in itertools.pairwise(values)]
    turns = sum(1 for before, after in itertools.pairwise(steps) if before * after < 0)
    change = sum(map(abs, steps)) / len(steps)
    noisy = len(values) >= 5 and turns >= len(steps) / 2 and change / size > SWING
    if noisy and abs(last - first) <= CLIMB * change:
        return "oscillating"
    if last > first + TREND * size:
        return "rising"
    if last < first - TREND * size:
        return "falling"
    return "flat" if abs(last - first) <= STEADY * size else ""


def turns_up(values: Sequence[float]) -> bool:
    """Whether a loss falls to a lowest value and ends well above it, as when overfitting."""
    if len(values) < FEWEST + 1 or not all(map(math.isfinite, values)):
        return False
    lowest = min(values)
    return values.index(lowest) <= 0.7 * len(values) and values[-1] > lowest + TREND * abs(lowest)


def first_bad(values: Sequence[float]) -> int:
    """The place of the first NaN or infinity, -1 when there is none."""
    return next((place for place, value in enumerate(values) if not math.isfinite(value)), -1)
