"""The JSON Schema of a function's parameters, for the form in which a reviewer edits arguments. Standard library only.

Knows JSON's own types, lists and mappings of them, Literal, Enum and None; whatever else is left open, which any JSON
value fits. A pydantic model tells its own.
"""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from whichstep import values

_TYPES: Final[Mapping[Any, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema_of(function: Callable[..., Any]) -> dict[str, Any] | None:
    """An object schema with a property for each parameter; None where the function has no signature. Never raises."""
    try:
        return _object(function)
    except Exception:  # noqa: BLE001  foreign annotations may be anything; without a schema there is a plain form
        return None


def _object(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    hints = _hints(function)
    several = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    named = [p for p in parameters if p.kind not in several and p.name not in {"self", "cls"}]
    properties = {p.name: {**_schema(hints.get(p.name, Any)), **_default(p)} for p in named}
    return {"type": "object", "properties": properties, "required": [p.name for p in named if p.default is p.empty]}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # noqa: BLE001  names that only type checkers know
        return {}


def _default(parameter: inspect.Parameter) -> dict[str, Any]:
    default = parameter.default
    return {"default": values.plain(default)} if isinstance(default, (str, int, float, bool, list, dict)) else {}


def _schema(hint: Any) -> dict[str, Any]:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    if origin is typing.Annotated:
        return _schema(inside[0])
    if origin in {typing.Union, types.UnionType}:
        return _optional(inside)
    if origin is typing.Literal:
        return {"enum": list(inside)}
    return _of_class(origin or hint, inside) if isinstance(origin or hint, type) else {}


def _of_class(kind: Any, inside: tuple[Any, ...]) -> dict[str, Any]:
    if issubclass(kind, enum.Enum):
        return {"enum": [values.plain(member.value) for member in kind]}
    if issubclass(kind, Mapping):
        return {"type": "object"}
    if issubclass(kind, (set, frozenset, Sequence)) and kind is not bytes:
        return {"type": "array", **({"items": _schema(inside[0])} if inside else {})}
    told = getattr(kind, "model_json_schema", None)
    return dict(told()) if callable(told) else {}


def _optional(inside: tuple[Any, ...]) -> dict[str, Any]:
    kinds = [_schema(kind) for kind in inside if kind is not types.NoneType]
    nullable = len(kinds) < len(inside)
    return {"anyOf": [*kinds, *([{"type": "null"}] if nullable else [])]}
