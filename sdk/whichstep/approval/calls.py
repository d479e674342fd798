"""Lets the calls of recorded tools in: decorated functions, and the blocks of `with whichstep.tool(…)`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from whichstep.approval.admission import Admission
from whichstep.approval.call import Call
from whichstep.approval.schema import schema_of
from whichstep.decorate import Arguments
from whichstep.errors import ApprovalRejected

if TYPE_CHECKING:
    from whichstep.approval.gate import Gate
    from whichstep.tool_calls import ToolCall

Placed = tuple[tuple[Any, ...], dict[str, Any]]


def let_in(
    gate: Gate,
    step: ToolCall,
    arguments: Arguments,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    parent: Context | None,
) -> Placed:
    """The arguments that a decorated function may run with; raises where it must not run."""
    call = _call(gate, step, arguments, args, kwargs)
    return _entered(step, arguments, call, gate.admit(call, step, parent), args, kwargs)


async def let_in_async(
    gate: Gate,
    step: ToolCall,
    arguments: Arguments,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    parent: Context | None,
) -> Placed:
    """The same without blocking the event loop."""
    call = _call(gate, step, arguments, args, kwargs)
    return _entered(step, arguments, call, await gate.admit_async(call, step, parent), args, kwargs)


def block_call(gate: Gate, step: ToolCall) -> Call:
    """The action that a `with` block is."""
    given = step.arguments
    named = given if isinstance(given, Mapping) else {} if given is None else {"arguments": given}
    return gate.call(step.name, named, step.options)


def enter_block(step: ToolCall, call: Call, admission: Admission) -> None:
    """Mark the step of a block that may run. What a person changed is in `step.arguments`."""
    step.mark(admission.marks())
    step.admission = admission
    if is_changed(call, admission):
        if not step.takes_edits:
            raise ApprovalRejected(
                f"the arguments of {call.action} were edited, which a `with whichstep.tool(…)` block cannot take; it "
                "did not run. Decorate a function, or use `with whichstep.action(…) as call` and its call.arguments",
                admission.approval_id,
            )
        step.arguments = dict(admission.arguments)


def is_changed(call: Call, admission: Admission) -> bool:
    """Whether a person changed the arguments."""
    ours, theirs = call.arguments, admission.arguments
    return ours.keys() != theirs.keys() or any(theirs[name] is not value for name, value in ours.items())


def _call(gate: Gate, step: ToolCall, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    named = arguments.with_defaults(args, kwargs)
    return gate.call(step.name, named, step.options, partial(schema_of, arguments.function))


def _entered(
    step: ToolCall,
    arguments: Arguments,
    call: Call,
    admission: Admission,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Placed:
    step.mark(admission.marks())
    step.admission = admission
    step.called(dict(admission.arguments))
    return arguments.placed(args, dict(admission.arguments)) if is_changed(call, admission) else (args, kwargs)
