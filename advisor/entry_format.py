"""The file format of an entry: YAML front matter, then a body of closed headings."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from advisor.entry import COMPUTED_FIELDS, FRONT_MATTER_FIELDS, Entry
from advisor.errors import BadEntry
from advisor.safe_text import cleaned
from advisor.vocabulary import BODY_HEADINGS, OBSERVABLES, SEED_HEADINGS

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ID_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Pages of the site that are not entries.
RESERVED_IDS = ("index", "messages", "origins")
_FENCE = re.compile(r"^(?:---)[ \t]*$", re.MULTILINE)
# libyaml parses an entry in 1 ms, the pure Python loader in 12 ms.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# 1 MB is a hundred times the longest entry; larger files are not entries.
MAX_ENTRY_BYTES = 1_000_000

SAMPLES = {
    "title": "title: Learning rate above the stability limit",
    "category": "category: optimization",
    "symptoms": "symptoms:\n  - loss goes to nan after a few hundred steps",
    "checks": "checks:\n  - do: Divide the learning rate by 10 and rerun 300 steps.\n"
    "    expect: The loss falls smoothly if the rate was the cause.",
    "remedies": "remedies:\n  - do: Warm up linearly over the first 1,000 steps.\n"
    "    cost: Nothing.\n    effect: The early spike is gone.",
    "sources": "sources:\n  - title: Karpathy, A Recipe for Training Neural Networks\n"
    "    url: https://karpathy.github.io/2019/04/25/recipe/\n"
    "    supports: the order of checks\n    seen: 2026-11-24",
    "observables": "observables:\n  train_loss: [rising, nan]\n  onset: [first-hundred-steps]",
    "reviewed": "reviewed: 2026-11-24",
    "evidence": "evidence: established",
}


@functools.cache
def entry_adapter() -> TypeAdapter[Entry]:
    """The pydantic validator of `Entry`; built once, on first use."""
    # Deferred: pydantic takes 90 ms with the validator, and a ready index needs neither.
    from pydantic import TypeAdapter

    return TypeAdapter(Entry)


def schema() -> dict[str, Any]:
    """The JSON schema of the front matter, for editors that check YAML while one types."""
    whole = entry_adapter().json_schema()
    for name in COMPUTED_FIELDS:
        whole["properties"].pop(name, None)
    whole["required"] = [name for name in whole["required"] if name not in COMPUTED_FIELDS]
    whole["properties"]["observables"] = {
        "description": "What one would see in a log: name -> the values this cause produces.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {
                "description": question,
                "type": "array",
                "minItems": 1,
                "items": {"enum": list(values)},
            }
            for name, (question, values) in OBSERVABLES.items()
        },
    }
    whole["properties"]["seed"]["enum"] = [None, *SEED_HEADINGS]
    whole["title"] = "Front matter of a dladvisor entry"
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return whole


def parse(text: str, path: str, wordings: tuple[str, ...] = ()) -> Entry:
    """The entry that `text` holds; raises BadEntry with file, line, code and a sample to copy."""
    identifier = Path(path).stem
    if not ID_PATTERN.fullmatch(identifier) or identifier in RESERVED_IDS:
        raise BadEntry(
            f"The file name '{identifier}' is not kebab-case, or is the name of a generated page.",
            path,
            hint="Use lower-case words joined by hyphens: learning-rate-too-high.md",
            code="KB003",
        )
    front, front_line, body, body_line = _split(text, path)
    header = _load_front_matter(front, front_line, path)
    unknown = [name for name in header if name not in FRONT_MATTER_FIELDS]
    if unknown:
        raise BadEntry(
            f"'{unknown[0]}' is not a field of an entry.",
            path,
            _line_of(front, (unknown[0],), front_line),
            "The fields are: " + ", ".join(FRONT_MATTER_FIELDS) + ".",
        )
    _check_closed_lists(header, front, front_line, path)
    sections = _sections(body, body_line, path)
    values = {
        **header,
        "id": identifier,
        "why": sections.get("Why", ""),
        "example": sections.get("Example", ""),
        "otherwise": sections.get("When it is something else", ""),
        "wordings": wordings,
        "path": path,
    }
    # An entry of a stranger must not reach a terminal or a browser with escapes in it.
    return _validated(cleaned(values), front, front_line, path)


def read(path: Path) -> Entry:
    """The entry in the file at `path` with its companion wordings, if there are any."""
    text = read_text(path)
    companion = path.parent / "wordings" / f"{path.stem}.txt"
    wordings: tuple[str, ...] = ()
    if companion.is_file():
        lines = (" ".join(line.split()) for line in read_text(companion).splitlines())
        wordings = tuple(line for line in lines if line and not line.startswith("#"))
    return parse(text, str(path), wordings)


def read_text(path: Path) -> str:
    """The UTF-8 text of a file of the knowledge base; raises BadEntry when it is none."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        sentence = f"The file cannot be read: {error.strerror}."
        raise BadEntry(sentence, str(path), 1, "", "KB001") from error
    if len(raw) > MAX_ENTRY_BYTES:
        raise BadEntry("The file is larger than 1 MB.", str(path), 1, "", "KB001")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadEntry("The file is not valid UTF-8.", str(path), line, "", "KB001") from error


def _split(text: str, path: str) -> tuple[str, int, str, int]:
    """Front matter, its first line number, body, its first line number."""
    fences = list(_FENCE.finditer(text))
    if not text.startswith("---") or len(fences) < 2:
        raise BadEntry(
            "The file does not begin with front matter between two lines of '---'.",
            path,
            hint="Begin the file with:\n---\ntitle: Learning rate above the stability limit",
            code="KB001",
        )
    front = text[fences[0].end() + 1 : fences[1].start()]
    return front, 2, text[fences[1].end() :], text[: fences[1].end()].count("\n") + 1


def _load_front_matter(front: str, first_line: int, path: str) -> dict[str, Any]:
    try:
        header = yaml.load(front, Loader=_LOADER)  # noqa: S506 - a safe loader, libyaml's if there
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = first_line + (mark.line if mark else 0)
        problem = getattr(error, "problem", None) or str(error)
        raise BadEntry(
            f"The front matter is not valid YAML: {problem}.",
            path,
            line,
            "Quote a text that holds ': ' or begins with a special character.",
            "KB001",
        ) from error
    if not isinstance(header, dict):
        raise BadEntry("The front matter is not a list of 'name: value' lines.", path, code="KB001")
    return {str(name): value for name, value in header.items()}


def _check_closed_lists(header: dict[str, Any], front: str, first: int, path: str) -> None:
    """Observables and seed, whose closed lists are told better here than by pydantic."""
    observables = header.get("observables")
    if isinstance(observables, dict):
        for name, values in observables.items():
            where = _line_of(front, ("observables", name), first)
            if name not in OBSERVABLES:
                raise BadEntry(
                    f"'{name}' is not an observable.",
                    path,
                    where,
                    "The observables are: " + ", ".join(OBSERVABLES) + ".",
                    "KB012",
                )
            if isinstance(values, str):
                values = [values]
                observables[name] = values
            wrong = [str(v) for v in values or [""] if v not in OBSERVABLES[name][1]]
            if wrong:
                raise BadEntry(
                    f"'{wrong[0]}' is not a value of the observable '{name}'.",
                    path,
                    where,
                    "Its values are: " + ", ".join(OBSERVABLES[name][1]) + ".",
                    "KB012",
                )
    seed = header.get("seed")
    if seed is not None and seed not in SEED_HEADINGS:
        raise BadEntry(
            f"'{seed}' is not a heading of the original note.",
            path,
            _line_of(front, ("seed",), first),
            "The headings are: " + "; ".join(SEED_HEADINGS) + ".",
            "KB017",
        )


def _sections(body: str, first_line: int, path: str) -> dict[str, str]:
    """The body by heading; raises BadEntry for unknown, repeated or misplaced headings."""
    found: dict[str, list[str]] = {}
    order: list[str] = []
    fenced = False
    for number, line in enumerate(body.split("\n"), start=first_line):
        if line.startswith("```"):
            fenced = not fenced
        if line.startswith("#") and not fenced:
            name = line.lstrip("#").strip()
            if not line.startswith("## ") or name not in BODY_HEADINGS or name in found:
                raise BadEntry(
                    f"'{line.strip()}' is not a heading of an entry, or stands twice.",
                    path,
                    number,
                    "The headings, in this order: ## " + ", ## ".join(BODY_HEADINGS) + ".",
                    "KB006",
                )
            order.append(name)
            found[name] = []
        elif order:
            found[order[-1]].append(line)
        elif line.strip():
            raise BadEntry(
                "Text stands before the first heading.", path, number, "Begin with ## Why.", "KB006"
            )
    if order != [name for name in BODY_HEADINGS if name in found] or "Why" not in found:
        raise BadEntry(
            "The body's headings are not in order, or '## Why' is missing.",
            path,
            first_line,
            "The headings, in this order: ## " + ", ## ".join(BODY_HEADINGS) + ".",
            "KB006",
        )
    if fenced:
        raise BadEntry("A code fence is not closed.", path, first_line, "End it with ```.", "KB006")
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def _validated(values: dict[str, Any], front: str, first_line: int, path: str) -> Entry:
    from pydantic import ValidationError

    try:
        return entry_adapter().validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = tuple(first["loc"])
        name = ".".join(str(part) for part in where)
        top = str(where[0]) if where else ""
        raise BadEntry(
            f"Field '{name}': {_plain(first)}",
            path,
            _line_of(front, where, first_line),
            SAMPLES.get(top, f"See the field '{top}' in kb/schema.json."),
        ) from error


def _plain(error: Any) -> str:
    """pydantic's finding in the words of the format."""
    kind = error["type"]
    if kind in ("missing", "missing_argument"):
        return "it is missing."
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return "there is no such field."
    if kind == "literal_error":
        return f"'{error['input']}' is not in the closed list: {error['ctx']['expected']}."
    return str(error["msg"]).replace("Tuple", "The list").rstrip(".") + "."


def _line_of(front: str, path: tuple[Any, ...], first_line: int) -> int:
    """The line of the file that holds the value at `path` of the front matter."""
    node = yaml.compose(front, Loader=_LOADER)
    line: int = node.start_mark.line if node else 0
    for part in path:
        if isinstance(node, yaml.MappingNode):
            match = [(k, v) for k, v in node.value if k.value == str(part)]
            if not match:
                break
            line, node = match[0][0].start_mark.line, match[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return first_line + line
