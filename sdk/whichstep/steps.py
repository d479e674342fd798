"""The steps that users write: task, step, tool, llm, retrieval, agent, observe. Decorators and context managers alike.

Each verb without an argument list decorates (`@whichstep.tool`); called, it makes a step that is entered with `with`
or `async with`, or decorates in turn (`@whichstep.tool("lookup_order")`).
"""

# ruff: noqa: A002  id and input are the words that users know

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Self, TypeVar, overload

from opentelemetry.trace import SpanKind

from whichstep import attributes as names
from whichstep import messages, values
from whichstep.decorate import is_function, name_of
from whichstep.execution import Execution, Identity
from whichstep.recording import Content, Step, say_once

F = TypeVar("F", bound=Callable[..., Any])


class TypedStep(Step):
    """A step of one of the other types: agent, guardrail, embedding, …; the type is an attribute."""

    __slots__ = ("_type",)

    def __init__(self, kind: str, name: str, attributes: dict[str, Any] | None = None, content: Content = ()) -> None:
        super().__init__(name, {names.STEP_TYPE: kind, **(attributes or {})}, content)
        self._type = kind

    def fresh(self) -> TypedStep:
        """A step like this one that has not begun."""
        return TypedStep(self._type, self.name, self._attributes, self._content)

    def named_for(self, function: Callable[..., Any]) -> TypedStep:
        """The pattern for the calls of a function, named after it where no name was given."""
        return self if self.name else _typed(self._type, name_of(function), self._content)

    def _span_name(self) -> str:
        operation = names.OPERATIONS.get(self._type)
        return f"{operation} {self.name}".rstrip() if operation else self.name or self._type


class ToolCall(Step):
    """One call of a tool."""

    __slots__ = ()
    step_type: ClassVar[str] = "tool_call"

    def result(self, value: Any) -> Self:
        """Set what the tool answered."""
        return self._put(names.TOOL_RESULT, value)

    def called(self, arguments: dict[str, Any]) -> None:
        """Take the arguments of a decorated call."""
        self._content = (*self._content, (names.TOOL_ARGUMENTS, arguments))

    def returned(self, value: Any) -> None:
        """Take what a decorated call returned; null where it returned nothing."""
        self.result(value)

    def named_for(self, function: Callable[..., Any]) -> Step:
        """The pattern for the calls of a function, named after it where no name was given."""
        description = (function.__doc__ or "").strip().partition("\n")[0] or None
        given = {names.TOOL_DESCRIPTION: description} if description else {}
        return _tool_call(self.name or name_of(function), {**given, **self._attributes}, self._content)

    def _span_name(self) -> str:
        return f"execute_tool {self.name}".rstrip()


class Retrieval(Step):
    """One search for documents."""

    __slots__ = ()
    step_type: ClassVar[str] = "retrieval"
    span_kind: ClassVar[SpanKind] = SpanKind.CLIENT

    def sources(self, documents: Sequence[Any]) -> Self:
        """Set what was found, best first: mappings with id, score, content, or documents of a framework.

        An empty sequence says that nothing was found; leaving it out leaves that unknown.
        """
        return self._put(names.RETRIEVAL_DOCUMENTS, _safely(messages.documents, documents))

    def called(self, arguments: dict[str, Any]) -> None:
        """Take the query among the arguments of a decorated call: by its name, else the first text."""
        texts = (value for value in arguments.values() if isinstance(value, str))
        query = next((arguments[name] for name in ("query", "question", "q") if name in arguments), next(texts, None))
        if query is not None:
            self._content = (*self._content, (names.RETRIEVAL_QUERY, query))

    def returned(self, value: Any) -> None:
        """Take what a decorated call returned: documents, where it is a sequence."""
        if isinstance(value, (list, tuple)):
            self.sources(value)
        elif value is not None:
            self.output(value)

    def named_for(self, function: Callable[..., Any]) -> Step:
        """The pattern for a function: a text given first is its name here, not a query."""
        text = next((value for key, value in self._content if key == names.RETRIEVAL_QUERY), None)
        name = self.name or (text if isinstance(text, str) else name_of(function))
        return Retrieval(name, {names.OPERATION: "retrieval", names.STEP_NAME: name, **self._attributes})

    def _span_name(self) -> str:
        return f"retrieval {self.name}".rstrip()

    def _structure(self, name: str, value: Any) -> Any:
        return messages.documents_without_content(value) if name == names.RETRIEVAL_DOCUMENTS else None


class LlmCall(Step):
    """One call of a model."""

    __slots__ = ()
    step_type: ClassVar[str] = "llm_call"
    span_kind: ClassVar[SpanKind] = SpanKind.CLIENT

    def input(self, value: Any) -> Self:
        """Set the messages sent: a text, or messages as OpenAI or Anthropic take them."""
        return self._put(names.INPUT_MESSAGES, _safely(messages.sent, value))

    def output(self, value: Any) -> Self:
        """Set what the model answered: a text, or messages."""
        return self._put(names.OUTPUT_MESSAGES, _safely(messages.answered, value))

    def response(self, response: Any) -> Self:
        """Read answer, model, finish reason and tokens from a response of OpenAI or Anthropic, object or mapping."""
        read = _safely(messages.read_response, response)
        if not isinstance(read, messages.Response):
            return self.output(response)
        if self._span is not None:
            provider = {} if names.PROVIDER in self._attributes else {names.PROVIDER: read.provider}
            self._span.set_attributes({**provider, **read.attributes})
        return self.output(read.messages)

    def usage(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        cost_usd: float | None = None,
    ) -> Self:
        """Set what the call used. `input_tokens` includes cache reads and writes; what is not given stays unknown."""
        given = {
            names.INPUT_TOKENS: input_tokens,
            names.OUTPUT_TOKENS: output_tokens,
            names.CACHE_READ_TOKENS: cache_read_tokens,
            names.CACHE_WRITE_TOKENS: cache_write_tokens,
            names.REASONING_TOKENS: reasoning_tokens,
            names.COST_USD: cost_usd,
        }
        if self._span is not None:
            self._span.set_attributes({name: value for name, value in given.items() if value is not None})
        return self

    def called(self, arguments: dict[str, Any]) -> None:
        """Take the messages among the arguments of a decorated call: by their name, else the only argument."""
        named = [arguments[name] for name in ("messages", "prompt", "input") if name in arguments]
        value = named[0] if named else next(iter(arguments.values())) if len(arguments) == 1 else None
        if value is not None:
            self.input(value)

    def returned(self, value: Any) -> None:
        """Take what a decorated call returned: a response, or the answer itself."""
        if value is not None:
            self.response(value)

    def named_for(self, function: Callable[..., Any]) -> Step:
        """The pattern for the calls of a function, named after it where no model was given."""
        name = self.name or name_of(function)
        return LlmCall(name, {names.STEP_NAME: name, **self._attributes}, self._content)

    def _span_name(self) -> str:
        return f"chat {self.name}".rstrip()

    def _structure(self, name: str, value: Any) -> Any:
        if name not in {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES} or not isinstance(value, list):
            return None
        return messages.without_content(value)


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
    return _verb(name, _typed("other", _text(name), _content(names.INPUT, input)))


@overload
def agent(name: F, /) -> F: ...
@overload
def agent(name: str | None = None, /, *, input: Any = None) -> TypedStep: ...
def agent(name: Any = None, /, *, input: Any = None) -> Any:
    """An agent at work; the steps inside are its own."""
    return _verb(name, _typed("agent", _text(name), _content(names.INPUT, input)))


@overload
def tool(name: F, /) -> F: ...
@overload
def tool(name: str | None = None, /, *, arguments: Any = None, call_id: str | None = None) -> ToolCall: ...
def tool(name: Any = None, /, *, arguments: Any = None, call_id: str | None = None) -> Any:
    """One call of a tool; `call_id` is the id by which the model asked for it."""
    given = {names.TOOL_CALL_ID: call_id} if call_id is not None else {}
    return _verb(name, _tool_call(_text(name), given, _content(names.TOOL_ARGUMENTS, arguments)))


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
        *_content(names.INPUT_MESSAGES, None if input is None else _safely(messages.sent, input)),
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
        pattern = _typed(kind if kind in names.STEP_TYPES else "other", name or "", ())
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


def _typed(kind: str, name: str, content: Content) -> TypedStep:
    attributes: dict[str, Any] = {}
    if kind in names.OPERATIONS:
        attributes[names.OPERATION] = names.OPERATIONS[kind]
    if name:
        attributes[names.AGENT_NAME if kind == "agent" else names.STEP_NAME] = name
    return TypedStep(kind, name, attributes, content)


def _tool_call(name: str, attributes: dict[str, Any], content: Content) -> ToolCall:
    return ToolCall(name, {names.OPERATION: "execute_tool", **attributes, names.TOOL_NAME: name}, content)


def _safely(convert: Callable[[Any], Any], value: Any) -> Any:
    """The converted value; as it came where a foreign object's own code fails."""
    try:
        return convert(value)
    except Exception as error:  # noqa: BLE001  never into the host
        say_once("convert", "whichstep could not read a value: %r", error)
        return values.plain(value)
