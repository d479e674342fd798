"""Reads one attribute (`KeyValue`) from its bytes. Pure; raises `BadValue` for what no sender may send.

The common forms (a string, a small whole number, a double, a bool, in minimal encoding) are cut out of the bytes
directly; everything else goes through the stock protobuf classes, which decide.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from whichstep_collector.received import Attributes, BadValue, Value

DEPTH_MAX: Final = 32
"""Arrays and maps inside each other. Past this the span is refused: no instrumentation comes near."""


_KNOWN_BYTES_MAX: Final = 200
"""Longer attributes are texts: they seldom recur, and hashing them costs as much as reading them."""


class AttributeReader:
    """Reads the attributes of one request. Short ones that occur again are the same objects: they are read once.

    Of long ones, texts nearly always, the encoded key is known after the first: what is left is to check that the text
    fills the rest, and to cut it out.
    """

    __slots__ = ("_keys", "_known")

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, Value]] = {}
        self._keys: dict[bytes, str] = {}
        """`0A keylen key 12` to the key."""

    def read(self, encoded: Iterable[bytes]) -> Attributes:
        """The attributes of encoded `KeyValue`s; the last of equal keys wins."""
        known, keys, found = self._known, self._keys, {}
        for raw in encoded:
            size = len(raw)
            if size <= _KNOWN_BYTES_MAX:
                pair = known.get(raw)
                if pair is None:
                    pair = known[raw] = read_attribute(raw)
                found[pair[0]] = pair[1]
                continue
            at = raw[1] + 3
            key = keys.get(raw[:at])
            if key and raw[at + 2] == 0x0A and raw[at + 3] - 0x80 | raw[at + 4] << 7 == size - at - 5 < 16384:
                try:
                    found[key] = raw[at + 5 :].decode()
                    continue
                except UnicodeDecodeError:
                    pass  # the stock classes say what is wrong
            key, found[key] = self._read_long(raw, at)
        return found

    def _read_long(self, raw: bytes, at: int) -> tuple[str, Value]:
        key, value = read_attribute(raw)
        if raw[0] == 0x0A and at < 131 and raw[at - 1] == 0x12 and raw[2 : at - 1] == key.encode():
            self._keys[raw[:at]] = key
        return key, value


def read_attribute(raw: bytes) -> tuple[str, Value]:
    """The key and value of an encoded `KeyValue`."""
    try:
        # 0A keylen key 12 vallen payload; a string's payload is 0A len text. One byte of length is below 128, two below
        # 16384; the inner length must fill the rest exactly, so that nothing else is taken for this form.
        at = raw[1] + 2
        if raw[0] == 0x0A and at < 130 and raw[at] == 0x12:
            size = len(raw) - at
            if size > 133:
                if size < 16387 and raw[at + 3] == 0x0A and raw[at + 4] & 0x7F | raw[at + 5] << 7 == size - 6:
                    return raw[2:at].decode(), raw[at + 6 :].decode()
            elif size < 130:
                tag = raw[at + 2]
                if tag == 0x0A and raw[at + 3] == size - 4:
                    return raw[2:at].decode(), raw[at + 4 :].decode()
                if (value := _scalar(raw, at, tag, size)) is not None:
                    return raw[2:at].decode(), value
    except (IndexError, UnicodeDecodeError):
        pass  # the stock classes say what is wrong
    return _read_any_form(raw)


def _scalar(raw: bytes, at: int, tag: int, size: int) -> int | float | bool | None:
    """A bool, a double or a small whole number in minimal form; None for anything else."""
    if raw[at + 1] != size - 2:
        return None
    if tag == 0x18 and size == 4 and raw[at + 3] < 0x80:
        return raw[at + 3]
    if tag == 0x18 and size == 5 and raw[at + 3] >= 0x80 > raw[at + 4]:
        return raw[at + 3] & 0x7F | raw[at + 4] << 7
    if tag == 0x21 and size == 11:
        number: float = struct.unpack_from("<d", raw, at + 3)[0]
        return number
    if tag == 0x10 and size == 4:
        return raw[at + 3] != 0
    return None


def read_value(raw: bytes) -> Value:
    """The value of an encoded `AnyValue` (a log's body)."""
    try:
        return _value(AnyValue.FromString(raw), 0)
    except DecodeError as error:
        raise BadValue("a value that protobuf cannot decode: invalid UTF-8, or nested too deeply") from error


def _read_any_form(raw: bytes) -> tuple[str, Value]:
    try:
        pair = KeyValue.FromString(raw)
    except DecodeError as error:
        raise BadValue("an attribute that protobuf cannot decode: invalid UTF-8, or nested too deeply") from error
    return pair.key, _value(pair.value, 0)


def _value(any_value: Any, depth: int) -> Value:
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if depth >= DEPTH_MAX:
        raise BadValue(f"an attribute nested deeper than {DEPTH_MAX} levels")
    if kind == "array_value":
        return tuple(_value(item, depth + 1) for item in any_value.array_value.values)
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in any_value.kvlist_value.values}
    if kind == "string_value_strindex":  # of the profiles signal only
        return None
    return getattr(any_value, kind)
