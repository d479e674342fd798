"""JSON documents of any size as records: the items of an array, of an array that a document wraps, or the documents.

Parsed piece by piece (ijson), so that a file larger than memory is read in the memory of its largest record. NaN and
the infinities, which Python writes and JSON does not have, are null here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any, Final, Protocol

import ijson
import orjson
from ijson.common import IncompleteJSONError, JSONError

from whichstep_cli.imports.limits import DEPTH_MAX, RECORD_BYTES_MAX, Skipped, TooLargeError

ENVELOPES: Final = frozenset({"data", "resourceSpans", "resourceLogs", "samples", "runs", "traces", "observations"})
"""Arrays whose items are records of their own where they stand in a document's first level."""
Item = tuple[Any, dict[str, Any], str]
_READ: Final = 64 << 10
_TOKENS: Final = re.compile(rb'(")[^"\\]*+(?:\\.[^"\\]*+)*+(")?|-?\b(?:NaN|Infinity)\b', re.DOTALL)
"""Strings, of which the last may go on, and what is no JSON."""
_PART: Final = re.compile(rb"[-\w]{0,16}\Z")
"""What may be the first part of such a token where a piece ends."""


class Readable(Protocol):
    """What can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes."""


def documents(stream: Readable | IO[bytes]) -> Iterator[Item | Skipped]:
    """Records with what stands before them in their document, and the name of the array that they are in.

    Raises:
        TooLargeError: the text is broken, or holds a record that is too large.
    """
    bounded = _Bounded(_Plain(stream))
    events = ijson.basic_parse(bounded, multiple_values=True, use_float=True, buf_size=_READ)
    try:
        for event, value in events:
            if event == "start_array":
                yield from _items(events, bounded, {}, "")
            elif event == "start_map":
                yield from _object(events, bounded)
            else:
                yield not_a_record(value)
    except IncompleteJSONError as error:
        raise TooLargeError("the text ends in the middle of a record, or is no JSON") from error
    except (JSONError, UnicodeDecodeError) as error:
        raise TooLargeError("the text is no JSON") from error


def loaded(text: bytes) -> Any:
    """The value of a whole document.

    Raises:
        ValueError: it is no JSON, or nested too deep for a parser.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # what it refuses and Python writes: NaN, lone surrogates
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def not_a_record(value: object) -> Skipped:
    """What is said of a scalar where a record should be."""
    return Skipped(f"a {type(value).__name__} is no record")


def _object(events: Iterator[tuple[str, Any]], bounded: _Bounded) -> Iterator[Item | Skipped]:
    """The document itself, unless it wraps records: then those, and nothing more of it than stands before them."""
    header: dict[str, Any] = {}
    wraps = False
    for event, key in events:
        if event == "end_map":
            break
        kind, value = next(events)
        if key in ENVELOPES and kind == "start_array" and not _is_record(header):
            wraps = True
            yield from _items(events, bounded, header, key)
        else:
            header[key] = _value(kind, value, events, 1)
    bounded.forget()
    if not wraps:
        yield header, {}, ""


def _is_record(header: dict[str, Any]) -> bool:
    """Whether what came before says that the document is a record that merely has such an array: a trace, a run."""
    return "id" in header


def _items(
    events: Iterator[tuple[str, Any]], bounded: _Bounded, header: dict[str, Any], within: str
) -> Iterator[Item | Skipped]:
    bounded.forget()
    for event, value in events:
        if event == "end_array":
            return
        found = _value(event, value, events, 1)
        bounded.forget()
        if isinstance(found, dict | list):
            yield found, header, within
        else:
            yield not_a_record(found)


def _value(event: str, value: Any, events: Iterator[tuple[str, Any]], depth: int) -> Any:
    if depth > DEPTH_MAX:
        raise TooLargeError(f"a record is nested deeper than {DEPTH_MAX} levels")
    if event == "start_map":
        found: dict[str, Any] = {}
        for kind, key in events:
            if kind == "end_map":
                break
            found[key] = _value(*next(events), events, depth + 1)
        return found
    if event == "start_array":
        items = []
        for kind, item in events:
            if kind == "end_array":
                break
            items.append(_value(kind, item, events, depth + 1))
        return items
    return value


class _Plain:
    """A stream of JSON with null for what Python writes and no parser takes."""

    def __init__(self, stream: Readable | IO[bytes]) -> None:
        self._stream = stream
        self._kept = b""
        """Read and not given: the part of a token at the end of what was read."""
        self._within = False
        """What was given ends within a string; then no more than a backslash is kept."""

    def read(self, size: int = -1) -> bytes:
        """About `size` bytes; none at the end alone."""
        while size:  # ijson asks for nothing, to see what it is given
            found = self._stream.read(size)
            given = self._given(found)
            if given or not found:
                return given
        return b""

    def _given(self, found: bytes) -> bytes:
        text = (b'"' if self._within else b"") + self._kept + found
        start, last = int(self._within), None

        def plain(token: re.Match[bytes]) -> bytes:
            nonlocal last
            last = token
            return token[0] if token[1] else b"null"

        given = _TOKENS.sub(plain, text)
        self._within = last is not None and bool(last[1]) and not last[2]
        rest = text[last.end() :] if last is not None else text
        if not self._within and (part := _PART.search(rest)):
            rest = part[0]
        self._kept = rest if found else b""
        return given[start : len(given) - len(self._kept)]


class _Bounded:
    """Ends the reading of a record that goes on for too long."""

    def __init__(self, stream: Readable | IO[bytes]) -> None:
        self._stream = stream
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, at most `RECORD_BYTES_MAX` a record."""
        found = self._stream.read(size)
        self._read += len(found)
        if self._read > RECORD_BYTES_MAX + _READ:
            raise TooLargeError(f"a record has over {RECORD_BYTES_MAX >> 20} MiB")
        return found

    def forget(self) -> None:
        """A record is whole: the next one may be as large."""
        self._read = 0
