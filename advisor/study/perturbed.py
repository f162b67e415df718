"""The same question as tired, hurried people send it: typos, capitals, pasted logs and more."""

from __future__ import annotations

import random
from collections.abc import Callable

_KEYS = "qwertyuiopasdfghjklzxcvbnm"


def typos(text: str, dice: random.Random) -> str:
    """One letter in every seventh word is doubled, dropped, swapped or replaced."""

    def spoilt(word: str) -> str:
        if len(word) < 4 or not word.isalpha() or dice.random() > 1 / 7:
            return word
        place = dice.randrange(1, len(word) - 1)
        first, here, rest = word[:place], word[place], word[place + 1 :]
        return dice.choice(
            (
                first + here + here + rest,
                first + rest,
                first + rest[:1] + here + rest[1:],
                first + dice.choice(_KEYS) + rest,
            )
        )

    return " ".join(spoilt(word) for word in text.split())


def missing_spaces(text: str, dice: random.Random) -> str:
    """Every tenth space is lost."""
    return "".join(word + ("" if dice.random() < 0.1 else " ") for word in text.split(" ")).rstrip()


def capitals(text: str, _: random.Random) -> str:
    """ALL CAPS."""
    return text.upper()


def markdown(text: str, dice: random.Random) -> str:
    """An issue template with headings, bold words, a list and a code fence."""
    words = [f"**{w}**" if dice.random() < 0.1 else w for w in text.split()]
    return (
        "### Describe the bug\n\n- [x] I have searched the issues\n\n> "
        + " ".join(words)
        + "\n\n```python\nmodel = build(cfg)\nfor x, y in loader:\n    step(model, x, y)\n```\n"
        "### Versions\n| package | version |\n|---|---|\n| python | 3.11 |\n"
    )


def traceback(text: str, dice: random.Random) -> str:
    """200 lines of frames before the words."""
    frames = []
    for number in range(100):
        file = dice.choice(("trainer", "loop", "module", "functional", "loader", "main"))
        frames += [
            f'  File "/opt/conda/lib/python3.11/site-packages/app/{file}.py", line {number + 7}, '
            f"in {dice.choice(('run', 'forward', 'step', '_call_impl', 'fit'))}",
            f"    out = self.{dice.choice(('layer', 'model', 'run', 'block'))}(x, **kwargs)",
        ]
    return "\n".join(["Traceback (most recent call last):", *frames, "", text])


def log(text: str, dice: random.Random) -> str:
    """The words, and 60 lines of a training log after them."""
    lines = [
        f"[{number:05d}] epoch {number // 20} step {number * 50} "
        f"lr 3.0e-04 time {dice.uniform(0.2, 0.4):.3f}s"
        for number in range(60)
    ]
    return "\n".join([text, "", *lines])


def other_languages(text: str, _: random.Random) -> str:
    """A greeting and thanks in other languages around the words."""
    return (
        f"Hallo zusammen, ich habe ein Problem und komme nicht weiter: {text} "
        "¿Alguien sabe qué puede ser? Gracias de antemano. 谢谢大家的帮助!"
    )


PERTURBATIONS: dict[str, Callable[[str, random.Random], str]] = {
    "typos": typos,
    "missing spaces": missing_spaces,
    "capitals": capitals,
    "issue template": markdown,
    "traceback of 200 lines": traceback,
    "training log": log,
    "other languages around": other_languages,
}


def perturb(name: str, text: str, seed: int = 0) -> str:
    """`text` changed by the perturbation of that name; the same seed gives the same text."""
    # The text is part of the seed: otherwise all texts would be spoilt at the same places.
    return PERTURBATIONS[name](text, random.Random(f"{seed} {text}"))  # noqa: S311 - no secrets
