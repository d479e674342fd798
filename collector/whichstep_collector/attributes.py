"""Reads one attribute (`KeyValue`) from its bytes. Pure; raises `BadValue` for what no sender may send.

The common forms (a string, a small whole number, a double, a bool, in minimal encoding) are cut out of the bytes
directly; everything else goes through the stock protobuf classes, which decide.
"""

from __future__ import annotations

import struct
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from whichstep_collector.received import BadValue, Value

DEPTH_MAX = 32
"""Arrays and maps inside each other. Past this the span is refused: no instrumentation comes near."""


class AttributeReader(dict[bytes, tuple[str, Value]]):
    """Maps the bytes of a `KeyValue` to (key, value); each distinct attribute of a request is decoded once."""

    def __missing__(self, raw: bytes) -> tuple[str, Value]:
        pair = self[raw] = read_attribute(raw)
        return pair


def read_attribute(raw: bytes) -> tuple[str, Value]:
    """The key and value of an encoded `KeyValue`."""
    try:
        # 0A keylen key 12 vallen payload; the key is shorter than 128 bytes in practice
        key_end = raw[1] + 2
        size = len(raw) - key_end
        if raw[0] == 0x0A and key_end < 130 and raw[key_end] == 0x12:
            if size < 130:
                tag = raw[key_end + 2]
                if tag == 0x0A and raw[key_end + 3] == size - 4:
                    return raw[2:key_end].decode(), raw[key_end + 4 :].decode()
                if tag == 0x18 and size <= 5 and raw[key_end + 1] == size - 2:
                    return raw[2:key_end].decode(), _small_int(raw, key_end + 3)
                if tag == 0x21 and size == 11:
                    return raw[2:key_end].decode(), struct.unpack_from("<d", raw, key_end + 3)[0]
                if tag == 0x10 and size == 4:
                    return raw[2:key_end].decode(), raw[key_end + 3] != 0
            elif 134 <= size < 16387 and raw[key_end + 3] == 0x0A and _two(raw, key_end + 4) == size - 6:
                return raw[2:key_end].decode(), raw[key_end + 6 :].decode()
    except (IndexError, UnicodeDecodeError):
        pass  # the stock classes say what is wrong
    return _read_any_form(raw)


def read_value(raw: bytes) -> Value:
    """The value of an encoded `AnyValue` (a log's body)."""
    try:
        return _value(AnyValue.FromString(raw), 0)
    except DecodeError as error:
        raise BadValue("a value that protobuf cannot decode: invalid UTF-8, or nested too deeply") from error


def _small_int(raw: bytes, at: int) -> int:
    first = raw[at]
    if first < 0x80 and at + 1 == len(raw):
        return first
    return first & 0x7F | raw[at + 1] << 7 if raw[at + 1] < 0x80 and at + 2 == len(raw) else _varint(raw, at)


def _varint(raw: bytes, at: int) -> int:
    value = shift = 0
    for byte in raw[at:]:
        value |= (byte & 0x7F) << shift
        shift += 7
    return value


def _two(raw: bytes, at: int) -> int:
    return raw[at] & 0x7F | raw[at + 1] << 7 if raw[at] & 0x80 else -1


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
