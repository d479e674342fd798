"""Request bodies decompressed within a limit. Pure; a bomb costs no more than the limit.

gzip may have several members. `deflate` means the zlib wrapper, but some clients send it raw. zstd is there when the
package `zstandard` is.
"""

from __future__ import annotations

import io
import zlib
from typing import Final

from whichstep_collector.refusals import CORRUPT, TOO_LARGE, UNSUPPORTED_CODING, Refused

try:
    import zstandard
except ImportError:  # zstd is offered only where the package is installed
    zstandard = None  # type: ignore[assignment]

_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15
_PIECE_BYTES: Final = 1 << 16
# A member needs 20 bytes on the wire and far more work here; real clients send one.
_MEMBERS_MAX: Final = 1000
_ZSTD_WINDOW_BYTES_MAX: Final = 8 << 20


def decompressed(body: bytes, coding: str, *, bytes_max: int) -> bytes:
    """Return the body without its content coding.

    Args:
        body: as received.
        coding: the value of Content-Encoding, or of gRPC's; empty for none.
        bytes_max: largest result.

    Raises:
        Refused: UNSUPPORTED_CODING, CORRUPT or TOO_LARGE.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return _bounded(body, bytes_max)
    if coding == "gzip":
        return _inflated(body, _GZIP_WINDOW, bytes_max)
    if coding == "deflate":
        return _inflated(body, _ZLIB_WINDOW if _has_zlib_header(body) else _RAW_WINDOW, bytes_max)
    if coding == "zstd" and zstandard is not None:
        return _unzstd(body, bytes_max)
    raise Refused(UNSUPPORTED_CODING)


def _inflated(body: bytes, window: int, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    room, offset = bytes_max, 0
    for _ in range(_MEMBERS_MAX):
        part, used = _member(memoryview(body)[offset:], window, room)
        parts.append(part)
        room -= len(part)
        offset += used
        if window != _GZIP_WINDOW or not body[offset : offset + 1].strip(b"\0"):
            break
    if body[offset:].strip(b"\0"):  # zero padding is legal behind a gzip member
        raise Refused(CORRUPT)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _member(data: memoryview, window: int, room: int) -> tuple[bytes, int]:
    """Return one inflated stream and how many bytes of the data it took."""
    inflater = zlib.decompressobj(window)
    parts: list[bytes] = []
    used = 0
    try:
        while not inflater.eof and (used < len(data) or inflater.unconsumed_tail):
            piece = inflater.unconsumed_tail or bytes(data[used : used + _PIECE_BYTES])
            used += 0 if inflater.unconsumed_tail else len(piece)
            part = inflater.decompress(piece, room + 1)
            room -= len(part)
            parts.append(part)
            if room < 0:
                raise Refused(TOO_LARGE)
    except zlib.error as error:
        raise Refused(CORRUPT) from error
    if not inflater.eof:
        raise Refused(CORRUPT)
    return b"".join(parts), used - len(inflater.unused_data)


def _has_zlib_header(body: bytes) -> bool:
    """Whether the two first bytes are those of RFC 1950."""
    return len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _unzstd(body: bytes, bytes_max: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES_MAX)
    result = io.BytesIO()
    try:
        with decompressor.stream_reader(body, read_across_frames=True) as reader:
            while piece := reader.read(_PIECE_BYTES):
                result.write(piece)
                if result.tell() > bytes_max:
                    raise Refused(TOO_LARGE)
    except zstandard.ZstdError as error:
        raise Refused(CORRUPT) from error
    return result.getvalue()


def _bounded(body: bytes, bytes_max: int) -> bytes:
    if len(body) > bytes_max:
        raise Refused(TOO_LARGE)
    return body
