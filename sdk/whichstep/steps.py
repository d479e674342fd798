"""The steps that users write: task, step, tool, llm, retrieval, agent, observe. Decorators and context managers alike.

Each verb without an argument list decorates (`@whichstep.tool`); called, it makes a step that is entered with `with`
or `async with`, or decorates in turn (`@whichstep.tool("lookup_order")`).
"""

# ruff: noqa: A002  id and input are the words that users know

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, overload

from whichstep import attributes as names
from whichstep import messages
from whichstep.decorate import is_function
from whichstep.execution import Execution, Identity
from whichstep.recording import Content, Step, say_once
from whichstep.step_types import LlmCall, Retrieval, TypedStep, safely, typed_step
from whichstep.tool_calls import ToolCall, tool_call

F = TypeVar("F", bound=Callable[..., Any])


@overload
def task(task_type: F, /) -> F: ...
@overload
def task(
    task_type: str | None = None,
    /,
    *,
    id: str | None = None,
    input: Any = None,
    execution_id: str | None = None,
    rerun_of: str | None = None,
    session: str | None = None,
    user: str | None = None,
    purpose: str | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Execution: ...
def task(
    task_type: Any = None,
    /,
    *,
    id: str | None = None,
    input: Any = None,
    execution_id: str | None = None,
    rerun_of: str | None = None,
    session: str | None = None,
    user: str | None = None,
    purpose: str | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """One execution of a task; the argument is the type of task.

    Args:
        task_type: What kind of task it is, `refund_request`; a function's own name where it is left out.
        input: What was asked for.
        id: The task's id, `T-17`; a second execution with the same id is another attempt at the same task.
        execution_id: An id of your own for this execution; other than 32 hex digits it is hashed, and kept beside.
        rerun_of: The execution that this one repeats.
        session: The conversation it belongs to.
        user: Who asked.
        purpose: production (when not given), dataset, adversarial or demo.
        tags: Short labels.
        metadata: More facts, by name.
    """
    if is_function(task_type):
        return Execution("")(task_type)
    identity = Identity(
        id=_known(id),
        execution_id=_known(execution_id),
        rerun_of=_known(rerun_of),
        session=_known(session),
        user=_known(user),
        purpose=purpose,
        tags=tags,
        metadata=metadata,
    )
    return Execution(task_type or "", None, _content(names.INPUT, input), identity)


@overload
def step(name: F, /) -> F: ...
@overload
def step(name: str | None = None, /, *, input: Any = None) -> TypedStep: ...
def step(name: Any = None, /, *, input: Any = None) -> Any:
    """A step of your own code: parsing, routing, checking."""
    return _verb(name, typed_step("other", _text(name), _content(names.INPUT, input)))


@overload
def agent(name: F, /) -> F: ...
@overload
def agent(name: str | None = None, /, *, input: Any = None) -> TypedStep: ...
def agent(name: Any = None, /, *, input: Any = None) -> Any:
    """An agent at work; the steps inside are its own."""
    return _verb(name, typed_step("agent", _text(name), _content(names.INPUT, input)))


@overload
def tool(name: F, /) -> F: ...
@overload
def tool(name: str | None = None, /, *, arguments: Any = None, call_id: str | None = None) -> ToolCall: ...
def tool(name: Any = None, /, *, arguments: Any = None, call_id: str | None = None) -> Any:
    """One call of a tool; `call_id` is the id by which the model asked for it."""
    given = {names.TOOL_CALL_ID: call_id} if call_id is not None else {}
    return _verb(name, tool_call(_text(name), given, _content(names.TOOL_ARGUMENTS, arguments)))


@overload
def retrieval(query: F, /) -> F: ...
@overload
def retrieval(query: Any = None, *, name: str | None = None, source: str | None = None) -> Retrieval: ...
def retrieval(query: Any = None, *, name: str | None = None, source: str | None = None) -> Any:
    """One search for documents; `source` names the index or knowledge base."""
    given = {names.OPERATION: "retrieval", names.STEP_NAME: name, names.DATA_SOURCE_ID: source}
    attributes = {key: value for key, value in given.items() if value is not None}
    content = () if is_function(query) else _content(names.RETRIEVAL_QUERY, query)
    return _verb(query, Retrieval(name or source or "", attributes, content))


@overload
def llm(model: F, /) -> F: ...
@overload
def llm(
    model: str | None = None,
    *,
    provider: str | None = None,
    input: Any = None,
    system: str | None = None,
    tools: Sequence[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> LlmCall: ...
def llm(
    model: Any = None,
    *,
    provider: str | None = None,
    input: Any = None,
    system: str | None = None,
    tools: Sequence[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Any:
    """One call of a model.

    Args:
        model: The model asked for.
        provider: Who serves it: openai, anthropic, …
        input: The messages sent.
        system: The system prompt, where it is not among the messages.
        tools: Definitions of the tools offered.
        parameters: temperature, max_tokens, … of the request.
    """
    name = _text(model)
    attributes: dict[str, Any] = {names.OPERATION: "chat"}
    if name:
        attributes[names.REQUEST_MODEL] = name
    if provider is not None:
        attributes[names.PROVIDER] = provider
    for key, value in (parameters or {}).items():
        attributes[names.REQUEST_PREFIX + key] = value if isinstance(value, (bool, int, float)) else str(value)
    content = (
        *_content(names.SYSTEM_INSTRUCTIONS, None if system is None else [{"type": "text", "content": system}]),
        *_content(names.TOOL_DEFINITIONS, tools),
        *_content(names.INPUT_MESSAGES, None if input is None else safely(messages.sent, input)),
    )
    return _verb(model, LlmCall(name, attributes, content))


def observe(function: F | None = None, /, *, kind: str = "step", name: str | None = None) -> Any:
    """A step of the kind named: task, step, agent, tool, llm, retrieval, or any of the types of steps."""
    verb = VERBS.get(kind)
    if verb is not None:
        pattern = verb(name) if kind not in {"retrieval", "llm_call", "llm"} else _named(verb, name)
    else:
        if kind not in names.STEP_TYPES:
            say_once(f"kind {kind}", "whichstep: kind %r is unknown, recorded as other", kind)
        pattern = typed_step(kind if kind in names.STEP_TYPES else "other", name or "", ())
    return pattern(function) if function is not None else pattern


VERBS: Final[Mapping[str, Callable[..., Any]]] = {
    "task": task,
    "step": step,
    "agent": agent,
    "tool": tool,
    "tool_call": tool,
    "llm": llm,
    "llm_call": llm,
    "retrieval": retrieval,
}


def _verb(first: Any, pattern: Step) -> Any:
    """The decorated function where the verb was given one, else the step."""
    return pattern(first) if is_function(first) else pattern


def _named(verb: Callable[..., Any], name: str | None) -> Step:
    pattern: Step = verb()
    pattern.name = name or pattern.name
    return pattern


def _known(identifier: Any) -> str | None:
    """An id as text: numbers of a database are welcome."""
    return None if identifier is None or identifier == "" else str(identifier)


def _text(name: Any) -> str:
    return name if isinstance(name, str) else ""


def _content(name: str, value: Any) -> Content:
    return () if value is None else ((name, value),)
