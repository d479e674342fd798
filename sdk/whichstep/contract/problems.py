"""Collects what is wrong with a contract, and reads its keys: a wrong value is a problem, and reads as absent."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from whichstep.contract.write import key
from whichstep.errors import Problem
from whichstep.policy.lines import Place

T = TypeVar("T")
Path = tuple[str | int, ...]
"""Where something stands: keys from the top, with the number of each item of an array of tables."""
_NAMES: Final[dict[type, str]] = {str: "a text", int: "a whole number"}


class Found:
    """The problems of one contract."""

    def __init__(self, file: str, lines: Mapping[Place, int]) -> None:
        self._file, self._lines = file, lines
        self.problems: list[Problem] = []

    def add(self, place: Path, what: str, remedy: str, *, rule: str | None = None) -> None:
        """Note a problem; its line is that of `place`, else of what is around it."""
        line = next(
            (self._lines[found] for found in _places(place) if found in self._lines), 1 if self._lines else None
        )
        self.problems.append(Problem(self._file, what, remedy, line, rule))

    def known(self, table: Mapping[str, Any], place: Path, keys: Sequence[str], *, rule: str | None = None) -> None:
        """Note every key that means nothing here."""
        for name in table:
            if name not in keys:
                near = difflib.get_close_matches(str(name), keys, n=1)
                remedy = f"did you mean {near[0]}?" if near else f"known here are {', '.join(keys)}"
                self.add((*place, str(name)), f"unknown key {name!r}", remedy, rule=rule)

    def take(self, table: Mapping[str, Any], place: Path, kind: type[T]) -> T | None:
        """The value at the last part of `place`; None where it is absent or of another kind."""
        value = table.get(str(place[-1]))
        if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
            return value
        self.add(place, f"{place[-1]} is {value!r}", f"write {_NAMES[kind]}")
        return None

    def table(self, table: Mapping[str, Any], place: Path) -> Mapping[str, Any] | None:
        """The table at the last part of `place`; None where it is absent or something else."""
        value = table.get(str(place[-1]))
        if value is None or isinstance(value, Mapping):
            return value
        self.add(place, f"{place[-1]} is {value!r}", "write a table")
        return None

    def texts(self, table: Mapping[str, Any], place: Path) -> tuple[str, ...] | None:
        """A text, or a list of them."""
        value = table.get(str(place[-1]))
        given = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else None
        if value is None:
            return None
        if given is None or any(not isinstance(item, str) or not item.strip() for item in given):
            self.add(place, f"{place[-1]} is {value!r}", "write a name, or a list of names")
            return None
        return tuple(dict.fromkeys(given))

    def tables(self, given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        """The tables of an array of them."""
        value = given.get(name)
        if value is None:
            return []
        if isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
            return list(value)
        self.add((name,), f"{name} is no list of tables", f"write [[{name}]] above each")
        return []

    def count(self, table: Mapping[str, Any], place: Path, default: T, *, least: int | None = None) -> int | T:
        """A whole number of at least `least`: 0 where there is a default, else 1, unless told otherwise."""
        value = self.take(table, place, int)
        lowest = least if least is not None else 1 if default is None else 0
        if value is None:
            return default
        if value < lowest:
            self.add(place, f"{place[-1]} is {value}", f"write a whole number from {lowest}")
            return default
        return value

    def amount(self, table: Mapping[str, Any], place: Path) -> float | None:
        """A number above 0."""
        value = table.get(str(place[-1]))
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
            self.add(place, f"{place[-1]} is {value!r}", "write a number above 0")
            return None
        return float(value)

    def choice(self, table: Mapping[str, Any], place: Path, words: Sequence[str], default: str) -> str:
        """One of some words."""
        value = self.take(table, place, str)
        if value is None or value in words:
            return value or default
        self.add(place, f"{place[-1]} is {value!r}", f"write one of {', '.join(words)}")
        return default


def _places(path: Path) -> Iterator[Place]:
    """Where the line of a path may be noted, the nearest first."""
    for length in range(len(path), 0, -1):
        part = path[:length]
        number = next((item for item in part if isinstance(item, int)), 0)
        words = [str(item) for item in part if not isinstance(item, int)]
        yield ".".join(key(word) for word in words), number, ""
        if isinstance(part[-1], str):
            yield ".".join(key(word) for word in words[:-1]), number, words[-1]
