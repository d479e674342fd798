"""Attributes as JSON whose long parts are references to content: what was received, without storing texts twice.

A reference stands where the value stood:
    {"$content": hash}               a string: the content's text
    {"$content": hash, "$at": "/a"}  the value at this JSON pointer ("" is all) of the content's text read as JSON
    {"$column": name}                a string: the text that stands whole in this column of the same row
    {"$json": value}                 a string that holds JSON of this value (the value is promised, not the bytes)
    {"$bytes": base64}               bytes
`restore` is the inverse. Strings of up to 256 characters stay inline; so do list items that encode to as much.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import orjson

from whichstep_collector.normalising.contents import Contents
from whichstep_collector.received import Attributes, Value

INLINE_MAX: Final = 256
_READ_AGAIN_FROM: Final = 256
_READ_AGAIN_BELOW: Final = 64 * 1024
_WALK_FROM: Final = 2048
"""Shorter JSON text is kept as one text: what is sent again and again grows past this within a few turns."""
_DEPTH_MAX: Final = 24
_READ_DEPTH_MAX: Final = 200
_JSON_BYTES_MAX: Final = 4 * 1024 * 1024
_MARKERS: Final = frozenset({"$content", "$column", "$json", "$bytes"})
_EXACT_MAX: Final = float(2**53)
_SHAPES: Final = bytes.maketrans(b"123456789E,]}\t\n\r", b"000000000e      ")
_LONG_NUMBER: Final = b"0" * 16
_EXPONENT: Final = re.compile(rb"0e\+?0{1,3} ")
"""At the end of a number: hex digits of an id look alike, but a quote or more digits follow."""
Shared = Mapping[str, Any]
"""Attribute key, or long text, to the reference that stands for it where it is kept already."""
_NONE: Final[Shared] = {}


def skeleton(
    attributes: Attributes, trace_id: bytes, contents: Contents, shared: Shared = _NONE, in_columns: Shared = _NONE
) -> bytes:
    """The attributes as JSON text; long parts go to `contents`, unless `shared` by key or `in_columns` by text."""
    changed: Attributes = {}
    for key, value in attributes.items():
        kind = type(value)
        if kind is str:
            if len(value) > INLINE_MAX:
                kept = shared.get(key) or in_columns.get(value)
                changed[key] = kept or _long_text(value, trace_id, contents)
        elif kind is tuple or kind is dict:
            changed[key] = _walk(value, trace_id, contents, 0)
    return dump({**attributes, **changed} if changed else attributes)


def dump(value: Value) -> bytes:
    """JSON text of any received value; NaN and infinities become null, bytes `{"$bytes": …}`."""
    return orjson.dumps(value, default=_bytes_marker)


def restore(value: Any, fetch: Callable[[str], str], row: Mapping[str, Any]) -> Any:  # noqa: PLR0911  (a form a line)
    """The JSON value that a skeleton of a row stands for. `fetch` gives the text of a hash (32 hex digits)."""
    if isinstance(value, list):
        return [restore(item, fetch, row) for item in value]
    if not isinstance(value, dict):
        return value
    if "$content" in value:
        text = fetch(value["$content"])
        return _at(orjson.loads(text), value["$at"]) if "$at" in value else text
    if "$column" in value:
        return row[value["$column"]]
    if "$json" in value:
        return orjson.dumps(restore(value["$json"], fetch, row)).decode()
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    return {key: restore(item, fetch, row) for key, item in value.items()}


def reference(digest: bytes, at: str | None = None) -> dict[str, str]:
    """A reference to content: its text, or the value at a JSON pointer in it."""
    return {"$content": digest.hex()} if at is None else {"$content": digest.hex(), "$at": at}


def column_reference(column: str) -> dict[str, str]:
    """A reference to the text in a column of the same row."""
    return {"$column": column}


def parse_json(text: str) -> Any:
    """The JSON value that a text holds if it holds an object or array, else None. Never raises.

    What reads it must not change it: a text that is read again soon, by a dialect, for its messages, to be taken apart,
    or in the next span, gives the same value.
    """
    if text[:1] not in {"{", "["} or len(text) > _JSON_BYTES_MAX:
        return None
    return _read_again(text) if _READ_AGAIN_FROM < len(text) < _READ_AGAIN_BELOW else _read(text)


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


_read_again: Final = lru_cache(32)(_read)
"""Frameworks hand a state down from span to span: of the long texts in recordings of eleven setups 38 % had come with a
span before, and a text is read by its dialect and again to be taken apart. At most 2 MB of texts are kept."""


def _long_text(text: str, trace_id: bytes, contents: Contents) -> Any:
    if len(text) <= _WALK_FROM:
        return reference(contents.add(trace_id, text))
    kept = contents.taken_apart.get((trace_id, text))  # frameworks hand the same values down from span to span
    if kept is None:
        kept = contents.taken_apart[trace_id, text] = _taken_apart(text, trace_id, contents)
    return kept


def _taken_apart(text: str, trace_id: bytes, contents: Contents) -> Any:
    value = parse_json(text)
    if value is None or (_may_be_inexact(text) and not _is_exact(value)):
        return reference(contents.add(trace_id, text))
    return {"$json": _walk(value, trace_id, contents, 0)}


def _may_be_inexact(text: str) -> bool:
    """Whether JSON text shows a sign of a number with many digits or an exponent, or of deep nesting.

    Most texts show none, and are settled for half of what looking at their values costs.
    """
    if text.count("{") + text.count("[") > _READ_DEPTH_MAX:
        return True
    shape = text.encode().translate(_SHAPES)
    return _LONG_NUMBER in shape or _EXPONENT.search(shape) is not None


def _is_exact(value: Any) -> bool:
    """Whether reading the JSON lost nothing: numbers too large for a double or 64 bits are kept as text.

    Level by level, by the types that occur: this looks at every value of every long JSON text.
    """
    level = [value]
    for _ in range(_READ_DEPTH_MAX + 1):
        kinds = set(map(type, level))
        if float in kinds and not all(-_EXACT_MAX < item < _EXACT_MAX for item in level if type(item) is float):
            return False
        if kinds.isdisjoint((dict, list)):
            return True
        objects = chain.from_iterable(item.values() for item in level if type(item) is dict)
        level = [*objects, *chain.from_iterable(item for item in level if type(item) is list)]
    return False


def _walk(value: Any, trace_id: bytes, contents: Contents, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return value if len(value) <= INLINE_MAX else reference(contents.add(trace_id, value))
    if kind is dict:
        if depth > _DEPTH_MAX or not _MARKERS.isdisjoint(value):
            return _whole(value, trace_id, contents)
        return {
            key: item if type(item) is str and len(item) <= INLINE_MAX else _walk(item, trace_id, contents, depth + 1)
            for key, item in value.items()
        }
    if kind is list or kind is tuple:
        if depth > _DEPTH_MAX:
            return _whole(value, trace_id, contents)
        return [_item(item, trace_id, contents, depth + 1) for item in value]
    return value


def _item(item: Any, trace_id: bytes, contents: Contents, depth: int) -> Any:
    """An item of a list: a message, a document. Kept whole, so that a list that is sent again refers to it again."""
    if type(item) is not dict:
        return _walk(item, trace_id, contents, depth)
    text = dump(item)
    if len(text) <= INLINE_MAX and b'"$' not in text:  # what looks like a reference, at any depth, is no inline value
        return item
    return reference(contents.add(trace_id, text.decode()), "")


def _whole(value: Any, trace_id: bytes, contents: Contents) -> dict[str, str]:
    return reference(contents.add(trace_id, dump(value).decode()), "")


def _bytes_marker(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"no JSON for {type(value).__name__}")


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step.replace("~1", "/").replace("~0", "~")]
    return value
