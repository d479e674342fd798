"""Whether a tool's result says that the tool failed, where no status does. Flags are believed, words are a guess."""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep_collector.normalising.skeleton import parse_json

_SIGN: Final = re.compile(r'"(?:status|error|isError|is_error)"')
_FAILED: Final = frozenset({"error", "failed", "failure"})
_MESSAGES: Final = ("error_message", "error", "message", "detail", "reason", "content")
_BESIDE_ERROR: Final = frozenset(
    {"error", "error_message", "error_type", "message", "code", "type", "detail", "details"}
)
_BLOCKS: Final = ('[{"type":"text"', '[{"type": "text"')
_WORDS: Final = re.compile(
    r"(?:ERROR|Error)(?: executing tool(?: \S+)?:|:| (?=[A-Z]\w+(?:Error|Exception|Timeout|Failure|Exceeded):)) ?"
    r"|(?:[A-Za-z_]\w*\.)*(?=[A-Z]\w*(?:Error|Exception|Timeout|Failure|Exceeded): )"
)


def failure_in(value: Any) -> str | None:
    """The message of a result that says the tool failed, '' where it gives none; None for any other result."""
    if isinstance(value, str):
        if value.startswith(_BLOCKS):
            return failure_in(parse_json(value))
        if value[:1] != "{":
            match = _WORDS.match(value)
            return value[match.end() :] if match else None
        if _SIGN.search(value) is None:
            return None
        value = parse_json(value)
    if isinstance(value, list):
        return _failure_in_blocks(value)
    return _failure_of(value) if isinstance(value, dict) else None


def text_of(value: Any) -> Any:
    """The text of a result that is one block of text, as MCP and Anthropic have it; else the value itself."""
    if isinstance(value, str) and not value.startswith(_BLOCKS):
        return value
    blocks = parse_json(value) if isinstance(value, str) else value
    only = blocks[0] if isinstance(blocks, list) and len(blocks) == 1 else None
    text = only.get("text") if isinstance(only, dict) and only.get("type") == "text" else None
    return text if isinstance(text, str) else value


def _failure_in_blocks(blocks: list[Any]) -> str | None:
    """Content as MCP and Anthropic have it, in blocks: the first text says it."""
    first = blocks[0] if blocks else None
    text = first.get("text") if isinstance(first, dict) and first.get("type") == "text" else None
    return failure_in(text) if isinstance(text, str) and not text.startswith(_BLOCKS) else None


def _failure_of(found: dict[str, Any]) -> str | None:
    status = found.get("status")
    failed = (
        (isinstance(status, str) and status.lower() in _FAILED)
        or found.get("isError") is True
        or found.get("is_error") is True
        or bool(found.get("error") and found.keys() <= _BESIDE_ERROR)
    )
    if not failed:
        return None
    return next(
        (said for name in _MESSAGES if isinstance(said := found.get(name), str) and said.lower() not in _FAILED), ""
    )
