"""Which values of an answer stand in none of its sources, nor follow from them by one simple step. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from whichstep_analytics.grounding.values import AMOUNT, DATE, ID, URL, Form, Value, id_form, values

OPERANDS_MAX: Final = 120
"""Numbers of the sources of which sums, differences and products are tried."""
_MODEL_ROLES: Final = frozenset({"assistant", "ai", "model"})
_ASKED: Final = frozenset({"tool_call", "tool_use", "function_call", "tool_calls", "arguments"})


class Checked(NamedTuple):
    """What was found in an answer."""

    checked: int
    """Values that can be checked."""
    ungrounded: tuple[Value, ...]
    """Those that stand in no source and are not computed from one."""


def check(answer: Sequence[str], sources: Sequence[str]) -> Checked:
    """The values of the texts of an answer against those of `sources`: texts as stored, JSON or not.

    What the model itself said before (messages of an assistant) is no source.
    """
    said = values("\n".join(leaf for text in answer for leaf in leaves(text, of_model=True)))
    if not said:
        return Checked(0, ())
    given = _Given("\n".join(dict.fromkeys(leaf for text in sources for leaf in leaves(text, of_model=False))))
    return Checked(len(said), tuple(value for value in said if not given.has(value)))


def leaves(text: str, *, of_model: bool) -> Iterator[str]:
    """The texts and numbers in JSON text, or the text itself; keys too. Calls that a model asks for are left out.

    Args:
        text: of one field of a step.
        of_model: whether messages of an assistant count; else they are left out.
    """
    value = _parsed(text)
    return iter((text,)) if value is None else _leaves(value, of_model=of_model)


def _leaves(value: Any, *, of_model: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield from leaves(value, of_model=of_model)
    elif isinstance(value, dict):
        if not of_model and value.get("role") in _MODEL_ROLES:
            return
        if of_model and value.get("type") in _ASKED:
            return
        for key, item in value.items():
            if not (of_model and key in _ASKED):
                yield str(key)
                yield from _leaves(item, of_model=of_model)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, of_model=of_model)
    elif isinstance(value, Decimal | int) and not isinstance(value, bool):
        yield format(value, "f") if isinstance(value, Decimal) else str(value)


def _parsed(text: str) -> Any:
    """The value of JSON text that is an object or a list; None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


class _Given:
    """The values of all sources."""

    def __init__(self, text: str) -> None:
        found = values(text)
        self._text = text.casefold()
        self._joined = id_form(text)
        self._forms: set[Form] = {form for value in found for form in value.forms}
        self._days = {
            form[1:] for value in found if value.kind == DATE for form in value.forms if isinstance(form, tuple)
        }
        self._numbers = list(_numbers(text, found))

    def has(self, value: Value) -> bool:
        """Whether the value stands in a source, in any notation, or follows from numbers in them."""
        if not self._forms.isdisjoint(value.forms):
            return True
        if value.kind == DATE:
            return any(isinstance(form, tuple) and form[0] is None and form[1:] in self._days for form in value.forms)
        if value.kind == ID:
            return any(isinstance(form, str) and form in self._joined for form in value.forms) or self._computed(value)
        if value.kind == AMOUNT:
            return self._computed(value)
        return value.text.casefold().rstrip("/") in self._text if value.kind == URL else False

    def _computed(self, value: Value) -> bool:
        wanted = [form for form in value.forms if isinstance(form, Decimal)]
        return any(_among(number, self._derived) for number in wanted)

    @cached_property
    def _derived(self) -> npt.NDArray[np.float64]:
        """The numbers themselves, as percentages, the sum of all, and sums, differences, products, ratios of two."""
        given = np.array([float(number) for number in self._numbers], np.float64)
        operands = given[:OPERANDS_MAX]
        a, b = operands[:, None], operands[None, :]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            made = [a + b, a - b, a * b, a / b * 100]
            return np.concatenate([given, given * 100, [operands.sum()], *(pair.ravel() for pair in made)])


def _numbers(text: str, found: Sequence[Value]) -> Iterator[Decimal]:
    """Every number of the sources, the small ones too, each once, in order."""
    named = [form for value in found for form in value.forms if isinstance(form, Decimal)]
    small = [Decimal(word) for word in text.split() if word.isdecimal() and word.isascii() and len(word) <= 4]
    yield from dict.fromkeys([*named, *small])


def _among(said: Decimal, given: npt.NDArray[np.float64]) -> bool:
    """Whether the number is one of the given, rounded to the digits that were said."""
    exponent = said.as_tuple().exponent
    half = 0.5 * 10.0 ** min(exponent, 0) if isinstance(exponent, int) else 0.0
    with np.errstate(invalid="ignore"):
        return bool(np.any(np.abs(given - float(said)) <= half * (1 + 1e-9)))
