"""LangChain: tools behind the gate, and the human-in-the-loop middleware of `create_agent` decided in the inbox.

    tools = policy.guard([send_email], on_approval="suspend")
    agent = create_agent(model, tools, middleware=[HumanInTheLoopMiddleware(interrupt_on(tools))], checkpointer=…)
    agent.invoke(…, config); result = langgraph.resume(agent, config)

The middleware stops where the policy asks for a person; approve, edit and reject are what the reviewer decided. The
tool itself is held too, and uses the decision: an answer that nobody gave in the inbox lets nothing in. Without the
middleware a tool stops by itself. Outside of a graph nothing can be stopped: there use `on_approval="wait"`.
"""

from __future__ import annotations

import contextvars
import functools
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.tools import BaseTool, ToolException
from opentelemetry import trace
from opentelemetry.context import Context

from whichstep.approval.admission import Admission
from whichstep.approval.call import Options
from whichstep.approval.gate import Gate
from whichstep.errors import ConfigurationError
from whichstep.integrations.decisions import refusal
from whichstep.integrations.held import REFUSALS, Held, edited, key_of, step
from whichstep.recording import Current

HELD: Final = "__whichstep_held__"
_CALL_ID: contextvars.ContextVar[str | None] = contextvars.ContextVar("whichstep-tool-call", default=None)
_APPROVAL_IDS: Final = "approval "


class Refused(ToolException):
    """Tells the model that a call was not let in."""


@dataclass(frozen=True, slots=True)
class _Function:
    """A function of a tool, as it is called by the framework: some of its arguments are the model's."""

    held: Held
    shown: tuple[str, ...]
    """Names of the arguments that the model gives; the others are the framework's own."""
    schema: Any

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        named = dict(zip(self.shown, args, strict=False)) | kwargs
        ours = {name: value for name, value in named.items() if name in self.shown} if self.shown else named
        return ours, {name: value for name, value in named.items() if name not in ours}

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ours, theirs = self.split(args, kwargs)
        call_id, around = _CALL_ID.get(), _recorded()

        def act(admission: Admission) -> Any:
            arguments = self.validated(ours, admission)
            with Current(around), step(admission, call_id) as recorded:
                result = function(*arguments.values(), **theirs) if args else function(**theirs, **arguments)
                recorded.result(result)
            return result

        with Current(around):
            call = self.held.call(ours, self.approval_id(ours), call_id)
            try:
                if call.approval_id is not None:
                    return _langgraph().run(self.held.gate, call, act)
                return act(self.held.gate.admit(call))
            except REFUSALS as error:
                raise Refused(str(error)) from error

    async def run_async(
        self, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        ours, theirs = self.split(args, kwargs)
        call_id, around = _CALL_ID.get(), _recorded()

        async def act(admission: Admission) -> Any:
            arguments = self.validated(ours, admission)
            with Current(around), step(admission, call_id) as recorded:
                result = await (function(*arguments.values(), **theirs) if args else function(**theirs, **arguments))
                recorded.result(result)
            return result

        with Current(around):
            call = self.held.call(ours, self.approval_id(ours), call_id)
            try:
                if call.approval_id is not None:
                    return await _langgraph().run_async(self.held.gate, call, act)
                return await act(await self.held.gate.admit_async(call))
            except REFUSALS as error:
                raise Refused(str(error)) from error

    def approval_id(self, arguments: Mapping[str, Any]) -> str | None:
        """The id of the request where the graph can be stopped for it; None where the call has to wait."""
        if not self.held.suspends or not _langgraph().is_running():
            return None
        call_id = _CALL_ID.get()
        asked_before = _asked_by_middleware(self.held, call_id)
        return asked_before or str(_langgraph().approval_id_of(self.held.call(arguments), call_id))

    def validated(self, ours: Mapping[str, Any], admission: Admission) -> dict[str, Any]:
        """The arguments to run with; what a person changed is read by the tool's schema, as the model's are."""
        changed = edited(ours, admission)
        if changed is None or not hasattr(self.schema, "model_validate"):
            return dict(admission.arguments)
        read = self.schema.model_validate(changed)
        return {name: getattr(read, name, value) for name, value in changed.items()}


def guard(tool: BaseTool, gate: Gate, options: Options) -> BaseTool:
    """The tool, held by the gate in whatever way it is run."""
    held = Held(gate, options, tool.name, lambda: _json_schema(tool))
    shown = tuple((_json_schema(tool) or {}).get("properties") or tool.args)
    function = _Function(held, shown, tool.tool_call_schema)
    kept = tool.model_copy()
    kept.handle_tool_error = _telling(tool.handle_tool_error)
    object.__setattr__(kept, HELD, held)
    functions = [name for name in ("func", "coroutine") if callable(getattr(tool, name, None))]
    for name in functions or ("_run", "_arun"):
        _put(kept, name, function, getattr(tool, name))
    for name in ("run", "arun"):
        object.__setattr__(kept, name, _with_call_id(getattr(kept, name)))
    return kept


def interrupt_on(tools: Iterable[Any]) -> dict[str, Any]:
    """What `HumanInTheLoopMiddleware` is to stop for: the calls of these tools for which the policy asks for a person.

    Args:
        tools: As `policy.guard(…, on_approval="suspend")` returned them.

    Raises:
        ConfigurationError: one of them is not guarded so.
    """
    return {held.name: _review(held) for held in map(_held_of, tools)}


def reviewed(value: Mapping[str, Any]) -> list[str]:
    """The approvals that an interrupt of the middleware is about, in order; none where one of them is not ours."""
    asked = value.get("action_requests")
    if not isinstance(asked, list) or not asked:
        return []
    ids = [str(each.get("description", "")).rpartition(_APPROVAL_IDS)[2] for each in asked if isinstance(each, dict)]
    return ids if all(len(approval_id) == 32 for approval_id in ids) else []


def decisions_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What was decided, in the middleware's words."""
    return {"decisions": [_decision(document) for document in documents]}


def _decision(document: Mapping[str, Any]) -> dict[str, Any]:
    why = refusal(document)
    if why is not None and document.get("state") != "consumed":
        return {"type": "reject", "message": why}
    if document.get("edited_arguments"):
        return {"type": "edit", "edited_action": {"name": document["action"], "args": document["edited_arguments"]}}
    return {"type": "approve"}


def _review(held: Held) -> dict[str, Any]:
    def asks(request: Any) -> bool:
        return _open(held, request.tool_call) is not None

    def described(tool_call: Any, _state: Any, _runtime: Any) -> str:
        call = held.call(tool_call["args"])
        return f"{call.summary}\n{_APPROVAL_IDS}{_middleware_id(held, tool_call['id'])}"

    return {"allowed_decisions": ["approve", "edit", "reject"], "when": asks, "description": described}


def _open(held: Held, tool_call: Any) -> Any:
    """The request for a call that the middleware asks about, whatever became of it: it asks again as it goes on."""
    call = held.call(tool_call["args"], _middleware_id(held, tool_call["id"]), tool_call["id"])
    decision = held.gate.decide(call.action, call.arguments, call.agent)
    return held.gate.open(call, decision) if decision.risk_level == "approve" else None


def _middleware_id(held: Held, tool_call_id: str) -> str:
    from langgraph.config import get_config  # noqa: PLC0415  the middleware runs in a graph

    return key_of("langchain", str(get_config()["configurable"].get("thread_id")), held.name, tool_call_id)


def _asked_by_middleware(held: Held, call_id: str | None) -> str | None:
    """The id of the middleware's request for this call, where there is one."""
    if call_id is None:
        return None
    call = held.call({}, _middleware_id(held, call_id))
    request = held.gate.request(call, held.gate.decide(call.action, call.arguments, call.agent))
    return request.approval_id if request.find() else None


def _held_of(tool: Any) -> Held:
    held = getattr(tool, HELD, None)
    if not isinstance(held, Held) or not held.suspends:
        raise ConfigurationError(
            f"{getattr(tool, 'name', tool)!r} is not held: give what policy.guard(…, on_approval='suspend') made"
        )
    return held


def _recorded() -> Context | None:
    """The span of this call as context, where an instrumentation opened one without making it current."""
    module = sys.modules.get("openinference.instrumentation.langchain")
    span = getattr(module, "get_current_span", lambda: None)()
    return None if span is None else trace.set_span_in_context(span)


def _put(kept: Any, name: str, function: _Function, original: Callable[..., Any]) -> None:
    @functools.wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        return function.run(original, args, kwargs)

    @functools.wraps(original)
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        return await function.run_async(original, args, kwargs)

    object.__setattr__(kept, name, run_async if name in {"coroutine", "_arun"} else run)


def _with_call_id(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _CALL_ID.set(kwargs.get("tool_call_id"))
        return run(*args, **kwargs)

    return wrapper


def _telling(handler: Any) -> Callable[[ToolException], str]:
    """Refusals are told to the model; other errors go where the tool says."""

    def tell(error: ToolException) -> str:
        if isinstance(error, Refused):
            return str(error)
        if not handler:
            raise error
        if callable(handler):
            return str(handler(error))
        return handler if isinstance(handler, str) else str(error.args[0] if error.args else "Tool execution error")

    return tell


def _json_schema(tool: BaseTool) -> dict[str, Any] | None:
    schema: Any = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return dict(schema.model_json_schema()) if hasattr(schema, "model_json_schema") else None


def _langgraph() -> Any:
    """The adapter of the graph that may run us; LangChain runs without one, too."""
    try:
        from whichstep.integrations import langgraph  # noqa: PLC0415  see above
    except ImportError:
        return _Chain
    return langgraph


class _Chain:
    """Where LangGraph is not installed, nothing can be stopped."""

    @staticmethod
    def is_running() -> bool:
        return False
