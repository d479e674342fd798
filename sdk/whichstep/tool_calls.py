"""The step of a tool's call, which a policy may hold: decorated functions and `with` blocks alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from opentelemetry.context import Context
from opentelemetry.trace import Link, Tracer

from whichstep import attributes as names
from whichstep.approval import calls
from whichstep.approval.admission import ADMISSION_KEY, Admission
from whichstep.approval.call import Options
from whichstep.approval.state import tool_gate
from whichstep.decorate import Arguments, name_of
from whichstep.recording import Content, Step

if TYPE_CHECKING:
    from whichstep.approval.gate import Gate

DEFAULT_OPTIONS: Final = Options()


class ToolCall(Step):
    """One call of a tool. Where a policy is in force, it begins when the policy, or a person, lets it in."""

    __slots__ = ("_is_let_in", "admission")
    step_type: ClassVar[str] = "tool_call"
    takes_edits: ClassVar[bool] = False
    """Whether the code of a `with` block reads the arguments that it may run with."""

    def __init__(self, name: str, attributes: dict[str, Any] | None = None, content: Content = ()) -> None:
        super().__init__(name, attributes, content)
        self._is_let_in = False
        self.admission: Admission | None = None

    def result(self, value: Any) -> Self:
        """Set what the tool answered."""
        return self._put(names.TOOL_RESULT, value)

    @property
    def arguments(self) -> Any:
        """The arguments, as they were given or as a person changed them."""
        return next((value for name, value in self._content if name == names.TOOL_ARGUMENTS), None)

    @arguments.setter
    def arguments(self, value: Any) -> None:
        kept = tuple((name, known) for name, known in self._content if name != names.TOOL_ARGUMENTS)
        self._content = (*kept, (names.TOOL_ARGUMENTS, value))

    @property
    def options(self) -> Options:
        """How it asks for approval where it needs one."""
        return DEFAULT_OPTIONS

    def gate(self) -> Gate | None:
        """What holds it: the policy of the process, where there is one."""
        return tool_gate()

    def called(self, arguments: dict[str, Any]) -> None:
        """Take the arguments of a decorated call."""
        self.arguments = arguments

    def returned(self, value: Any) -> None:
        """Take what a decorated call returned; null where it returned nothing."""
        self.result(value)

    def named_for(self, function: Callable[..., Any]) -> ToolCall:
        """The pattern for the calls of a function, named after it where no name was given."""
        description = (function.__doc__ or "").strip().partition("\n")[0] or None
        given = {names.TOOL_DESCRIPTION: description} if description else {}
        name = self.name or name_of(function)
        return self._like(name, {names.OPERATION: "execute_tool", **given, **self._attributes, names.TOOL_NAME: name})

    def let_in(
        self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Context | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Take the arguments of a decorated call and return those to run it with; raises where it must not run."""
        self._is_let_in = True
        gate = self.gate()
        if gate is None:
            return super().let_in(arguments, args, kwargs, parent)
        return calls.let_in(gate, self, arguments, args, kwargs, parent)

    async def let_in_async(
        self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Context | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The same without blocking the event loop."""
        self._is_let_in = True
        gate = self.gate()
        if gate is None:
            return super().let_in(arguments, args, kwargs, parent)
        return await calls.let_in_async(gate, self, arguments, args, kwargs, parent)

    def __enter__(self) -> Self:
        gate = None if self._is_let_in else self.gate()
        if gate is not None:
            call = calls.block_call(gate, self)
            calls.enter_block(self, call, gate.admit(call, self))
        return super().__enter__()

    async def __aenter__(self) -> Self:
        gate = None if self._is_let_in else self.gate()
        if gate is not None:
            call = calls.block_call(gate, self)
            calls.enter_block(self, call, await gate.admit_async(call, self))
        return super().__enter__()

    def _start(
        self, tracer: Tracer, context: Context, attributes: dict[str, Any], links: list[Link] | None = None
    ) -> None:
        super()._start(tracer, context, attributes, links)
        if self.admission is not None and self.admission.approval_id is not None and self._context is not None:
            self._context = Context({**self._context, ADMISSION_KEY: self.admission})

    def _like(self, name: str, attributes: dict[str, Any]) -> ToolCall:
        return ToolCall(name, attributes, self._content)

    def _span_name(self) -> str:
        return f"execute_tool {self.name}".rstrip()


def tool_call(name: str, attributes: dict[str, Any], content: Content) -> ToolCall:
    """A call of the tool named."""
    return ToolCall(name, {names.OPERATION: "execute_tool", **attributes, names.TOOL_NAME: name}, content)
