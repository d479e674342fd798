"""A contract as TOML that `read` reads back to an equal one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from whichstep.contract.model import LEVELS, Contract

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(contract: Contract, *, remarks: tuple[str, ...] = ()) -> str:
    """The contract as a file; `remarks` become comments at its top."""
    return "\n".join([*(f"# {line}" for line in remarks), *_lines(contract), ""])


def _lines(contract: Contract) -> Iterator[str]:
    said = contract.to_dict()
    tables = {name: said.pop(name, None) or {} for name in ("steps", "budgets")}
    rules = said.pop("rules", [])
    for name, value in said.items():
        remark = f"  # {LEVELS[contract.level]}" if name == "level" else ""
        yield f"{name} = {_value(value)}{remark}"
    for name, step in tables["steps"].items():
        yield f"\n[steps.{key(name)}]"
        yield from (f"{name} = {_value(value)}" for name, value in step.items())
    for rule in rules:
        yield "\n[[rules]]"
        yield from (f"{name} = {_value(value)}" for name, value in rule.items())
    if tables["budgets"]:
        yield "\n[budgets]"
        yield from (f"{name} = {_value(value)}" for name, value in tables["budgets"].items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(name)} = {_value(item)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    # JSON's strings, numbers and booleans are TOML's; DEL alone must be escaped, too
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """A key as TOML takes it: in quotes where it has to be."""
    return name if _BARE.fullmatch(name) else _value(name)
