"""A contract from a TOML file, its text or a mapping: types and keys here, meaning in `checks`.

All problems are reported at once, each with file, line, rule and what to do.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from whichstep.attributes import STEP_TYPES
from whichstep.contract import checks
from whichstep.contract.model import RETRIES, Budgets, Contract, ContractStep, Rule
from whichstep.contract.problems import Found
from whichstep.contract.problems import Path as Place
from whichstep.contract.rules import FORMS
from whichstep.errors import ConfigurationError, Problem
from whichstep.policy.lines import lines_of

SIZE_MAX: Final = 256 * 1024
MODES: Final = ("enforce", "observe")
_CONTRACT: Final = (
    "name", "level", "mode", "start", "ignore", "retries", "tools", "steps", "rules", "checkpoints", "budgets",
)  # fmt: skip
_STEP: Final = ("type", "match", "next", "tools", "output", "max")
_BUDGETS: Final = ("steps", "loops", "cost_usd", "seconds", "tokens")


def load(path: str | os.PathLike[str]) -> Contract:
    """The contract in a TOML file.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong; `problems` has each.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the contract {path}: {error.strerror or error}; check the path"
        ) from error
    return parse(_text(data, str(path)), file=str(path))


def parse(source: str | Mapping[str, Any], *, file: str = "contract") -> Contract:
    """The contract in a text of TOML, or in a mapping of the same keys.

    Raises:
        ConfigurationError: something in it is wrong; `problems` has each.
    """
    given: Mapping[str, Any] = source if isinstance(source, Mapping) else _toml(source, file)
    found = Found(file, lines_of(source) if isinstance(source, str) else {})
    contract = _contract(given, found)
    if contract is not None:
        checks.check(contract, found)
    if found.problems or contract is None:
        raise ConfigurationError(problems=sorted(found.problems, key=lambda problem: problem.line or 0))
    return contract


def _text(data: bytes, file: str) -> str:
    if len(data) > SIZE_MAX:
        raise ConfigurationError(f"{file}: {len(data):,} bytes are more than a contract may have ({SIZE_MAX:,})")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _toml(text: str, file: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        at = int(line[1]) if line else len(text.splitlines())  # else it is the end of the document
        problem = Problem(file, f"not TOML: {error}", "mend the syntax there", at)
        raise ConfigurationError(problems=[problem]) from error


def _contract(given: Mapping[str, Any], found: Found) -> Contract | None:
    found.known(given, (), _CONTRACT)
    name, level = found.take(given, ("name",), str), found.take(given, ("level",), int)
    if not name:
        found.add(("name",), "the contract has no name", 'write name = "…": executions of that workflow are held to it')
    if level not in checks.LEVELS:
        found.add(
            ("level",), f"level is {level!r}", "write 1 fixed, 2 routing, 3 tools within constraints, 4 autonomous"
        )
    steps = _steps(given, found)
    if not name or level is None or level not in checks.LEVELS:
        return None
    return Contract(
        name=name,
        level=level,
        steps=checks.with_defaults(steps, level),
        start=checks.start_of(found.texts(given, ("start",)), steps, level),
        tools=found.texts(given, ("tools",)),
        rules=(*_rules(given, found), *_checkpoints(given, found)),
        budgets=_budgets(given, found),
        ignore=found.texts(given, ("ignore",)) or (),
        retries=found.count(given, ("retries",), RETRIES),
        mode=found.choice(given, ("mode",), MODES, "enforce"),
    )


def _steps(given: Mapping[str, Any], found: Found) -> tuple[ContractStep, ...]:
    tables = found.table(given, ("steps",)) or {}
    return tuple(_step(str(name), table, found) for name, table in tables.items())


def _step(name: str, table: Any, found: Found) -> ContractStep:
    place: Place = ("steps", name)
    if not isinstance(table, Mapping):
        found.add(place, f"step {name} is no table", f"write [steps.{name}]")
        table = {}
    found.known(table, place, _STEP)
    kind = found.take(table, (*place, "type"), str)
    if kind is not None and kind not in STEP_TYPES:
        found.add((*place, "type"), f"type is {kind!r}", f"write one of {', '.join(STEP_TYPES)}")
    output = found.table(table, (*place, "output"))
    return ContractStep(
        name=name,
        match=found.texts(table, (*place, "match")) or (name,),
        type=kind,
        next=found.texts(table, (*place, "next")),
        tools=found.texts(table, (*place, "tools")) or (),
        output=dict(output) if output is not None else None,
        max=found.count(table, (*place, "max"), None),
    )


def _rules(given: Mapping[str, Any], found: Found) -> list[Rule]:
    made = []
    for number, table in enumerate(found.tables(given, "rules")):
        place: Place = ("rules", number)
        kind = found.take(table, (*place, "rule"), str) or ""
        form = FORMS.get(kind)
        if form is None:
            near = difflib.get_close_matches(kind, FORMS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"write one of {', '.join(FORMS)}"
            found.add((*place, "rule"), f"rule is {kind!r}", meant)
            continue
        found.known(table, place, ("rule", *form.keys), rule=kind)
        values: dict[str, Any] = {
            key: (found.take if key in {"first", "then"} else _whole(found))(table, (*place, key), str)
            for key in form.keys
        }
        for key in form.required:
            if values[key] is None:
                found.add(place, f"{kind} has no {key}", f"write {key} = …", rule=kind)
                values[key] = ""
        made.append(Rule(rule=kind, **values))
    return made


def _whole(found: Found) -> Callable[..., int | None]:
    return lambda table, place, _kind: found.count(table, place, None, least=0)


def _checkpoints(given: Mapping[str, Any], found: Found) -> list[Rule]:
    made = []
    for number, table in enumerate(found.tables(given, "checkpoints")):
        place: Place = ("checkpoints", number)
        found.known(table, place, ("before", "by"), rule="checkpoint")
        before = found.texts(table, (*place, "before"))
        if not before:
            found.add(place, "the checkpoint stands before nothing", 'write before = "send_external_email"')
        by = found.take(table, (*place, "by"), str) or "approval"
        made += [Rule(rule="checkpoint", first=by, then=name) for name in before or ()]
    return made


def _budgets(given: Mapping[str, Any], found: Found) -> Budgets:
    table = found.table(given, ("budgets",)) or {}
    found.known(table, ("budgets",), _BUDGETS)
    numbers: Sequence[str] = ("cost_usd", "seconds")
    return Budgets(
        steps=found.count(table, ("budgets", "steps"), None),
        loops=found.count(table, ("budgets", "loops"), None, least=0),
        tokens=found.count(table, ("budgets", "tokens"), None),
        **{name: found.amount(table, ("budgets", name)) for name in numbers},
    )
