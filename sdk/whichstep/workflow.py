"""A workflow that keeps to its contract: `with workflow.run():` refuses what the contract forbids before it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from whichstep.contract import Contract, load, parse, to_toml
from whichstep.contract.draw import as_mermaid, as_text
from whichstep.contract.graphs import Difference, contract_of, difference

__all__ = ["Contract", "Difference", "Workflow"]


class Workflow:
    """A contract, and executions under it. One serves all threads."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Workflow:
        """The workflow whose contract is in a TOML file.

        Raises:
            ConfigurationError: it cannot be read, or something in it is wrong: file, line, rule and remedy of each.
        """
        return cls(load(path))

    @classmethod
    def from_dict(cls, contract: Mapping[str, Any]) -> Workflow:
        """The same from a mapping of the keys of such a file."""
        return cls(parse(contract))

    @classmethod
    def from_langgraph(cls, graph: Any, *, name: str | None = None, level: int | None = None) -> Workflow:
        """A workflow that allows what a LangGraph graph allows: nodes, edges, tools.

        Args:
            graph: A StateGraph, compiled or not.
            name: Of the workflow; the graph's own where it is left out.
            level: 2, or 3 where a node chooses among several tools, unless given.
        """
        return cls(contract_of(graph, name=name, level=level))

    def compare(self, graph: Any) -> Difference:
        """Which steps and transitions a LangGraph graph has that the contract has not, and the other way round."""
        return difference(self.contract, graph)

    def to_toml(self) -> str:
        """The contract as a file that `load` reads back."""
        return to_toml(self.contract)

    def to_mermaid(self) -> str:
        """The contract as a Mermaid flow chart."""
        return as_mermaid(self.contract)

    def __str__(self) -> str:
        """The contract in lines for people."""
        return as_text(self.contract)
