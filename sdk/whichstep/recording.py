"""The span behind a step: begun, made current, ended. Base of all steps; loaded with OpenTelemetry at the first one.

Nothing in here raises into the host: what fails is logged once and the step records nothing. A step's context is
attached only while its own code runs, and detached quietly where an abandoned generator ends in another context.

Longer than most modules: what users call, what decorators call and the span are three faces of one object.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Self, TypeVar, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind

from whichstep import attributes as names
from whichstep import values
from whichstep.decorate import Arguments, decorate
from whichstep.errors import WorkflowViolation
from whichstep.exceptions import control_flow, error_message, record_error
from whichstep.processor import EXECUTION_KEY, RUN_KEY
from whichstep.runtime import Runtime, running

if TYPE_CHECKING:
    from whichstep.execution import Execution

F = TypeVar("F", bound=Callable[..., Any])
Content = tuple[tuple[str, Any], ...]
AGENT_KEY: Final = otel_context.create_key("whichstep-agent")
"""Under which the name of the agent at work travels in the OpenTelemetry context."""
LONG_TEXT: Final = 4096
logger: Final = logging.getLogger("whichstep")

_open: dict[int, Step] = {}
"""By span id."""
_said: set[str] = set()


class Failure(NamedTuple):
    """An error that began in a step: the step's number and name, and what the error says."""

    position: int
    name: str
    message: str


class Step:
    """One typed unit of an execution: a context manager, sync or async, and a decorator.

    Methods that add to a step do nothing after it has ended, and nothing when recording is off.
    """

    __slots__ = (
        "_attributes", "_content", "_context", "_error", "_execution", "_held", "_is_origin", "_position", "_runtime",
        "_span", "_token", "_truncated", "name",
    )  # fmt: skip
    step_type: ClassVar[str] = "other"
    span_kind: ClassVar[SpanKind] = SpanKind.INTERNAL

    def __init__(self, name: str, attributes: dict[str, Any] | None = None, content: Content = ()) -> None:
        self.name = name
        self._attributes = attributes or {}
        self._content = content
        self._runtime: Runtime | None = None
        self._execution: Any = None
        self._context: Context | None = None
        self._span: Span | None = None
        self._token: Token[Context] | None = None
        self._error: str | None = None
        self._held: Any = None
        self._is_origin = False
        self._position = 1
        self._truncated: list[str] = []

    # What users call.

    def input(self, value: Any) -> Self:
        """Set what went in."""
        return self._put(names.INPUT, value)

    def output(self, value: Any) -> Self:
        """Set what came out."""
        return self._put(names.OUTPUT, value)

    def summary(self, text: str) -> Self:
        """Say in one line what the step did; shown in place of the composed line."""
        return self._put(names.STEP_SUMMARY, text)

    def set(self, name: str, value: str | float | bool) -> Self:  # noqa: FBT001  an attribute, not a flag
        """Set an attribute of your own on the step's span."""
        if self._span is not None:
            self._span.set_attribute(name, value)
        return self

    @property
    def step_id(self) -> str | None:
        """The step's id as 16 hex digits; None before it has begun."""
        span = self._span_context
        return trace.format_span_id(span.span_id) if span is not None else None

    @property
    def trace_id(self) -> str | None:
        """The id of its trace as 32 hex digits; None before it has begun."""
        span = self._span_context
        return trace.format_trace_id(span.trace_id) if span is not None else None

    def __enter__(self) -> Self:
        self.begin()
        if self._context is not None:
            self._token = otel_context.attach(self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        token, self._token = self._token, None
        # A generator abandoned with the step open ends at any moment: what is current then may be another's.
        if not isinstance(error, GeneratorExit) or otel_context.get_current() is self._context:
            detach(token)
        self.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, stack)

    def __call__(self, function: F) -> F:
        """Decorate a function: each call is a step like this one."""
        return decorate(function, self.named_for(function))

    @property
    def failed(self) -> bool:
        """Whether an error left the step."""
        return self._error is not None

    @property
    def failure(self) -> Failure | None:
        """The failure that began in this step; None where it only passed through, and where there was none."""
        return Failure(self._position, self.name, self._error) if self._error is not None and self._is_origin else None

    # What decorators and streams call.

    def named_for(self, function: Callable[..., Any]) -> Step:  # noqa: ARG002  other kinds take their name from it
        """The pattern for the calls of a function."""
        return self

    def fresh(self) -> Step:
        """A step like this one that has not begun."""
        return type(self)(self.name, self._attributes, self._content)

    def called(self, arguments: dict[str, Any]) -> None:
        """Take the arguments of a decorated call, by name, before the step begins."""
        if arguments:
            value = next(iter(arguments.values())) if len(arguments) == 1 else arguments
            self._content = (*self._content, (names.INPUT, value))

    def mark(self, attributes: dict[str, str]) -> None:
        """Add attributes to a step that has not begun."""
        self._attributes = {**self._attributes, **attributes}

    def let_in(
        self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Context | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Take the arguments of a decorated call and return those to run it with; raises where it must not run.

        `parent` is the context that the step will begin under, the current one where it is left out.
        """
        _ = parent  # of use to actions alone
        self.called(arguments(args, kwargs))
        return args, kwargs

    async def let_in_async(
        self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Context | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The same without blocking the event loop."""
        return self.let_in(arguments, args, kwargs, parent)

    def returned(self, value: Any) -> None:
        """Take what a decorated call returned, or what its stream produced."""
        if value is not None:
            self.output(value)

    def begin(self, parent: Context | None = None, *, held: bool = True) -> None:
        """Start the span under the context given, else the current one; makes nothing current.

        `held`: whether it counts to the workflow around it; the record of an attempt that never ran does not.

        Raises:
            WorkflowViolation: inside of `workflow.run()`, where the contract forbids the step.
        """
        context = otel_context.get_current() if parent is None else parent
        try:
            runtime = running()
            if not runtime.settings.disabled:
                self._begin(runtime, context)
        except Exception as error:  # noqa: BLE001  the outermost edge: never into the host
            say_once("begin", "whichstep could not begin a step: %r", error)
        run: Any = context.get(RUN_KEY)
        if run is not None and held:
            self._hold(run, context)

    def current(self) -> Current:
        """Make the begun step the current one for the duration of a `with` block."""
        return Current(self._context)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the exception that left the step."""
        span, self._span = self._span, None
        held, self._held = self._held, None
        if held is not None:
            held.close(failed=error is not None and control_flow(error) is None, span=span)
        if span is None:
            return
        try:
            _open.pop(span.get_span_context().span_id, None)
            self._end(span, error)
            span.end()
        except Exception as failure:  # noqa: BLE001  the outermost edge: never into the host
            say_once("end", "whichstep could not end a step: %r", failure)

    # The machinery.

    def _begin(self, runtime: Runtime, context: Context) -> None:
        execution: Any = context.get(EXECUTION_KEY)
        if execution is None:
            tracer, execution_id = runtime.tracer(), _inherited_execution_id(context)
        else:
            tracer, execution_id = execution.tracer, execution.execution_id
            self._position = execution.next_position()
        attributes = {names.STEP_TYPE: self.step_type, **self._attributes}
        if execution_id is not None:
            attributes[names.EXECUTION_ID] = execution_id
        self._runtime, self._execution = runtime, execution
        self._start(tracer, context, attributes)

    def _start(
        self, tracer: trace.Tracer, context: Context, attributes: dict[str, Any], links: list[Link] | None = None
    ) -> None:
        for name, value in self._content:
            self._encode(attributes, name, value)
        span = tracer.start_span(self._span_name(), context, self.span_kind, attributes, links)
        self._span = span
        self._context = trace.set_span_in_context(span, context)
        _open[span.get_span_context().span_id] = self

    def _hold(self, run: Any, context: Context) -> None:
        """Hold the step to the contract of the workflow that it is in."""
        try:
            self._held = run.open(self._type_name(), self.name or self._span_name(), context)
        except WorkflowViolation as violation:
            self.set(names.WORKFLOW_VIOLATION, violation.rule).end(violation)
            raise
        if self._held.violation is not None:
            self.set(names.WORKFLOW_VIOLATION, self._held.violation.rule)
        if self._context is not None:
            self._context = self._held.within(self._context)

    def _end(self, span: Span, error: BaseException | None) -> None:
        runtime, execution = self._runtime, self._execution
        if self._truncated:
            span.set_attribute(names.TRUNCATED, self._truncated)
        if error is not None:
            flow = control_flow(error)
            if flow is not None:
                span.set_attribute(names.CONTROL_FLOW, flow)
            else:
                self._error = error_message(error)
                with_content = runtime is None or runtime.capture_content
                self._is_origin = record_error(span, error, with_content=with_content)
        if execution is not None:
            execution.step_ended(self)

    @property
    def _span_context(self) -> trace.SpanContext | None:
        return None if self._context is None else trace.get_current_span(self._context).get_span_context()

    def _span_name(self) -> str:
        return self.name

    def _type_name(self) -> str:
        return self.step_type

    def _structure(self, name: str, value: Any) -> Any:  # noqa: ARG002  other kinds keep roles, names and scores
        """What of a value is no content; None when all of it is."""
        return None

    def _put(self, name: str, value: Any) -> Self:
        """Set a content attribute now, or at the begin of a step that has not begun."""
        try:
            if self._span is not None:
                encoded: dict[str, Any] = {}
                self._encode(encoded, name, value)
                self._span.set_attributes(encoded)
            elif self._context is None:
                self._content = (*self._content, (name, value))
        except Exception as error:  # noqa: BLE001  the outermost edge: never into the host
            say_once("value", "whichstep could not record a value: %r", error)
        return self

    def _encode(self, attributes: dict[str, Any], name: str, value: Any) -> None:
        """Add a value as bounded text; where content may not be captured, its structure, or nothing."""
        runtime = self._runtime
        if runtime is None:
            return
        if not runtime.capture_content and (value := self._structure(name, value)) is None:
            return
        text, truncated = values.bounded(value, characters_max=runtime.settings.value_characters_max)
        attributes[name] = text
        if len(text) > LONG_TEXT:
            runtime.delivery.add_characters(len(text))
        if truncated:
            self._truncated.append(name)


class Current:
    """A context that is attached for the duration of a `with` block, and quietly detached."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context | None) -> None:
        self._context = context
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        if self._context is not None:
            self._token = otel_context.attach(self._context)

    def __exit__(self, *_error: object) -> None:
        detach(self._token)


def detach(token: Token[Context] | None) -> None:
    """Undo an attach; silently in another context than the one attached to, where there is nothing to undo."""
    if token is None:
        return
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        return


def current_step() -> Step | None:
    """The step that is running; None outside of steps, and inside a span of another library."""
    return _open.get(trace.get_current_span().get_span_context().span_id)


def current_execution() -> Execution | None:
    """The execution of the current context."""
    return cast("Execution | None", otel_context.get_value(EXECUTION_KEY))


def current_trace_id() -> str | None:
    """The trace of the current span, whoever's it is."""
    span = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span.trace_id) if span.is_valid else None


def end_open_steps() -> None:
    """End what is still open, innermost first, as cancelled: the process is ending."""
    for step in reversed(list(_open.values())):
        step.end(GeneratorExit())


def say_once(key: str, message: str, *arguments: object) -> None:
    """Log a warning the first time only."""
    if key not in _said:
        _said.add(key)
        logger.warning(message, *arguments)


def _inherited_execution_id(context: Context) -> str | None:
    """The execution of the parent span, where only the span was carried into this thread."""
    attributes = getattr(trace.get_current_span(context), "attributes", None)
    value = attributes.get(names.EXECUTION_ID) if attributes else None
    return value if isinstance(value, str) else None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)  # the parent ends its own steps
