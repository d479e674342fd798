"""Turns a function into one whose calls are steps: sync, async, generators, async generators, methods of classes.

A step of a stream begins with its first item, under the context in which the function was called, and ends when the
stream ends or is abandoned. Between two items nothing of it is attached to the consumer's context. Standard library
only; the steps themselves are handed in.

The wrapper of a generator function is a plain function that returns the generator: only so is the context that of the
call, and a response that is streamed after its handler has returned still belongs to the handler's execution.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from whichstep.recording import Step

F = TypeVar("F", bound=Callable[..., Any])
ITEMS_MAX: Final = 10_000
"""Items of a stream that are kept for the step's output; the rest is passed on only."""
PATTERN: Final = "__whichstep_step__"
"""Attribute of a decorated function: the step that its calls are like."""


def decorate(function: F, pattern: Step) -> F:
    """The function with each call recorded as a step like `pattern`. Classes are returned as they are."""
    if isinstance(function, (classmethod, staticmethod)):
        return cast("F", type(function)(decorate(function.__func__, pattern)))
    if isinstance(function, type) or not callable(function):
        return function
    wrap = _wrapper(function)
    wrapped = functools.wraps(function)(wrap(function, pattern, Arguments(function)))
    setattr(wrapped, PATTERN, pattern)
    return cast("F", wrapped)


def is_function(value: Any) -> bool:
    """Whether a verb was given something to decorate, rather than a name."""
    return callable(value) or isinstance(value, (classmethod, staticmethod))


def name_of(function: Any) -> str:
    """The name of a function, also of a partial one or of an object that can be called."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", None) or type(inner).__name__)


def _wrapper(function: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    if inspect.isasyncgenfunction(function):
        return _async_generator
    if inspect.isgeneratorfunction(function):
        return _generator
    return _coroutine if inspect.iscoroutinefunction(function) else _plain


class Arguments:
    """The arguments of the calls of one function, by name and without self or cls."""

    __slots__ = ("_defaults", "_kinds", "_names", "_rest", "_skipped", "function")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        positional = [p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
        self._skipped = 1 if positional[:1] in (["self"], ["cls"]) else 0
        self._names = tuple(positional[self._skipped :])
        self._rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
        self._defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self._kinds = {p.name: p.kind for p in parameters}

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name the arguments of one call, without defaults that were not given."""
        given = args[self._skipped :]
        named = dict(zip(self._names, given, strict=False))
        if len(given) > len(self._names):
            named[self._rest] = list(given[len(self._names) :])
        named.update(kwargs)
        return named

    def with_defaults(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name the arguments that the function will see, in the order of its parameters."""
        seen = {**self._defaults, **self(args, kwargs)}
        return {**{name: seen[name] for name in self._kinds if name in seen}, **seen}

    def placed(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Put named arguments into a call; self or cls come from the `args` of the call that they were named from."""
        by_keyword, rest = dict(named), named.get(self._rest)
        has_rest = self._kinds.get(self._rest) is inspect.Parameter.VAR_POSITIONAL and bool(rest)
        positional = list(args[: self._skipped])
        for name in self._names:
            if name not in by_keyword or not (has_rest or self._kinds[name] is inspect.Parameter.POSITIONAL_ONLY):
                break
            positional.append(by_keyword.pop(name))
        if has_rest and isinstance(rest, (list, tuple)):
            positional.extend(by_keyword.pop(self._rest))
        return tuple(positional), by_keyword


def _plain(function: Callable[..., Any], pattern: Step, arguments: Arguments) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        step = pattern.fresh()
        args, kwargs = step.let_in(arguments, args, kwargs)
        with step:
            value = function(*args, **kwargs)
            step.returned(value)
        return value

    return wrapper


def _coroutine(function: Callable[..., Any], pattern: Step, arguments: Arguments) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        step = pattern.fresh()
        args, kwargs = await step.let_in_async(arguments, args, kwargs)
        with step:
            value = await function(*args, **kwargs)
            step.returned(value)
        return value

    return wrapper


def _generator(_function: Callable[..., Any], pattern: Step, arguments: Arguments) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _stream(pattern.fresh(), arguments, args, kwargs, _context())

    return wrapper


def _async_generator(_function: Callable[..., Any], pattern: Step, arguments: Arguments) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _async_stream(pattern.fresh(), arguments, args, kwargs, _context())

    return wrapper


def _stream(
    step: Step, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Any
) -> Generator[Any, Any, Any]:
    args, kwargs = step.let_in(arguments, args, kwargs, parent)
    inner: Generator[Any, Any, Any] = arguments.function(*args, **kwargs)
    items: list[Any] = []
    error: BaseException | None = None
    resume: Callable[..., Any] = inner.send
    given: Any = None
    step.begin(parent)
    try:
        while True:
            try:
                with step.current():
                    item = resume(given)
            except StopIteration as stop:
                step.returned(_collected(items) if stop.value is None else stop.value)
                return stop.value
            _keep(items, item)
            try:
                resume, given = inner.send, (yield item)
            except GeneratorExit:
                with step.current():
                    inner.close()
                raise
            except BaseException as thrown:  # noqa: BLE001  whatever the consumer throws belongs to the generator
                resume, given = inner.throw, thrown
    except BaseException as raised:
        error = raised
        step.returned(_collected(items))
        raise
    finally:
        step.end(error)


async def _async_stream(
    step: Step, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Any
) -> AsyncGenerator[Any, Any]:
    args, kwargs = await step.let_in_async(arguments, args, kwargs, parent)
    inner: AsyncGenerator[Any, Any] = arguments.function(*args, **kwargs)
    items: list[Any] = []
    error: BaseException | None = None
    resume: Callable[..., Any] = inner.asend
    given: Any = None
    step.begin(parent)
    try:
        while True:
            try:
                with step.current():
                    item = await resume(given)
            except StopAsyncIteration:
                step.returned(_collected(items))
                return
            _keep(items, item)
            try:
                resume, given = inner.asend, (yield item)
            except GeneratorExit:
                with step.current():
                    await inner.aclose()
                raise
            except BaseException as thrown:  # noqa: BLE001  whatever the consumer throws belongs to the generator
                resume, given = inner.athrow, thrown
    except BaseException as raised:
        error = raised
        step.returned(_collected(items))
        raise
    finally:
        step.end(error)


def _keep(items: list[Any], item: Any) -> None:
    if len(items) < ITEMS_MAX:
        items.append(item)


def _collected(items: list[Any]) -> Any:
    """What a stream produced: its text when it is a stream of text, else the list of items; None when nothing."""
    if not items:
        return None
    return "".join(items) if all(type(item) is str for item in items) else items


def _context() -> Any:
    from opentelemetry import context  # noqa: PLC0415  loaded by the step that was just made

    return context.get_current()
