"""A workflow that keeps to its contract: `with workflow.run():` refuses what the contract forbids before it runs.

Every step that the SDK records inside is held to it (decorators, context managers; sync, async, threads, generators).
Whoever runs steps that the SDK does not record, such as a framework's adapter, asks `step_allowed`, or tells of them
with `step_begins` and `close`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from whichstep import attributes as names
from whichstep.contract import Contract, load, parse, to_toml
from whichstep.contract.draw import as_mermaid, as_text
from whichstep.contract.graphs import Difference, contract_of, difference
from whichstep.contract.machine import Machine
from whichstep.errors import WorkflowViolation

if TYPE_CHECKING:
    from whichstep.execution import Execution
    from whichstep.guard import Guard, Held

__all__ = ["Contract", "Difference", "Run", "Workflow", "step_allowed", "step_begins"]


class Workflow:
    """A contract, and executions under it. One serves all threads."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def run(
        self,
        *,
        id: str | None = None,  # noqa: A002  the word that users know
        input: Any = None,  # noqa: A002
        session: str | None = None,
        user: str | None = None,
        purpose: str | None = None,
        observe: bool | None = None,
    ) -> Run:
        """One execution under the contract, for a `with` or `async with` block.

        Outside of a `whichstep.task` it is the execution, and takes what that takes; inside it is a workflow step.

        Args:
            id: The task's id.
            input: What was asked for.
            session: The conversation it belongs to.
            user: Who asked.
            purpose: production (when not given), dataset, adversarial or demo.
            observe: True records what breaks the contract and lets it run; the contract's own `mode` unless given.
        """
        from whichstep.execution import Execution, Identity  # noqa: PLC0415  loads OpenTelemetry
        from whichstep.guard import Guard  # noqa: PLC0415  loads OpenTelemetry

        contract = self.contract
        attributes = {names.AUTONOMY_LEVEL: contract.level, names.CONTRACT_DIGEST: contract.digest}
        content = () if input is None else ((names.INPUT, input),)
        identity = Identity(id=id, session=session, user=user, purpose=purpose)
        enforces = contract.mode == "enforce" if observe is None else not observe
        return Run(Execution(contract.name, attributes, content, identity), Guard(self._machine, enforces=enforces))

    @cached_property
    def _machine(self) -> Machine:
        return Machine(self.contract)

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


class Run:
    """One execution of a workflow; `execution` is its step, `violations` what broke the contract so far."""

    def __init__(self, execution: Execution, guard: Guard) -> None:
        self.execution = execution
        self._guard = guard
        self._token: Any = None

    @property
    def violations(self) -> list[WorkflowViolation]:
        """What broke the contract so far, in order; with an enforced contract none of it ran."""
        return list(self._guard.violations)

    def __enter__(self) -> Self:
        from opentelemetry import context as otel_context  # noqa: PLC0415  loaded with the execution
        from opentelemetry.context import Context  # noqa: PLC0415

        from whichstep.processor import RUN_KEY  # noqa: PLC0415

        _listen_to_frameworks()
        self.execution.__enter__()
        self._token = otel_context.attach(Context({**otel_context.get_current(), RUN_KEY: self._guard}))
        self._tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        from whichstep.recording import detach  # noqa: PLC0415  loaded with the execution

        violation = self._guard.finish() if error is None else None
        if violation is not None:
            self.execution.set(names.WORKFLOW_VIOLATION, violation.rule)
        raised = violation if violation is not None and self._guard.enforces else None
        detach(self._token)
        self.execution.__exit__(kind or (type(raised) if raised else None), error or raised, stack)
        if raised is not None:
            raise raised

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, stack)

    def _tell(self) -> None:
        """Send the contract along, so that the execution can be held to it afterwards, wherever it is kept."""
        from whichstep.encoding import Event  # noqa: PLC0415  loads OpenTelemetry
        from whichstep.runtime import running  # noqa: PLC0415

        runtime, contract = running(), self._guard.machine.contract
        if runtime.settings.disabled or self.execution.trace_id is None or self.execution.step_id is None:
            return
        told = {
            "event.name": names.CONTRACT_EVENT,
            names.EXECUTION_ID: self.execution.execution_id,
            names.WORKFLOW_NAME: contract.name,
            names.CONTRACT_DIGEST: contract.digest,
        }
        ids = int(self.execution.trace_id, 16), int(self.execution.step_id, 16)
        resource = runtime.provider().resource.attributes
        runtime.delivery.offer(
            Event(names.CONTRACT_EVENT, told, time.time_ns(), *ids, resource, body=contract.to_dict())
        )


def _listen_to_frameworks() -> None:
    """What LangChain runs is told by its callbacks, where it is loaded at all."""
    if "langchain_core" in sys.modules:
        import whichstep.integrations.langchain_workflow  # noqa: F401, PLC0415  registers itself


def step_allowed(name: str, step_type: str = "tool_call") -> WorkflowViolation | None:
    """What `with workflow.run()` around this would raise for such a step; None where it may run, or where none is."""
    from whichstep.guard import current_guard  # noqa: PLC0415  loads OpenTelemetry

    guard = current_guard()
    return guard.allowed(step_type, name) if guard is not None else None


def step_begins(name: str, step_type: str = "other") -> Held | None:
    """Tell the run around this of a step that the SDK does not record; `close(failed=…, span=None)` what it answers.

    Raises:
        WorkflowViolation: the contract forbids the step, and is enforced.
    """
    from whichstep.guard import current_guard  # noqa: PLC0415  loads OpenTelemetry

    guard = current_guard()
    return guard.open(step_type, name) if guard is not None else None
