"""What the HTTP API asks for; the composition root hands in who knows (`whichstep_analytics.answers`).

Every answer is a dictionary that JSON can hold, of the shape given in ARCHITECTURE.md, "Answers". A call runs in a
thread of the query pool, several at once. A question that cannot be understood raises
`whichstep_store.filters.FilterError`, whose message is shown to whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from whichstep_store.filters import Filters

Document: TypeAlias = Mapping[str, Any]
SecondOpinion: TypeAlias = Callable[[str], Document | None]
"""Gives a second opinion on the execution of that id; None when there is none. May take a minute."""


class Answers(Protocol):
    """The reading side of the store, as JSON documents."""

    def executions(self, filters: Filters, *, limit: int, cursor: str | None, order: str) -> Document:
        """One page of executions; `order` is `started_at:desc` or the like."""

    def execution(self, execution_id: str) -> Document | None:
        """One execution explained; None when there is none of that id or alias. 32 hex digits."""

    def step(self, execution_id: str, step_id: str) -> Document | None:
        """The whole texts of a step; None when there is none. 32 and 16 hex digits."""

    def metrics(self, filters: Filters, *, by: Sequence[str]) -> Document:
        """The eight metrics, in groups."""

    def failures(self, filters: Filters, *, by: str) -> Document:
        """Where executions fail; `by` is step, kind or signature."""

    def actions(self, filters: Filters, *, kind: str, limit: int) -> Document:
        """Actions compared with the sidecar's policy."""
        ...

    def approvals(self, filters: Filters) -> Document:
        """What people decided on held actions, how fast, and what became of it."""

    def drift(self, filters: Filters, *, by: Sequence[str]) -> Document:
        """Success and failure by how far executions had come; `by` is some of turn, calls, context."""

    def compare(self, filters: Filters, *, before: str, after: str) -> Document:
        """What changed between two releases or configurations, and what moved."""

    def grounding(self, filters: Filters, *, limit: int) -> Document:
        """How many answers say what stands in no source, and the latest that do."""

    def tools(self, filters: Filters) -> Document:
        """The tools that were called, and whether they were the right ones."""

    def filters(self, filters: Filters) -> Document:
        """The values that each filter can take within others, with counts."""

    def workflows(self, filters: Filters) -> Document:
        """One row a workflow."""

    def workflow(
        self, filters: Filters, name: str, *, success_bar: float | None, conformance_bar: float | None
    ) -> Document | None:
        """One workflow; None when no execution of it matches."""

    def check_workflow(self, filters: Filters, contract: Mapping[str, Any]) -> Document:
        """Executions held to a contract that is handed in."""

    def learn_workflow(self, filters: Filters, name: str, *, support: float, level: int | None) -> Document:
        """A contract proposed from good executions."""

    def doctor(self) -> Document:
        """What is wrong with the data, and what to do."""
