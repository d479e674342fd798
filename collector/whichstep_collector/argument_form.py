"""The arguments of a request as a form, and back, for the light page and the dashboard. Pure, standard library only.

A field that was left as it was shown keeps its very value, so an edit changes what somebody changed and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

FIELDS_MAX: Final = 40
HIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that nobody sees, or that make others look like something else."""


class Field(NamedTuple):
    """One argument in a form: its name, what kind of input it is, its present value as text, what it may be."""

    name: str
    kind: str
    """text, number, boolean, choice or json."""
    value: str
    choices: tuple[str, ...] = ()


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
