"""The types of steps and what each records: retrievals, model calls, and all others by name. Tools: `tool_calls`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Tracer

from whichstep import attributes as names
from whichstep import messages, values
from whichstep.decorate import name_of
from whichstep.recording import AGENT_KEY, Content, Step, say_once


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
        return self if self.name else typed_step(self._type, name_of(function), self._content)

    def _start(
        self, tracer: Tracer, context: Context, attributes: dict[str, Any], links: list[Link] | None = None
    ) -> None:
        super()._start(tracer, context, attributes, links)
        if self._type == "agent" and self.name and self._context is not None:
            self._context = Context({**self._context, AGENT_KEY: self.name})

    def _span_name(self) -> str:
        operation = names.OPERATIONS.get(self._type)
        return f"{operation} {self.name}".rstrip() if operation else self.name or self._type

    def _type_name(self) -> str:
        return self._type


class Retrieval(Step):
    """One search for documents."""

    __slots__ = ()
    step_type: ClassVar[str] = "retrieval"
    span_kind: ClassVar[SpanKind] = SpanKind.CLIENT

    def sources(self, documents: Sequence[Any]) -> Self:
        """Set what was found, best first: mappings with id, score, content, or documents of a framework.

        An empty sequence says that nothing was found; leaving it out leaves that unknown.
        """
        return self._put(names.RETRIEVAL_DOCUMENTS, safely(messages.documents, documents))

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
        return self._put(names.INPUT_MESSAGES, safely(messages.sent, value))

    def output(self, value: Any) -> Self:
        """Set what the model answered: a text, or messages."""
        return self._put(names.OUTPUT_MESSAGES, safely(messages.answered, value))

    def response(self, response: Any) -> Self:
        """Read answer, model, finish reason and tokens from a response of OpenAI or Anthropic, object or mapping."""
        read = safely(messages.read_response, response)
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


def typed_step(kind: str, name: str, content: Content) -> TypedStep:
    """A step of the type named, with the GenAI attributes of that type."""
    attributes: dict[str, Any] = {}
    if kind in names.OPERATIONS:
        attributes[names.OPERATION] = names.OPERATIONS[kind]
    if name:
        attributes[names.AGENT_NAME if kind == "agent" else names.STEP_NAME] = name
    return TypedStep(kind, name, attributes, content)


def safely(convert: Callable[[Any], Any], value: Any) -> Any:
    """The converted value; as it came where a foreign object's own code fails."""
    try:
        return convert(value)
    except Exception as error:  # noqa: BLE001  never into the host
        say_once("convert", "whichstep could not read a value: %r", error)
        return values.plain(value)
