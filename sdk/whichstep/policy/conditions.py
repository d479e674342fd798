"""Conditions on the arguments of an action: `amount > 100`, `to not matches "*@example.com"`, `customer.tier missing`.

A condition holds, does not hold, or cannot be judged: the argument is missing, or of another type than the value that
it is compared with. Nothing is converted: the text "250" is no number, true is no 1, NaN is no number. Standard library
only.
"""

from __future__ import annotations

import math
import operator
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from whichstep import values
from whichstep.policy.globs import Glob

_FORM: Final = re.compile(
    r"\s*(?P<path>[^\W\d][\w-]*(?:\.[\w-]+)*)\s*"
    r"(?:(?<=\s)(?P<word>missing|present)|(?P<operator>==|!=|>=|<=|>|<|(?<=\s)(?:not\s+)?(?:in|matches)\b)\s*(?P<value>\S.*?))\s*"
)
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_MISSING: Final = object()
EXAMPLE: Final = 'write it as in amount > 100, currency in ["EUR", "USD"], to matches "*@example.com", order.id missing'


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of one argument."""

    path: str
    """The argument's name; dots go into mappings and lists: `order.items.0.price`."""
    operator: str
    value: Any = None
    glob: Glob | None = None
    _parts: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _expected: str = field(init=False, repr=False, compare=False)
    """The kind of value that can be compared."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", tuple(self.path.split(".")))
        object.__setattr__(self, "_expected", _kind(self.value[0] if isinstance(self.value, tuple) else self.value))

    def __str__(self) -> str:
        """The condition as it is written."""
        if self.operator in {"missing", "present"}:
            return f"{self.path} {self.operator}"
        return f"{self.path} {self.operator} {values.to_json([self.value])[1:-1]}"

    def holds(self, arguments: Mapping[str, Any]) -> bool | str:
        """Whether it holds; where that cannot be judged, why not, in words."""
        found = _at(arguments, self._parts)
        if self.operator in {"missing", "present"}:
            return (found is _MISSING) == (self.operator == "missing")
        if found is _MISSING:
            return f"argument {self.path} is missing"
        if (kind := _kind(found)) != self._expected:
            return f"argument {self.path} is {kind}, not {self._expected}"
        return self._compare(found)

    def _compare(self, found: Any) -> bool:
        if (ordered := _ORDER.get(self.operator)) is not None:
            return ordered(found, self.value)
        name, negated = self.operator.removeprefix("not "), self.operator.startswith("not ")
        if self.glob is not None:
            return self.glob.matches(found) != negated
        if name == "in":
            return (found in self.value) != negated
        return bool((found == self.value) == (self.operator == "=="))


def parse(text: str) -> Condition:
    """Read one condition.

    Raises:
        ValueError: it is none; the message says what is wrong with it.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no condition")
    if match["word"]:
        return Condition(match["path"], match["word"])
    name = " ".join(match["operator"].split())
    value = _literal(match["value"], text)
    if name.endswith("in"):
        return Condition(match["path"], name, _members(value, text))
    if name.endswith("matches"):
        if not isinstance(value, str):
            raise ValueError(f"{text!r}: {name} takes a pattern as text")
        return Condition(match["path"], name, value, Glob(value))
    if _kind(value) not in _COMPARABLE[name in _ORDER]:
        raise ValueError(f"{text!r}: {name} does not compare with {_kind(value)}")
    return Condition(match["path"], name, value)


def never_both(one: Condition, other: Condition) -> bool:
    """Whether the two surely never hold together. False says that it is not known."""
    if one.path != other.path:
        return False
    if {one.operator, other.operator} & {"missing"}:
        return one.operator != other.operator
    for exact, tested in ((one, other), (other, one)):
        if exact.operator in {"==", "in"} and tested.operator not in {"missing", "present"}:
            return not any(_admits(tested, value) for value in _values(exact))
    if not _both_ordered(one, other):
        return False
    low, high = (one, other) if one.operator[0] == ">" else (other, one)
    if low.operator[0] == high.operator[0]:
        return False
    meet_at_edge = low.operator == ">=" and high.operator == "<="
    return bool(low.value > high.value or (low.value == high.value and not meet_at_edge))


def implies(narrow: Condition, wide: Condition) -> bool:
    """Whether `wide` surely holds wherever `narrow` does. False says that it is not known."""
    if narrow.path != wide.path or narrow.operator == "missing":
        return narrow == wide
    if narrow == wide or wide.operator == "present":
        return True
    if narrow.operator in {"==", "in"} and wide.operator not in {"missing", "present"}:
        return all(_admits(wide, value) for value in _values(narrow))
    if not _both_ordered(narrow, wide) or narrow.operator[0] != wide.operator[0]:
        return False
    if narrow.value == wide.value:
        return len(wide.operator) >= len(narrow.operator)
    return _ORDER[wide.operator](narrow.value, wide.value)


_COMPARABLE: Final = {True: frozenset({"a number", "text"}), False: frozenset({"a number", "text", "true or false"})}


def _admits(condition: Condition, value: Any) -> bool:
    """Whether the condition holds for an argument of this value."""
    nested: Any = value
    for name in reversed(condition.path.split(".")):
        nested = {name: nested}
    return condition.holds(nested) is True


def _values(condition: Condition) -> Sequence[Any]:
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def _both_ordered(one: Condition, other: Condition) -> bool:
    return one.operator in _ORDER and other.operator in _ORDER and _kind(one.value) == _kind(other.value)


def _at(arguments: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path, null counting as missing; objects are opened as they are when they are recorded."""
    found: Any = arguments
    for name in path:
        if type(found) is not dict and not isinstance(found, (Mapping, list, tuple)):
            found = values.plain(found)
        if type(found) is dict or isinstance(found, Mapping):
            found = found.get(name, _MISSING)
        elif isinstance(found, (list, tuple)) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return _MISSING
        if found is None or found is _MISSING:
            return _MISSING
    return found


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float, Decimal)):
        return "a number" if _is_finite(value) else "no finite number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}"


def _is_finite(value: float | Decimal) -> bool:
    return isinstance(value, int) or (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value))


def _literal(value: str, text: str) -> Any:
    """The value as TOML writes it: 100, "EUR", 'EUR', true, ["EUR", "USD"]."""
    try:
        read = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        raise ValueError(f"{text!r}: {value} is no value; texts stand in quotes") from None
    if read.keys() != {"value"}:
        raise ValueError(f"{text!r} is more than one condition; write a list of conditions")
    return read["value"]


def _members(value: Any, text: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value or len({_kind(member) for member in value}) != 1:
        raise ValueError(f"{text!r}: in takes a list of values of one type that is not empty")
    if _kind(value[0]) not in _COMPARABLE[False]:
        raise ValueError(f"{text!r}: in does not compare with {_kind(value[0])}")
    return tuple(value)
