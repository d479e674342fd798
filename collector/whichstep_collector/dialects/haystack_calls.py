"""The tool calls that a Haystack agent tells of: by its messages, or by the error that ended its run.

The agent sends a tool's error to the model, flagged, or raises it; its words are the same either way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from whichstep_collector.dialects.haystack_values import read_pieces
from whichstep_collector.normalising.failures import Failure, short_type
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.normalising.told import Call, is_unique

_FAILED: Final = re.compile(
    r"Failed to invoke Tool `(?P<tool>[^`]+)` with parameters (?P<arguments>\{.*?\})\. Error: (?P<message>.*)",
    re.DOTALL,
)
_CAUSE: Final = re.compile(
    r"^(?P<type>[A-Za-z_][\w.]*)(?::[^\n]*)?\n+The above exception was the direct cause of", re.MULTILINE
)


def calls_made(output: Any) -> list[Call]:
    """The calls since the user's last words that an agent's output has results of, in order."""
    pieces = read_pieces(output)
    last = max((number for number, (role, _) in enumerate(pieces) if role == "user"), default=-1)
    results = (piece.get("tool_call_result", piece) for _, piece in pieces[last + 1 :])
    return [_call(result, result["origin"]) for result in results if isinstance(result.get("origin"), dict)]


def failed_call(exception: Mapping[str, Any]) -> Call | None:
    """The call whose error ended the run, with the type of the error that the tool itself raised."""
    if short_type(str(exception.get("exception.type"))) != "ToolInvocationError":
        return None
    said = _FAILED.match(str(exception.get("exception.message")))
    if said is None:
        return None
    cause = _CAUSE.search(str(exception.get("exception.stacktrace")))
    failure = Failure(True, short_type(cause["type"]) if cause else None, said["message"])
    return Call(said["tool"], None, read_python(said["arguments"]), failure=failure)


def _call(result: dict[str, Any], origin: dict[str, Any]) -> Call:
    call_id, response = origin.get("id"), result.get("result")
    return Call(
        origin.get("tool_name"),
        call_id if is_unique(call_id) else None,
        origin.get("arguments"),
        response,
        _failure(response) if result.get("error") is True else None,
    )


def _failure(response: Any) -> Failure:
    return Failure(True, None, words_of_failure(str(response)))


def words_of_failure(said: str) -> str:
    """The tool's own words, without Haystack's before them."""
    found = _FAILED.match(said)
    return found["message"] if found else said
