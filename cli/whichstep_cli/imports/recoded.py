"""Text of two or four bytes a character, as spreadsheets and shells of Windows write it, as UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import IO, Any, Final

_MARKS: Final = (
    ("utf-32", (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)),  # before the other, whose mark is the start of this one's
    ("utf-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
)
_STARTS: Final = b'{["_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
"""A first character without a mark: of JSON, or of the name of a column. None begins an OTLP request."""
_FIRST: Final = tuple(
    (f"utf-{bits}-{end}", tuple(chr(letter).encode(f"utf-{bits}-{end}") for letter in _STARTS))
    for bits in (32, 16)
    for end in ("le", "be")
)


def wide_encoding(start: bytes) -> str | None:
    """The encoding of a text that starts so, by its mark or its first character; None for any other."""
    return next((encoding for encoding, marks in (*_MARKS, *_FIRST) if start.startswith(marks)), None)


class Recoded(io.RawIOBase):
    """A stream of text in another encoding, as UTF-8. Reading what is no such text raises UnicodeDecodeError."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._given = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fills as much of the buffer as one read of the stream gives."""
        found = b"-"
        while found and not self._given:
            found = self._stream.read(len(buffer))
            self._given = self._decoder.decode(found, final=not found).encode("utf-8", "replace")
        count = min(len(buffer), len(self._given))
        buffer[:count], self._given = self._given[:count], self._given[count:]
        return count
