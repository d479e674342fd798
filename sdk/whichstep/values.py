"""Values of the host as bounded text, and never an exception out of a strange object.

Texts stay texts; everything else becomes compact JSON. What is too long keeps its JSON shape by shortening its long
strings; only then is the text itself cut. Standard library only.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, NamedTuple

DEPTH_MAX: Final = 32
ITEMS_MAX: Final = 10_000
STRING_STEPS: Final = (16_384, 4_096, 1_024, 256, 64)
"""Lengths to which long strings are cut, in turn, until a value fits."""
CUT_MARK: Final = "…"
DUMPS: Final = ("model_dump", "to_dict", "dict", "_asdict")
"""Methods by which objects of common libraries give their fields."""


class Text(NamedTuple):
    """A value as text, and whether something of it was left out."""

    text: str
    truncated: bool


def bounded(value: Any, *, characters_max: int) -> Text:
    """The value as text of at most `characters_max` characters: strings as they are, the rest as compact JSON."""
    text = _clean(value) if type(value) is str else to_json(value)
    if len(text) <= characters_max:
        return Text(text, truncated=False)
    return Text(_shorten(value, text, characters_max), truncated=True)


def to_json(value: Any) -> str:
    """The value as compact JSON; objects that JSON does not know are described as well as they allow."""
    try:
        return _clean(_encode(value))
    except (TypeError, ValueError, RecursionError):
        return _clean(_encode(plain(value)))
    except Exception:  # noqa: BLE001  a foreign object's own code failed; the host must not notice
        return _encode(_described(value))


def canonical_json(value: Any) -> str:
    """The value as JSON with sorted keys, for a digest: the whole of it, where it is what JSON can hold.

    What JSON refuses (cycles, NaN, keys of several types, more levels than the stack) is told as `plain` tells it.
    """
    try:
        return _encode_sorted(value)
    except Exception:  # noqa: BLE001  a foreign object's own code may fail in any way
        try:
            return _encode_sorted(plain(value))
        except Exception:  # noqa: BLE001  see above
            return _encode_sorted(_described(value))


def plain(value: Any, *, string_max: int | None = None, above: tuple[int, ...] = ()) -> Any:
    """The value in JSON's own types: no cycle, no NaN, no keys but strings, at most 10,000 items and 32 levels.

    Args:
        value: Anything.
        string_max: Longer strings are cut to this many characters.
        above: Identities of the containers around the value; the caller leaves it out.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return _plain_leaf(value, string_max)
    if len(above) >= DEPTH_MAX or id(value) in above:
        return CUT_MARK
    inner, above = _opened(value), (*above, id(value))
    if isinstance(inner, Mapping):
        pairs = itertools.islice(inner.items(), ITEMS_MAX)
        return {str(key): plain(item, string_max=string_max, above=above) for key, item in pairs}
    if isinstance(inner, (list, tuple, set, frozenset)):
        # Sets have another order in each process.
        items = itertools.islice(sorted(inner, key=repr) if isinstance(inner, (set, frozenset)) else inner, ITEMS_MAX)
        return [plain(item, string_max=string_max, above=above) for item in items]
    return plain(inner, string_max=string_max, above=above)


def _plain_leaf(value: str | float | None, string_max: int | None) -> str | float | None:
    if isinstance(value, str) and string_max is not None and len(value) > string_max:
        return value[:string_max] + CUT_MARK
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _opened(value: Any) -> Any:
    """A dataclass, pydantic model or mapping-like object as a mapping; iterables as they are; the rest described."""
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if type(value).__name__ == "Decimal" and value.is_finite():
        return int(value) if value == int(value) else float(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    for method in () if isinstance(value, type) else DUMPS:
        with contextlib.suppress(Exception):  # a foreign method failed or needs arguments; the next one serves
            if (dump := getattr(value, method, None)) is not None:
                return dump()
    return _described(value)


def _described(value: Any) -> str:
    try:
        return _clean(str(value))[: STRING_STEPS[0]]
    except Exception:  # noqa: BLE001  a foreign __str__ failed
        return f"<{type(value).__name__}>"


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_opened).encode

_encode_sorted = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), default=_opened
).encode


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates would make the whole batch unsendable."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _shorten(value: Any, text: str, characters_max: int) -> str:
    if type(value) is not str:
        for string_max in STRING_STEPS:
            shorter = to_json(plain(value, string_max=string_max))
            if len(shorter) <= characters_max:
                return shorter
    return text[: max(characters_max - len(CUT_MARK), 0)] + CUT_MARK


def names(values: Iterable[Any]) -> list[str]:
    """The values as short strings, for attributes that are lists of names."""
    return [_described(value)[:1024] for value in values]
