"""A contract for people: as text, and as a Mermaid flow chart."""

from __future__ import annotations

from collections.abc import Iterator

from whichstep.contract.machine import Machine
from whichstep.contract.model import END, LEVELS, Contract, ContractStep


def as_text(contract: Contract) -> str:
    """What the contract says, in lines."""
    return "\n".join(_lines(contract))


def as_mermaid(contract: Contract) -> str:
    """The steps and what may follow what; a step of any order is joined to none."""
    machine = Machine(contract)
    ids = {name: f"s{number}" for number, name in enumerate(machine.names)}
    lines = ["flowchart TD", "  start((start))", "  finish((end))"]
    lines += [f"  {ids[step.name]}[{_quoted(_title(step))}]" for step in contract.steps]
    lines += [f"  start --> {ids[name]}" for name in machine.names if contract.start and machine.follows(None, name)]
    for step in contract.steps:
        targets = ("finish" if name == END else ids.get(name) for name in step.next or ())
        lines += [f"  {ids[step.name]} --> {target}" for target in targets if target]
    for number, rule in enumerate(contract.rules):
        lines.append(f"  r{number}>{_quoted(rule.id)}]")
    return "\n".join(lines)


def _lines(contract: Contract) -> Iterator[str]:
    yield f"{contract.name}: level {contract.level}, {LEVELS[contract.level]} ({contract.mode})"
    machine = Machine(contract)
    if contract.steps:
        firsts = [name for name in machine.names if machine.follows(None, name)]
        yield f"  starts with {' or '.join(firsts) if contract.start else 'any step'}"
    for step in contract.steps:
        following = "any step" if step.next is None else ", ".join(step.next)
        yield f"  {_title(step)} → {following}"
        yield from _details(step)
    if contract.tools is not None:
        yield f"  tools anywhere: {', '.join(contract.tools) or 'none'}"
    for rule in contract.rules:
        yield f"  rule {rule.id}"
    limits = contract.to_dict().get("budgets", {})
    if limits:
        yield f"  budgets: {', '.join(f'{name} {value:g}' for name, value in limits.items())}"
    yield f"  digest {contract.digest}"


def _title(step: ContractStep) -> str:
    known = [name for name in (step.type, "" if step.match == (step.name,) else ", ".join(step.match)) if name]
    return f"{step.name} ({': '.join(known)})" if known else step.name


def _details(step: ContractStep) -> Iterator[str]:
    if step.tools:
        yield f"    tools: {', '.join(step.tools)}"
    if step.max is not None:
        yield f"    at most {step.max} times"
    if step.output is not None:
        yield f"    gives {step.output.get('type', 'what its schema says')}"


def _quoted(text: str) -> str:
    """Text in a node: Mermaid reads markup and quotes, so they are written as entities."""
    return (
        '"' + "".join(f"#{ord(sign)};" if sign in '"<>#;`\\' or not sign.isprintable() else sign for sign in text) + '"'
    )
