"""One execution of a task: the root step, its identity, and what is known of its end.

Inside an execution, a task without an identity of its own is a workflow step of that execution. With an id, an
execution id or `rerun_of` it is an execution of its own, in a trace of its own, linked to where it was started.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span

from whichstep import attributes as names
from whichstep import report, values
from whichstep.approval.state import tool_gate
from whichstep.decorate import name_of
from whichstep.errors import ConfigurationError
from whichstep.processor import EXECUTION_KEY, start_record
from whichstep.recording import Content, Failure, Step, say_once
from whichstep.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a task was told about itself."""

    id: str | None = None
    execution_id: str | None = None
    rerun_of: str | None = None
    session: str | None = None
    user: str | None = None
    purpose: str | None = None
    tags: Sequence[str] | None = None
    metadata: Mapping[str, Any] | None = None

    @property
    def is_own(self) -> bool:
        """Whether it names an execution of its own, also inside of another."""
        return bool(self.id or self.execution_id or self.rerun_of)


ANONYMOUS: Final = Identity()


class Execution(Step):
    """The root step of one execution. `execution_id` is known as soon as it has begun."""

    __slots__ = (
        "_failures",
        "_identity",
        "_is_root",
        "_positions",
        "_succeeded",
        "execution_id",
        "foreign_spans",
        "tracer",
    )
    step_type: ClassVar[str] = "workflow"

    def __init__(
        self,
        name: str,
        attributes: dict[str, Any] | None = None,
        content: Content = (),
        identity: Identity = ANONYMOUS,
    ) -> None:
        super().__init__(name, attributes, content)
        self._identity = identity
        self._positions = itertools.count(2)  # the root is step 1
        self._failures: dict[tuple[str, str], Failure] = {}
        self._succeeded: bool | None = None
        self._is_root = False
        self.execution_id: str | None = None
        self.tracer: trace.Tracer = trace.NoOpTracer()
        self.foreign_spans = False

    def fresh(self) -> Execution:
        """An execution of the same task that has not begun."""
        return Execution(self.name, self._attributes, self._content, self._identity)

    def named_for(self, function: Callable[..., Any]) -> Step:
        """The pattern for the calls of a function, named after it where no name was given."""
        name = self.name or name_of(function)
        return Execution(name, self._attributes, self._content, self._identity)

    def outcome(
        self,
        *,
        success: bool | None = None,
        output: Any = None,
        explanation: str | None = None,
        escalation: str | None = None,
    ) -> Self:
        """Say how the execution ended: see `whichstep.outcome`."""
        if success is not None:
            self._succeeded = bool(success)
            self.set(names.OUTCOME_SUCCESS, bool(success))
        if output is not None:
            self.output(output)
        if explanation is not None:
            self._put(names.OUTCOME_EXPLANATION, explanation)
        if escalation is not None:
            self.set(names.ESCALATION, escalation)
        return self

    @property
    def task_id(self) -> str | None:
        """The id of the task, where it was given one."""
        return self._identity.id

    @property
    def user(self) -> str | None:
        """Who asked for it, where that was said."""
        return self._identity.user

    def next_position(self) -> int:
        """The number of the step that begins now, from 1."""
        return next(self._positions)

    def step_ended(self, step: Step) -> None:
        """Note a failed step, or that a later one of its kind and name recovered it."""
        key = (step.step_type, step.name)
        if step.failure is not None:
            self._failures[key] = step.failure
        elif self._failures and not step.failed:
            self._failures.pop(key, None)

    def first_failure(self) -> Failure | None:
        """The first step that failed and that nothing recovered; the execution itself when only that failed."""
        return min(self._failures.values(), key=lambda failure: failure.position, default=self.failure)

    def _begin(self, runtime: Runtime, context: Context) -> None:
        outer: Any = context.get(EXECUTION_KEY)
        if outer is not None and not self._identity.is_own:
            self._attributes = {names.OPERATION: "invoke_workflow", names.WORKFLOW_NAME: self.name, **self._attributes}
            self.execution_id = outer.execution_id
            super()._begin(runtime, context)
            return
        links = None
        if outer is not None:
            links = [Link(trace.get_current_span(context).get_span_context())]
            context = Context({key: value for key, value in context.items() if value is not outer})
            context = trace.set_span_in_context(trace.INVALID_SPAN, context)
        self._runtime, self.tracer, self._is_root = runtime, runtime.tracer(), True
        self._start_root(runtime, context, links)

    def _start_root(self, runtime: Runtime, context: Context, links: list[Link] | None) -> None:
        attributes = self._root_attributes(runtime)
        explicit = self._identity.execution_id
        is_root = not trace.get_current_span(context).get_span_context().is_valid
        if explicit:
            self.execution_id = attributes[names.EXECUTION_ID] = names.execution_id_of(explicit)
            if self.execution_id != explicit:
                attributes[names.EXECUTION_EXTERNAL_ID] = explicit
        elif not is_root:
            # Within a trace of the application there may be several executions.
            self.execution_id = attributes[names.EXECUTION_ID] = uuid.uuid4().hex
        self._start(self.tracer, context, attributes, links)
        if self._span is None or self._context is None:
            return
        if self.execution_id is None:
            self.execution_id = trace.format_trace_id(self._span.get_span_context().trace_id)
            self._span.set_attribute(names.EXECUTION_ID, self.execution_id)
        self._context = Context({**self._context, EXECUTION_KEY: self})
        if self._span.is_recording() and self._span.get_span_context().trace_flags.sampled:
            runtime.delivery.offer(start_record(self._span))  # type: ignore[arg-type]

    def _root_attributes(self, runtime: Runtime) -> dict[str, Any]:
        given = self._identity
        attributes: dict[str, Any] = {
            names.STEP_TYPE: self.step_type,
            names.OPERATION: "invoke_workflow",
            names.WORKFLOW_NAME: self.name,
            names.TASK_TYPE: self.name,
            names.TASK_ID: given.id,
            names.RERUN_OF: names.execution_id_of(given.rerun_of) if given.rerun_of else None,
            names.SESSION_ID: given.session,
            names.CONVERSATION_ID: given.session,
            names.USER_ID: given.user,
            names.PURPOSE: _purpose(given.purpose),
            names.TAGS: values.names(given.tags or ()) or None,
            names.DROPPED_SPANS: runtime.delivery.dropped_total or None,
            names.POLICY_DIGEST: _policy_digest(),
            **self._attributes,
        }
        for key, value in (given.metadata or {}).items():
            attributes[f"{names.METADATA_PREFIX}{key}"] = values.bounded(value, characters_max=4096).text
        return {name: value for name, value in attributes.items() if value is not None}

    def _end(self, span: Span, error: BaseException | None) -> None:
        super()._end(span, error)
        if self._runtime is not None and self._is_root:
            failed = self.failed or self._succeeded is False
            report.say(self, self._runtime.settings, failed=failed)

    def expect(self, expectation: Mapping[str, Any]) -> None:
        """Set the ground truth: see `whichstep.expect`."""
        self.set(names.EXPECTATION, json.dumps(dict(expectation), ensure_ascii=False, default=str))


def _policy_digest() -> str | None:
    """Of the policy that holds this process's tools: what an execution ran under, also when it does nothing."""
    try:
        gate = tool_gate()
    except ConfigurationError:
        return None  # no tool runs; `configure` said why
    return gate.policy.digest if gate is not None and gate.policy is not None else None


def _purpose(purpose: str | None) -> str | None:
    if purpose is not None and purpose not in names.PURPOSES:
        say_once(f"purpose {purpose}", "whichstep: purpose %r is none of %s", purpose, ", ".join(names.PURPOSES))
    return purpose
