"""Puts a gate in front of tools as frameworks take them: functions, recorded or not, and objects of a framework."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Final

from whichstep import integrations
from whichstep.approval.action import Action
from whichstep.approval.call import Options
from whichstep.approval.connection import collect_evidence
from whichstep.approval.gate import Gate
from whichstep.decorate import PATTERN, decorate, name_of
from whichstep.errors import ConfigurationError
from whichstep.policy import Policy

_FUNCTIONS: Final = ("func", "coroutine", "fn", "function", "_func", "_run", "_arun", "run", "forward")
"""Under which a tool object keeps what it calls."""
_NAMES: Final = ("name", "__name__", "tool_name")


class Guarded(Action):
    """An action that a policy of its own holds, whichever the process has."""

    __slots__ = ("_gate",)

    def held_by(self, gate: Gate) -> Guarded:
        """The same, held by this gate."""
        self._gate = gate
        return self

    def fresh(self) -> Guarded:
        """An action like this one that has not begun."""
        return Guarded(self.name, self._attributes, self._content, self._options).held_by(self._gate)

    def gate(self) -> Gate:
        """The gate of the policy that guards it."""
        return self._gate

    def _like(self, name: str, attributes: dict[str, Any]) -> Guarded:
        return Guarded(name, attributes, self._content, self._options).held_by(self._gate)


def guard(policy: Policy, tools: Iterable[Any], options: Options) -> list[Any]:
    """The tools, each held by the policy. What is given is left as it is.

    Raises:
        ConfigurationError: one of them is nothing that can be held; then none is returned.
    """
    collect_evidence()
    gate = Gate(policy)
    return [_guarded(tool, gate, options) for tool in tools]


def _guarded(tool: Any, gate: Gate, options: Options) -> Any:
    adapter = integrations.adapter_of(tool)
    if adapter is not None:
        return adapter(tool, gate, options)
    if callable(tool) and (hasattr(tool, "__code__") or hasattr(tool, "__wrapped__") or hasattr(tool, "func")):
        return held_function(tool, _name(tool), gate, options)
    found = [name for name in _FUNCTIONS if callable(getattr(tool, name, None))]
    if not found:
        raise ConfigurationError(
            f"{tool!r} is no tool that can be guarded: it is no function and keeps none under {', '.join(_FUNCTIONS)}; "
            "guard the function that it is made from"
        )
    kept = copy.copy(tool)
    for name in found:
        _put(kept, name, held_function(getattr(tool, name), _name(tool), gate, options))
    return kept


def held_function(function: Callable[..., Any], name: str, gate: Gate, options: Options) -> Callable[..., Any]:
    """The function, each call held by the gate and recorded as one step; of a recorded function, its own step."""
    pattern = getattr(function, PATTERN, None)
    inner = getattr(function, "__wrapped__", function) if pattern is not None else function
    return decorate(inner, Guarded(name, {}, (), options).held_by(gate).named_for(inner))


def _name(tool: Any) -> str:
    pattern = getattr(tool, PATTERN, None)
    given = [getattr(tool, name, None) for name in _NAMES]
    told = [pattern.name] if pattern is not None else []
    return next((name for name in (*told, *given) if isinstance(name, str) and name), name_of(tool))


def _put(tool: Any, name: str, function: Callable[..., Any]) -> None:
    try:
        setattr(tool, name, function)
    except (AttributeError, TypeError, ValueError):
        object.__setattr__(tool, name, function)
