"""Text from Slack made plain, and text for Slack that can be neither markup nor a mention."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from advisor.safe_text import clipped, printable

_ENTITY = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def plain(text: str) -> str:
    """What a person typed: links as their address, channels by name, mentions left out."""

    def shown(found: re.Match[str]) -> str:
        sign, target, label = found.groups()
        if sign in ("@", "!"):
            return ""
        return f"#{label or target}" if sign == "#" else target.removeprefix("mailto:")

    return " ".join(html.unescape(_ENTITY.sub(shown, text)).split(" ")).strip()


def written(message: Mapping[str, Any]) -> str:
    """A message's text, or what a program's message says in its attachments."""
    if text := str(message.get("text") or "").strip():
        return text
    found = [
        str(part.get(name) or "")
        for part in message.get("attachments") or ()
        for name in ("pretext", "title", "text" if part.get("text") else "fallback")
    ]
    return "\n".join(filter(None, found))


def escaped(text: str) -> str:
    """Text for places that Slack reads as markup (notifications): no entity survives."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text: str, most: int) -> str:
    """The text on one line, cut with an ellipsis."""
    return clipped(" ".join(printable(text).split()), most)


def pieces(text: str, most: int) -> list[str]:
    """The text in pieces of at most `most` characters, cut at lines or words where possible."""
    found = []
    while len(text) > most:
        cut = max(text.rfind("\n", 0, most), text.rfind(" ", 0, most))
        cut = cut + 1 if cut > most // 2 else most
        found.append(text[:cut])
        text = text[cut:]
    return [*found, text] if text else found
