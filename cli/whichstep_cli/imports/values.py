"""Values of records, read leniently: every function takes anything and gives None for what it cannot use."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.imports.steps import Attributes, as_json

NANOSECONDS: Final = 1_000_000_000
_FRACTION: Final = re.compile(r"[.,](\d+)")
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
_JSON_STARTS: Final = ("{", "[", '"')


def first(record: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first key that has one: exports write the same field in camel case and in snake case."""
    return next((record[key] for key in keys if record.get(key) not in (None, "")), None)


def text(value: Any) -> str | None:
    """Text that is not empty; numbers as text."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def mapping(value: Any) -> dict[str, Any]:
    """An object, also one that is written as JSON text; else an empty one."""
    found = parsed(value)
    return found if isinstance(found, dict) else {}


def listed(value: Any) -> list[Any]:
    """A list, also one that is written as JSON text; else an empty one."""
    found = parsed(value)
    return found if isinstance(found, list) else []


def parsed(value: Any) -> Any:
    """What JSON text holds; any other value as it is. CSV and Parquet exports write nested values as JSON."""
    if isinstance(value, str) and value.startswith(_JSON_STARTS):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [item for item in listed(value) if isinstance(item, str) and item]


def count(value: Any) -> int | None:
    """A whole number that is not negative."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found.is_integer() else None


def number(value: Any) -> float | None:
    """A finite number, also as text or Decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal) or value == "":
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def nanoseconds(value: Any) -> int | None:
    """A moment in ns since the epoch: ISO 8601 (UTC where it names no zone), a datetime, or a number by its size.

    None for a number that is no time of 1973 to 2099 in any unit, as a date of digits alone or seconds since a start,
    and for moments that no span can have: a zero time, a sentinel at the end of all days.
    """
    found = _moment(value)
    return found if found is not None and 0 < found <= _MOMENT_MAX else None


def _moment(value: Any) -> int | None:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return int(moment.timestamp()) * NANOSECONDS + moment.microsecond * 1000
    if isinstance(value, date):
        return _moment(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return _iso(value.strip())
    if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool):
        return _counted(Decimal(str(value)))
    return None


_MOMENT_MAX: Final = 2**63 - 1
_SCALES: Final = (NANOSECONDS, 1_000_000, 1000, 1)
_YEARS: Final = (100_000_000, 4_102_444_800)
"""In seconds: March 1973 and 2100. Between them no number is a time in two units."""


def _counted(number_: Decimal) -> int | None:
    """Seconds, milliseconds, microseconds or nanoseconds since the epoch."""
    moments = (number_ * scale for scale in _SCALES if number_.is_finite())
    return next((int(found) for found in moments if _YEARS[0] <= found / NANOSECONDS < _YEARS[1]), None)


def _iso(said: str) -> int | None:
    said = said.removesuffix(" UTC")
    fraction = _FRACTION.search(said)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", said, count=1))
    except ValueError:
        return None
    whole = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * NANOSECONDS
    return whole + (int(fraction[1][:9].ljust(9, "0")) if fraction else 0)


def is_messages(value: Any) -> bool:
    """Whether a value is a list of chat messages."""
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, dict) and _is_message(item) for item in value)
    )


def _is_message(item: Mapping[str, Any]) -> bool:
    if "lc" in item and "kwargs" in item:
        return True  # LangChain's own form
    return isinstance(item.get("role"), str) or (item.get("type") in _LANGCHAIN_TYPES and "content" in item)


_LANGCHAIN_TYPES: Final = ("human", "ai", "system", "tool", "function")


def messages_in(value: Any) -> list[Any] | None:
    """The chat messages that a value is or holds under `messages`; of a batch of one, those of the one."""
    found = parsed(value)
    if isinstance(found, dict):
        if is_messages([found]):
            return [found]
        found = found.get("messages")
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    return found if is_messages(found) else None


def said_in(value: Any, messages_key: str, key: str) -> Attributes:
    """An input or output under the name that fits it: chat messages, or a value."""
    if value in (None, "", [], {}):
        return {}
    messages = messages_in(value)
    if messages is not None:
        return {messages_key: as_json([_plain(message) for message in messages])}
    return {key: value if isinstance(value, str) else as_json(value)}


def _plain(message: Mapping[str, Any]) -> Any:
    """A message in a form that says its role; LangChain's flat form says its type."""
    if "role" in message or "kwargs" in message:
        return message
    return {"type": message["type"], "data": {name: value for name, value in message.items() if name != "type"}}


def metadata(values: Mapping[str, Any], *, without: Iterable[str] = ()) -> Attributes:
    """Scalars of a metadata object as attributes of their own."""
    left_out = frozenset(without)
    return {
        f"{names.METADATA_PREFIX}{key}": value
        for key, value in values.items()
        if isinstance(value, str | int | float | bool) and value != "" and key not in left_out
    }


def parameters(values: Mapping[str, Any]) -> Attributes:
    """Parameters of a model call (temperature, max_tokens, …) in OpenTelemetry's names."""
    return {
        f"{names.REQUEST_PREFIX}{key}": value
        for key, value in values.items()
        if key in _PARAMETERS and isinstance(value, str | int | float | bool) and value != ""
    }


_PARAMETERS: Final = frozenset({
    "temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty", "presence_penalty",
})  # fmt: skip
