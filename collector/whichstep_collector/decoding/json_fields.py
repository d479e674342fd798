"""Reads single fields of OTLP/JSON objects. Absent and null mean the default; a wrong type raises `BadValue`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

from whichstep_collector.decoding.attributes import DEPTH_MAX
from whichstep_collector.received import Attributes, BadValue, Value


def members(owner: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, empty where absent."""
    value = owner.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadValue(f"{name} must be a list of objects")
    return value


def member(owner: dict[str, Any], name: str) -> dict[str, Any]:
    """An object, empty where absent."""
    value = owner.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadValue(f"{name} must be an object")
    return value


def text(owner: dict[str, Any], name: str) -> str:
    """A text, empty where absent."""
    value = owner.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValue(f"{name} must be a string")
    return value


def identifier(owner: dict[str, Any], name: str, said: str) -> bytes:
    """An id out of hex of any case; `said` is its name in messages."""
    value = owner.get(name)
    if value is None:
        snake = said.replace("link ", "")
        if snake in owner:
            raise BadValue(f"{snake} is snake_case; OTLP/JSON names are lowerCamelCase: {name}")
        return b""
    if not isinstance(value, str):
        raise BadValue(f"{said} must be hex text")
    try:
        return binascii.unhexlify(value)
    except (binascii.Error, ValueError) as error:
        raise BadValue(f"{said} is not hex (OTLP/JSON ids are hex, not base64)") from error


def unsigned(owner: dict[str, Any], name: str) -> int:
    """A number of 64 bits without sign, 0 where absent."""
    value = owner.get(name)
    if value is None:
        return 0
    number = _integer(value, name)
    if not 0 <= number < 2**64:
        raise BadValue(f"{name} is out of range")
    return number


def _integer(value: Any, name: str) -> int:
    """A 64-bit number as JSON senders write it: a number, a decimal string, or a whole float such as 1.7e18."""
    try:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
    except ValueError:
        pass
    raise BadValue(f"{name} must be a whole number")


def enumeration(owner: dict[str, Any], name: str, names: dict[str, int]) -> int:
    """An enum's number, from a number, its text, or a known name; 0 where absent."""
    value = owner.get(name)
    if value is None:
        return 0
    if isinstance(value, str) and value in names:
        return names[value]
    number = _integer(value, name)
    if not -(2**31) <= number < 2**31:
        raise BadValue(f"{name} is out of range")
    return number


def attributes(owner: dict[str, Any], name: str = "attributes", depth: int = 0) -> Attributes:
    """Attributes out of a list of key and value; the last of equal keys wins."""
    pairs = owner.get(name)
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        raise BadValue(f'{name} must be a list of {{"key": …, "value": {{"stringValue": …}}}}, not an object map')
    found: Attributes = {}
    for pair in pairs:
        if not isinstance(pair, dict):
            raise BadValue(f"{name} must hold objects with key and value")
        found[text(pair, "key")] = any_value(pair.get("value"), depth)
    return found


def any_value(value: Any, depth: int) -> Value:
    """A value out of its `AnyValue` object; unknown kinds are empty values."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadValue('a bare attribute value; OTLP/JSON wraps it: {"stringValue": …}')
    if depth >= DEPTH_MAX:
        raise BadValue(f"an attribute nested deeper than {DEPTH_MAX} levels")
    for kind, given in value.items():
        if given is not None and (read := _VALUES.get(kind)) is not None:
            return read(given, depth)
    return None


def _string_value(given: Any, _depth: int) -> str:
    if not isinstance(given, str):
        raise BadValue("stringValue must be a string")
    return given


def _bool_value(given: Any, _depth: int) -> bool:
    if not isinstance(given, bool):
        raise BadValue("boolValue must be true or false")
    return given


def _int_value(given: Any, _depth: int) -> int:
    number = _integer(given, "intValue")
    if not -(2**63) <= number < 2**63:
        raise BadValue("intValue is out of range")
    return number


def _double_value(given: Any, _depth: int) -> float:
    try:
        if isinstance(given, (int, float, str)) and not isinstance(given, bool):
            return float(given)
    except (ValueError, OverflowError):
        pass
    raise BadValue('doubleValue must be a number, "NaN", "Infinity" or "-Infinity"')


def _bytes_value(given: Any, _depth: int) -> bytes:
    try:
        text = given.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, ValueError) as error:
        raise BadValue("bytesValue must be base64") from error


def _array_value(given: Any, depth: int) -> tuple[Value, ...]:
    if not isinstance(given, dict):
        raise BadValue("arrayValue must be an object with values")
    values = given.get("values")
    if values is None:
        return ()
    if not isinstance(values, list):
        raise BadValue("arrayValue.values must be a list")
    return tuple(any_value(item, depth + 1) for item in values)


def _kvlist_value(given: Any, depth: int) -> Attributes:
    if not isinstance(given, dict):
        raise BadValue("kvlistValue must be an object with values")
    return attributes(given, "values", depth + 1)


_VALUES: Final[dict[str, Callable[[Any, int], Value]]] = {
    "stringValue": _string_value,
    "intValue": _int_value,
    "boolValue": _bool_value,
    "doubleValue": _double_value,
    "arrayValue": _array_value,
    "kvlistValue": _kvlist_value,
    "bytesValue": _bytes_value,
}
