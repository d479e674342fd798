"""A contract from a LangGraph graph, and the difference between a contract and a graph. LangGraph is not imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from whichstep.contract.machine import Machine
from whichstep.contract.model import END, Contract
from whichstep.contract.read import parse
from whichstep.errors import ConfigurationError

_START, _END = "__start__", "__end__"
_LOOPS: Final = 25
"""LangGraph's own recursion limit: a way back needs a bound."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Steps, edges between them (`start` and `end` among their ends), and the tools of each step that has some."""

    steps: tuple[str, ...]
    edges: frozenset[tuple[str, str]]
    tools: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a graph has and its contract has not (`extra`), and the other way round (`missing`)."""

    missing_steps: tuple[str, ...]
    extra_steps: tuple[str, ...]
    missing_edges: tuple[tuple[str, str], ...]
    extra_edges: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        """Whether they differ at all."""
        return bool(self.missing_steps or self.extra_steps or self.missing_edges or self.extra_edges)


def shape_of(graph: Any) -> Shape:
    """The shape of a StateGraph, compiled or not.

    Raises:
        ConfigurationError: it is none.
    """
    compiled = graph if hasattr(graph, "get_graph") else graph.compile() if hasattr(graph, "compile") else None
    if compiled is None:
        raise ConfigurationError(f"{type(graph).__name__} is no LangGraph graph; hand in a StateGraph, compiled or not")
    drawn = compiled.get_graph()
    called = {_START: "start", _END: END}
    edges = {(called.get(edge.source, edge.source), called.get(edge.target, edge.target)) for edge in drawn.edges}
    steps = tuple(name for name in drawn.nodes if name not in called)
    nodes = getattr(compiled, "nodes", {})
    tools = {name: _tools(nodes.get(name)) for name in steps}
    return Shape(steps, frozenset(edges), {name: found for name, found in tools.items() if found})


def contract_of(graph: Any, *, name: str | None = None, level: int | None = None) -> Contract:
    """A contract that allows what the graph allows: its nodes as steps, its edges as transitions, its tools.

    Level 2, or 3 where a node has several tools to choose from, unless told otherwise.
    """
    shape = shape_of(graph)
    choice = any(len(tools) > 1 for tools in shape.tools.values())
    steps = {
        step: {
            "next": [target for source, target in sorted(shape.edges) if source == step] or [END],
            **({"tools": list(shape.tools[step])} if step in shape.tools else {}),
        }
        for step in shape.steps
    }
    found = name or getattr(graph, "name", None) or "graph"
    return parse(
        {
            "name": found,
            "level": level or (3 if choice else 2),
            "start": [target for source, target in sorted(shape.edges) if source == "start"],
            "steps": steps,
            "budgets": {"loops": _LOOPS},
        },
        file=f"contract of the graph {found}",
    )


def difference(contract: Contract, graph: Any) -> Difference:
    """Where the contract and the graph differ."""
    shape, machine = shape_of(graph), Machine(contract)
    known = set(machine.names)
    edges = {("start", name) for name in machine.names if machine.follows(None, name)}
    edges |= {(name, other) for name in machine.names for other in machine.names if machine.follows(name, other)}
    edges |= {(name, END) for name in machine.names if machine.may_end(name)}
    return Difference(
        missing_steps=_sorted(known - set(shape.steps)),
        extra_steps=_sorted(set(shape.steps) - known),
        missing_edges=_sorted(edges - shape.edges),
        extra_edges=_sorted(shape.edges - edges),
    )


def _tools(node: Any) -> tuple[str, ...]:
    """The tools of a ToolNode."""
    found = getattr(getattr(node, "bound", None), "tools_by_name", None)
    return tuple(found) if isinstance(found, dict) else ()


def _sorted(found: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(found))
