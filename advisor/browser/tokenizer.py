"""What the browser needs to tokenize as the Rust library does: vocabulary and character classes.

The Rust library's tables of Unicode are those of no browser, so its classes are read off it.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import normalizers, pre_tokenizers

from advisor.errors import AdvisorError


def tokenizer_spec(folder: Path) -> dict[str, Any]:
    """What tokenizer.js needs of the tokenizer in an encoder's folder.

    Character classes are sorted runs [first, last, first, last, …] of code points. Raises
    AdvisorError for a tokenizer that is not uncased BERT WordPiece, the one kind that runs there.
    """
    spec = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    model, normalizer = spec["model"], spec["normalizer"]
    wanted = {"clean_text": True, "handle_chinese_chars": True, "lowercase": True}
    if (
        model["type"] != "WordPiece"
        or model["continuing_subword_prefix"] != "##"
        or normalizer["type"] != "BertNormalizer"
        or normalizer["strip_accents"] not in (None, True)
        or any(normalizer[name] is not value for name, value in wanted.items())
        or spec["pre_tokenizer"] != {"type": "BertPreTokenizer"}
        or any(token["normalized"] or token["single_word"] for token in spec["added_tokens"])
    ):
        raise AdvisorError(
            f"The tokenizer in '{folder}' is of a kind that the site's script does not know.",
            "Only uncased BERT tokenizers run in the browser.",
        )
    by_id = sorted(model["vocab"], key=model["vocab"].get)
    special = {token["content"]: token["id"] for token in spec["added_tokens"]}
    return {
        "vocabulary": by_id,
        "special": list(special.items()),
        "unknown": special[model["unk_token"]],
        "begin": special["[CLS]"],
        "end": special["[SEP]"],
        "longestWord": model["max_input_chars_per_word"],
        "removed": _runs(_removed()),
        "marks": _runs(_marks()),
        "punctuation": _runs(_punctuation()),
    }


def _characters() -> list[str]:
    """Every character but the halves of surrogate pairs."""
    return [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]


def _normalized(characters: Iterable[str], **steps: bool) -> set[str]:
    off = dict.fromkeys(("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), False)
    normalizer = normalizers.BertNormalizer(**{**off, **steps})
    return set(normalizer.normalize_str("".join(characters)))


def _removed() -> list[str]:
    """Control and invisible characters."""
    every = _characters()
    kept = _normalized(every, clean_text=True)
    # What the library takes for a space becomes a plain one and so is not kept either.
    spaces = {item for item in every if unicodedata.category(item)[0] == "Z"} | {*"\t\n\r"}
    return [item for item in every if item not in kept and item not in spaces]


def _marks() -> set[str]:
    """Accents and other marks that stand on the letter before them."""
    every = "".join(_characters())
    # What is decomposed is not kept as it is either, so only what decomposes to itself counts.
    return set(normalizers.NFD().normalize_str(every)) - _normalized(every, strip_accents=True)


def _punctuation() -> list[str]:
    """Characters that are a token of their own."""
    # Letters and digits never are; leaving them out saves 4 seconds.
    text = "".join(
        f"a{item}"
        for item in _characters()
        if not item.isalnum() and unicodedata.category(item) not in ("Cn", "Co")
    )
    pieces = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)
    return [piece for piece, _ in pieces if len(piece) == 1 and piece != "a"]


def _runs(characters: Iterable[str]) -> list[int]:
    runs: list[int] = []
    for point in sorted({ord(item) for item in characters}):
        if runs and runs[-1] == point - 1:
            runs[-1] = point
        else:
            runs += [point, point]
    return runs
