"""How instrumentations wrap what a function was called with and what it returned, under any convention."""

from __future__ import annotations

from typing import Any, Final

import orjson

from whichstep_collector.normalising.python_text import read_literal
from whichstep_collector.normalising.skeleton import parse_json

_ARGS: Final = frozenset({"args", "kwargs"})
_WRAPPING: Final = frozenset({"args", "kwargs", "sanitize_inputs_outputs"})
_CONVERSATIONS: Final = ("messages", "input", "contents")
_TEXT_LENGTH_MAX: Final = 1024 * 1024


def unquoted(value: Any) -> Any:
    """The text that a JSON string holds; anything else as it is."""
    if isinstance(value, str) and value[:1] == '"' and value[-1:] == '"' and 1 < len(value) < _TEXT_LENGTH_MAX:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def arguments_of(value: Any) -> Any:
    """The arguments out of {"args": [], "kwargs": {…}}: by name, or the only one; else the value itself."""
    said = unquoted(value)
    found = parse_json(said) if isinstance(said, str) else said
    if not isinstance(found, dict) or not found or not found.keys() <= _WRAPPING or _ARGS.isdisjoint(found):
        return read_literal(said) if said is not value else value
    args, kwargs = found.get("args"), found.get("kwargs")
    if not args:
        return kwargs
    return args[0] if not kwargs and isinstance(args, list) and len(args) == 1 else found


def is_request(value: Any) -> bool:
    """Whether a model call's input is the request of a client, with the tools that it offers.

    Who tells that sees the client alone; a framework's call tells its messages.
    """
    found = parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or not isinstance(found.get("tools"), list):
        return False
    return any(isinstance(found.get(name), list) for name in _CONVERSATIONS)


def words_of(value: Any) -> Any:
    """The only text among a call's arguments, which is what was asked; else the value itself."""
    found = arguments_of(value)
    if isinstance(found, str):
        found = parse_json(found) or found
    if not isinstance(found, dict):
        return found
    said = [item for name, item in found.items() if isinstance(item, str) and item and not name.startswith("__")]
    return said[0] if len(said) == 1 else value
