"""The arguments of a request to be read, and as a form and back: light page and dashboard. Pure, standard library only.

What is too long is cut value by value, so that no long one keeps another out of sight. A field that was left as it was
shown keeps its very value, so an edit changes what somebody changed and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

FIELDS_MAX: Final = 40
SHOWN_MAX: Final = 100
"""Arguments shown at first, and entries of a list or object in one."""
TEXT_SHOWN: Final = 2000
"""Characters of an argument shown at first."""
_INNER_SHOWN: Final = 500
HIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that nobody sees, or that make others look like something else."""


class Field(NamedTuple):
    """One argument in a form: its name, what kind of input it is, its present value as text, what it may be."""

    name: str
    kind: str
    """text, number, boolean, choice or json."""
    value: str
    choices: tuple[str, ...] = ()


class Shown(NamedTuple):
    """Arguments to be read: names and texts, and whether anything is left out (which the texts say, too)."""

    arguments: list[tuple[str, str]]
    is_cut: bool


def shown(arguments: Mapping[str, Any], *, whole: bool = False) -> Shown:
    """The arguments one by one: a text as it is, with its lines; all else, and a text that looks like it, as JSON."""
    if whole:
        return Shown([(name, _written(value)) for name, value in arguments.items()], is_cut=False)
    names = list(arguments)[:SHOWN_MAX]
    found = [(name, _cut_text(_written(_cut(arguments[name])), TEXT_SHOWN)) for name in names]
    left = len(arguments) - len(names)
    rest = [("…", f"and {left:,} more arguments")] if left else []
    return Shown([*found, *rest], is_cut=bool(rest) or found != shown(arguments, whole=True).arguments)


def _written(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=HIDDEN.search(str(value)) is not None, indent=2)
    hidden = HIDDEN.search(value) is not None
    return json.dumps(value, ensure_ascii=hidden) if hidden or not value.strip() or _is_json(value) else value


def _cut(value: Any, *, inner: bool = False) -> Any:
    """A value without what is too long in it, with how much that is."""
    if isinstance(value, str):
        return _cut_text(value, _INNER_SHOWN) if inner else value
    if isinstance(value, list):
        left = len(value) - SHOWN_MAX
        return [*(_cut(one, inner=True) for one in value[:SHOWN_MAX]), *([f"… and {left:,} more"] if left > 0 else [])]
    if isinstance(value, dict):
        left = len(value) - SHOWN_MAX
        kept = {name: _cut(value[name], inner=True) for name in list(value)[:SHOWN_MAX]}
        return {**kept, **({"…": f"and {left:,} more"} if left > 0 else {})}
    return value


def _cut_text(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} … and {len(text) - limit:,} more characters"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def unshown_fields(item: Mapping[str, Any]) -> int:
    """How many arguments the form has no field for; an edit leaves them as they are."""
    return max(len(item["edited_arguments"] or item["arguments"]) - FIELDS_MAX, 0)


def fields(item: Mapping[str, Any]) -> list[Field]:
    """The arguments as a form: by the schema of the tool where there is one, else by the values that they have."""
    schema = (item["arguments_schema"] or {}).get("properties")
    schema = schema if isinstance(schema, dict) else {}
    arguments = item["edited_arguments"] or item["arguments"]
    names = [*arguments, *(name for name in schema if name not in arguments)]
    return [_field(name, arguments.get(name), schema.get(name)) for name in names[:FIELDS_MAX]]


def read_fields(shown: Iterable[Field], form: Mapping[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as a form sends them; a field that was left as it was shown keeps its very value.

    Raises:
        ValueError: a field does not hold what it has to; the message names it.
    """
    changed = dict(arguments)
    for number, field in enumerate(shown):
        sent = form.get(f"argument.{number}")
        if sent is None or newlines(sent) == newlines(field.value):
            continue
        changed[field.name] = _value(field, sent)
    return changed


def _field(name: str, value: Any, schema: Any) -> Field:
    schema = schema if isinstance(schema, dict) else {}
    choices = schema.get("enum")
    if isinstance(choices, list) and choices and all(isinstance(choice, str) for choice in choices):
        return Field(name, "choice", str(value) if value is not None else "", tuple(choices))
    kind = schema.get("type")
    if isinstance(value, bool) or (value is None and kind == "boolean"):
        return Field(name, "boolean", "" if value is None else json.dumps(value), ("true", "false"))
    if isinstance(value, int | float) or (value is None and kind in {"number", "integer"}):
        return Field(name, "number", "" if value is None else json.dumps(value))
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    hidden = HIDDEN.search(written) is not None  # as JSON they are seen, and survive the browser
    if (isinstance(value, str) and not hidden) or (value is None and kind == "string"):
        return Field(name, "text", value or "")
    return Field(name, "json", "" if value is None else json.dumps(value, ensure_ascii=hidden, indent=1))


def _value(field: Field, sent: str) -> Any:
    if field.kind in {"text", "choice"}:
        return newlines(sent)
    try:
        value = json.loads(sent, parse_constant=_no_number)
    except ValueError:
        value = ...
    fits = {
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "json": value is not ...,
    }
    if not fits[field.kind]:
        raise ValueError(f"{field.name} is to be {'a number' if field.kind == 'number' else field.kind}")
    return value


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def newlines(text: str) -> str:
    """Return a text with the line breaks that it had before a browser sent it."""
    return text.replace("\r\n", "\n")
