"""A file of any kind to its records, one in memory at a time. The kind is told by content, never by name.

JSON lines, JSON documents and arrays of any size, CSV, Parquet, zip archives, OTLP protobuf, each also gzipped. Nothing
is trusted: a record may have `RECORD_BYTES_MAX` bytes and `DEPTH_MAX` levels, whatever a header promises, and nothing
is ever unpacked to disk. What is too large or broken is told as a `Skipped`, and reading goes on where it can.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from typing import IO, Any, Final, cast

from whichstep_cli.imports.json_stream import ENVELOPES, documents, loaded, not_a_record
from whichstep_cli.imports.limits import RECORD_BYTES_MAX, Skipped, TooLargeError
from whichstep_cli.imports.recoded import Recoded, wide_encoding
from whichstep_cli.imports.tables import parquet_records
from whichstep_cli.imports.values import is_messages
from whichstep_cli.imports.zipped import zip_records

_PEEK: Final = 4096
_LINE_MODE_MAX: Final = 4 << 20
"""A first line longer than this is read as a stream: it may be a whole export on one line."""
_WHOLE_MAX: Final = 4 << 20
"""A document up to this size is read at once: quicker, and with the forms that a strict parser refuses."""
_DELIMITERS: Final = ",;\t"
_BLANK: Final = b" \t\r\n\xef\xbb\xbf"


@dataclass(slots=True)
class Record:
    """One record of a file."""

    value: Any
    """A JSON value; bytes of a protobuf request."""
    header: dict[str, Any] = field(default_factory=dict)
    """What stands around it: the fields before the array that it is in, the header of its archive."""
    within: str = ""
    """Name of that array, as `data` or `resourceSpans`."""


def records(file: BufferedReader) -> Iterator[Record | Skipped]:
    """Every record of a file, in order.

    Raises:
        TooLargeError: something is too large to go on behind it; what came before has been given.
        OSError, ValueError: the file cannot be read.
    """
    if file.peek(2)[:2] != b"\x1f\x8b":
        yield from _records(file)
        return
    with gzip.GzipFile(fileobj=file) as unpacked:
        try:
            yield from _records(BufferedReader(cast("io.RawIOBase", unpacked)))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise TooLargeError(f"the compressed data is cut or broken: {error}") from error


def _records(stream: BufferedReader) -> Iterator[Record | Skipped]:
    start = stream.peek(_PEEK)[:_PEEK]
    if (encoding := wide_encoding(start)) is not None:
        stream = BufferedReader(Recoded(stream, encoding))
        start = stream.peek(_PEEK)[:_PEEK]
    text = start.lstrip(_BLANK)
    if start.startswith(b"PK\x03\x04"):
        yield from (_record(item) for item in zip_records(stream))
    elif start.startswith(b"PAR1"):
        yield from (_record(item) for item in parquet_records(stream))
    elif text[:1] in (b"{", b"["):
        yield from _json(stream)
    elif _is_text(text):
        yield from _csv(stream)
    elif text or len(start) == _PEEK:
        yield _whole(stream)


def _record(item: Skipped | tuple[Any, dict[str, Any], str]) -> Record | Skipped:
    return item if isinstance(item, Skipped) else Record(*item)


def _json(stream: IO[bytes]) -> Iterator[Record | Skipped]:
    """Lines where the first one is a whole document, else one stream of documents."""
    first = stream.readline(_LINE_MODE_MAX).removeprefix(b"\xef\xbb\xbf")
    while first and not first.strip():
        first = stream.readline(_LINE_MODE_MAX)
    if first.endswith(b"\n") and (found := _document(first)) is not None and _is_line(found):
        yield from _opened(found)
        yield from _lines(stream)
        return
    head = first + stream.read(_WHOLE_MAX + 1 - len(first))
    small = _document(head) if len(head) <= _WHOLE_MAX else None
    if small is None:
        yield from (_record(item) for item in documents(_Joined(head, stream)))
    elif isinstance(small, dict):
        yield from _opened(small)
    else:
        yield from (_record(_item(item, {}, "")) for item in small)


def _is_line(document: Any) -> bool:
    """Whether a document on one line is one of many: an object, or a list of objects, as messages are."""
    return isinstance(document, dict) or all(isinstance(item, dict) for item in document)


def _lines(stream: IO[bytes]) -> Iterator[Record | Skipped]:
    number = 1
    while line := stream.readline(RECORD_BYTES_MAX + 1):
        number += 1
        if len(line) > RECORD_BYTES_MAX:
            _skip_line(stream, line)
            yield Skipped(f"a line has over {RECORD_BYTES_MAX >> 20} MiB", f"line {number}")
        elif line.strip():
            document = _document(line)
            if document is None:
                yield Skipped("a line is not JSON", f"line {number}")
            else:
                yield from _opened(document)


def _skip_line(stream: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(1 << 20)


def _document(line: bytes) -> Any:
    """The object or array that a text is; None for anything else."""
    try:
        found = loaded(line)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _opened(document: Any) -> Iterator[Record | Skipped]:
    """A document on a line as its records: those of the array that it is or wraps, or itself, as a list of messages."""
    if isinstance(document, list) and not is_messages(document):
        yield from (_record(_item(item, {}, "")) for item in document)
        return
    if isinstance(document, dict) and "id" not in document:
        for name, items in document.items():
            if name in ENVELOPES and isinstance(items, list):
                header = {key: value for key, value in document.items() if value is not items}
                yield from (_record(_item(item, header, name)) for item in items)
                return
    yield Record(document)


def _item(item: Any, header: dict[str, Any], within: str) -> Skipped | tuple[Any, dict[str, Any], str]:
    return (item, header, within) if isinstance(item, dict | list) else not_a_record(item)


def _is_text(start: bytes) -> bool:
    """Whether a file that is no JSON can be CSV: printable, with a delimiter in its first line."""
    head = start.split(b"\n", 1)[0]
    printable = b"\0" not in start and all(byte >= 0x20 or byte in b"\t\r" for byte in head)
    return printable and any(mark in head for mark in _DELIMITERS.encode())


def _csv(stream: BufferedReader) -> Iterator[Record | Skipped]:
    csv.field_size_limit(RECORD_BYTES_MAX)
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    lines = itertools.dropwhile(lambda line: not line.strip(), _text_lines(text))
    number = 0
    try:
        head = next(lines, "")
        delimiter = max(_DELIMITERS, key=head.count)
        rows = csv.reader(itertools.chain([head], lines), delimiter=delimiter, strict=True)
        names = next(rows, [])
        for number, row in enumerate(rows, 1):
            if len(row) == len(names):
                yield Record({name: value for name, value in zip(names, row, strict=True) if value})
            elif row:
                yield Skipped("a row without the columns of the header", f"row {number}")
    except UnicodeDecodeError as error:
        raise TooLargeError(f"after row {number}: the text is not UTF-8") from error
    except csv.Error as error:
        raise TooLargeError(f"after row {number}: {error}") from error
    finally:
        text.detach()  # the file belongs to whoever opened it


def _text_lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(RECORD_BYTES_MAX + 1):
        if len(line) > RECORD_BYTES_MAX:
            raise TooLargeError(f"a line has over {RECORD_BYTES_MAX >> 20} MiB")
        yield line


def _whole(stream: IO[bytes]) -> Record | Skipped:
    body = stream.read(RECORD_BYTES_MAX + 1)
    if len(body) > RECORD_BYTES_MAX:
        return Skipped(f"a request has over {RECORD_BYTES_MAX >> 20} MiB")
    return Record(body)


class _Joined:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        return self._head.read(size) or self._rest.read(size)
