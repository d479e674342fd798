"""What the agent's own code knows of an execution: its outcome, evaluations, and the ground truth it is held against.

All of them speak of the current execution, the one of the innermost `whichstep.task`; an evaluation may name another.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from whichstep import attributes as names

if TYPE_CHECKING:
    from whichstep.execution import Execution
    from whichstep.recording import Step

F = TypeVar("F", bound=Callable[..., Any])
logger = logging.getLogger("whichstep")


def outcome(
    *,
    success: bool | None = None,
    output: Any = None,
    explanation: str | None = None,
    escalation: str | None = None,
) -> None:
    """Say how the current execution ended.

    Args:
        success: Whether the task was done correctly; None leaves it unknown.
        output: The final answer.
        explanation: Why, in a sentence.
        escalation: Why a person was brought in: policy, agent, failure or user.
    """
    execution = _execution("outcome")
    if execution is not None:
        if escalation is not None and escalation not in names.ESCALATION_REASONS:
            logger.warning("whichstep: escalation %r is none of %s", escalation, ", ".join(names.ESCALATION_REASONS))
        execution.outcome(success=success, output=output, explanation=explanation, escalation=escalation)


def expect(
    *,
    tools: Sequence[str] | None = None,
    ordered: bool = False,
    any_of: Sequence[Sequence[str]] | None = None,
    allow_extra: bool = False,
    arguments: Mapping[str, Any] | None = None,
    escalation: bool | None = None,
) -> None:
    """Say what would be right for the current execution, to measure tool selection and escalation against.

    Args:
        tools: The tools that should be called; an empty list says that none should.
        ordered: Whether their order matters.
        any_of: Several right answers, each a list of tools.
        allow_extra: Whether further calls do no harm.
        arguments: For a tool, the arguments it should be called with: an object, or a list of them, one a call.
        escalation: Whether a person should be brought in.
    """
    execution = _execution("expect")
    if execution is not None:
        given = {
            "tools": None if tools is None else list(tools),
            "ordered": ordered,
            "any_of": None if any_of is None else [list(choice) for choice in any_of],
            "allow_extra": allow_extra,
            "arguments": None if arguments is None else dict(arguments),
            "escalation": escalation,
        }
        execution.expect({name: value for name, value in given.items() if value is not None})


def evaluate(
    *,
    name: str,
    score: float | None = None,
    label: str | None = None,
    explanation: str | None = None,
    execution_id: str | None = None,
    step: Step | None = None,
) -> None:
    """Attach an evaluation, of source CODE, to an execution or to a step of it. Works long after the execution ended.

    Args:
        name: What is judged; only `task_success` decides success.
        score: A number, or True and False for 1 and 0.
        label: The same in a word.
        explanation: Why, in a sentence.
        execution_id: Of which execution; the current one where it is left out.
        step: Of which step.
    """
    try:
        _evaluate(name, score, label, explanation, execution_id, step)
    except Exception:  # the outermost edge: never into the host
        logger.exception("whichstep could not record the evaluation %r", name)


def current_execution_id() -> str | None:
    """The id of the current execution, 32 hex digits: of the innermost task, else of the current trace; else None."""
    from whichstep.recording import current_execution, current_trace_id  # noqa: PLC0415  loads OpenTelemetry

    execution = current_execution()
    return execution.execution_id if execution is not None else current_trace_id()


def current_step() -> Step | None:
    """The step that is running, to add to it from inside a decorated function; None outside of steps."""
    from whichstep import recording  # noqa: PLC0415  loads OpenTelemetry

    return recording.current_step()


def carry(function: F) -> F:
    """The function bound to the current context, for a thread or pool that does not carry contexts over.

    `pool.submit(whichstep.carry(work), item)`; asyncio tasks and `asyncio.to_thread` need no help.
    """
    context = copy_context()

    @wraps(function)
    def carried(*args: Any, **kwargs: Any) -> Any:
        # A context can be entered once at a time: each call gets its own copy, so one function may serve many threads.
        return context.copy().run(function, *args, **kwargs)

    return cast("F", carried)


def _execution(verb: str) -> Execution | None:
    from whichstep.recording import current_execution, say_once  # noqa: PLC0415  loads OpenTelemetry

    execution = current_execution()
    if execution is None:
        say_once(verb, "whichstep.%s() outside of a whichstep.task() has nothing to speak of; it is ignored", verb)
    return execution


def _evaluate(
    name: str,
    score: float | None,
    label: str | None,
    explanation: str | None,
    execution_id: str | None,
    step: Step | None,
) -> None:
    from whichstep.encoding import Event  # noqa: PLC0415  loads OpenTelemetry
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    runtime = running()
    key = names.execution_id_of(execution_id) if execution_id is not None else current_execution_id()
    if key is None and step is None:
        logger.warning("whichstep.evaluate(name=%r) names no execution and is outside of one; it is ignored", name)
        return
    if runtime.settings.disabled:
        return
    trace_id, span_id = _where(execution_id, step)
    attributes: dict[str, str | float | bool] = {
        "event.name": names.EVALUATION_EVENT,
        names.EVALUATION_NAME: name,
        names.EVALUATION_SOURCE: "CODE",
    }
    if key is not None:
        attributes[names.EXECUTION_ID] = key
    if score is not None and math.isfinite(float(score)):
        attributes[names.EVALUATION_SCORE] = float(score)
    if label is not None:
        attributes[names.EVALUATION_LABEL] = str(label)
    if explanation is not None and runtime.capture_content:
        attributes[names.EVALUATION_EXPLANATION] = str(explanation)[:4096]
    runtime.delivery.offer(
        Event(
            names.EVALUATION_EVENT,
            attributes,
            time.time_ns(),
            trace_id,
            span_id,
            runtime.provider().resource.attributes,
        )
    )


def _where(execution_id: str | None, step: Step | None) -> tuple[int, int]:
    """Trace and span of the evaluation: of the step, else the trace of the current span, else none."""
    from whichstep.recording import current_trace_id  # noqa: PLC0415  loads OpenTelemetry

    if step is not None and step.step_id is not None and step.trace_id is not None:
        return int(step.trace_id, 16), int(step.step_id, 16)
    trace_id = current_trace_id() if execution_id is None else None
    return (int(trace_id, 16) if trace_id else 0), 0
