"""Decisions of people as examples: what was proposed, what a reviewer made of it, and what became of it. Pure.

An example is a plain JSON object, the same for the same decision, so that a file of them can be written again and
compared. `expectation` has the form of `whichstep.expect`: what was approved, as it was approved, was a right call;
others may have been, too. A rejection says that a call was wrong and not which one is right: it expects nothing (null).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from whichstep_store.filters import format_time

Example = dict[str, Any]
PREVIEW_LENGTH: Final = 1024
"""Characters of an execution's input in its row; longer ones are cut."""
_JSON: Final = ("arguments", "evidence", "edited_arguments")
_KEPT: Final = (
    "execution_id", "step_id", "purpose", "task_id", "task_type", "agent", "release", "environment", "input", "action",
    "summary", "arguments", "evidence", "risk_level", "rule", "decision", "edited_arguments", "reason", "decided_by",
)  # fmt: skip
_OUTCOME: Final = ("used", "action_failed", "success", "success_source", "failure_kind")


def of_decision(row: Mapping[str, Any]) -> Example:
    """The example of a row of query `approval_examples`; times are ns in it, and text in the example."""
    read = {**row, **{name: None if row[name] is None else json.loads(row[name]) for name in _JSON}}
    return {
        "example_id": row["approval_id"],
        "source": "approvals",
        **{name: read[name] for name in _KEPT},
        "created_at": format_time(row["created_at"]),
        "decided_at": format_time(row["decided_at"]),
        "outcome": {name: row[name] for name in _OUTCOME},
        "expectation": _expectation(read),
    }


def whole_input(preview: str | None, texts: Iterable[str]) -> str | None:
    """An execution's input in full: of what its steps were given the longest that begins with the preview.

    A step is given a text, or a conversation (JSON) of which the input is one message.
    """
    if preview is None or len(preview) < PREVIEW_LENGTH:
        return preview
    said = (words for text in texts for words in (text, *_messages(text)) if words.startswith(preview))
    return max(said, key=len, default=preview)


def _messages(text: str) -> Iterator[str]:
    """The texts of a conversation; none of what is no conversation."""
    try:
        messages = json.loads(text) if text.startswith("[") else []
    except json.JSONDecodeError:
        return
    for message in messages:
        parts = message.get("parts") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and isinstance(words := part.get("content"), str):
                yield words


def expectations(examples: Iterable[Example]) -> dict[str, dict[str, Any]]:
    """What holds of each execution by all of its examples: execution id to expectation."""
    found: dict[str, dict[str, Any]] = {}
    for example in examples:
        stated, execution_id = example.get("expectation"), example.get("execution_id")
        if stated and execution_id:
            found[execution_id] = _both(found.get(execution_id), stated)
    return found


def _expectation(read: Mapping[str, Any]) -> dict[str, Any] | None:
    if read["decision"] not in ("approve", "edit"):
        return None
    arguments = read["arguments"] if read["edited_arguments"] is None else read["edited_arguments"]
    stated = {"tools": [read["action"]], "allow_extra": True}
    return {**stated, "arguments": {read["action"]: [arguments]}} if isinstance(arguments, dict) else stated


def _both(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> dict[str, Any]:
    """Both hold: all calls of either, with the arguments of each."""
    if one is None:
        return dict(other)
    arguments = {name: list(calls) for name, calls in one.get("arguments", {}).items()}
    for name, calls in other.get("arguments", {}).items():
        arguments.setdefault(name, []).extend(calls)
    both = {"tools": [*one["tools"], *other["tools"]], "allow_extra": True}
    return {**both, "arguments": arguments} if arguments else both
