"""What an expectation may say, and the file that says which tools are right for each task type: TOML, a table each.

    [refund_request]
    tools = ["lookup_order", "issue_refund"]
    ordered = true

Keys are those of `whichstep.expect`. A key or value that is none is an error with its line: a misspelt one would judge
every execution wrongly. Pure.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final


class ExpectationsError(ValueError):
    """The file cannot be used; the message has the line and the remedy."""


def parse(text: str, *, source: str) -> dict[str, str]:
    """The expectation of each task type, as JSON.

    Args:
        text: of the file.
        source: its name, for messages.

    Raises:
        ExpectationsError: it is no TOML, or a key or value is not known.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExpectationsError(f"{source}: {error}") from error
    for task_type, table in tables.items():
        if not isinstance(table, dict):
            line = _line(text, None, task_type)
            raise ExpectationsError(
                f"{source}, line {line}: {task_type!r} is no table; write [{task_type}] and tools = […]"
            )
        _check(table, task_type, text, source)
    return {task_type: json.dumps(table, sort_keys=True) for task_type, table in tables.items()}


def check(expectation: Mapping[str, Any]) -> str | None:
    """What is wrong with an expectation, in words with the key first; None where nothing is."""
    for key, value in expectation.items():
        if key not in _KEYS:
            return f"{key}: is no key of an expectation; keys are {', '.join(_KEYS)}"
        fits, wanted = _KEYS[key]
        if not fits(value):
            return f"{key}: is {json.dumps(value, default=str)[:80]}; write {wanted}"
    if not {"tools", "any_of", "escalation"} & expectation.keys():
        return "tools: an expectation says what is right: give tools, any_of or escalation"
    return None


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _choices(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(_names(choice) or isinstance(choice, str) for choice in value)
    )


def _arguments(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return all(
        isinstance(one, dict) for stated in value.values() for one in (stated if isinstance(stated, list) else [stated])
    )


_KEYS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "tools": (_names, 'a list of names, as ["lookup_order"]; an empty one says that none is right'),
    "ordered": (lambda value: isinstance(value, bool), "true or false"),
    "any_of": (_choices, 'a list of alternatives, as [["lookup_order"], ["search", "lookup_order"]]'),
    "allow_extra": (lambda value: isinstance(value, bool), "true or false"),
    "arguments": (_arguments, "for each tool its arguments, or a list of them, one a call"),
    "escalation": (lambda value: isinstance(value, bool), "true or false"),
}


KEYS: Final = tuple(_KEYS)


def _check(table: Mapping[str, Any], task_type: str, text: str, source: str) -> None:
    wrong = check(table)
    if wrong is not None:
        key, _, sentence = wrong.partition(": ")
        raise ExpectationsError(f"{source}, line {_line(text, task_type, key)}: {key} of {task_type} {sentence}")


def _line(text: str, table: str | None, key: str) -> int:
    """The line of a key: below the head of its table, else the table's own."""
    inside, found = table is None, 1
    head = re.compile(r"\s*\[\s*[\"']?(.+?)[\"']?\s*\]")
    for number, line in enumerate(text.splitlines(), start=1):
        matched = head.match(line)
        if matched:
            inside = table is not None and matched[1].split(".")[0].strip("\"' ") == table
            found = number if inside else found
            if inside and re.fullmatch(rf".*\.\s*[\"']?{re.escape(key)}[\"']?", matched[1]):
                return number
        elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]", line):
            return number
    return found
