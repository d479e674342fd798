"""LangGraph: an action that needs a person stops the graph by `interrupt`, and goes on when the decision is there.

    graph.invoke(inputs, config)                    stops; the request is in the inbox
    resume(graph, config)                           waits for the decision, in whichever process, and goes on

With `on_approval="suspend"`, `policy.guard([...])` tools and `@whichstep.action` functions stop so inside of any node;
the graph needs a checkpointer. On resume LangGraph runs the node again from its start: the action is asked for once,
and its decision is used once. What a tool returned is kept in the checkpoint (as LangGraph's `task`), so that a node
which stops again for another tool does not run the first anew. A plain function that ran before its node stopped again
is refused instead: give such a node one action. A program that resumes by itself with `Command(resume=…)` decides
nothing: only the sidecar's word lets the action in.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from langgraph.config import get_config
from langgraph.func import task
from langgraph.types import Command, interrupt

from whichstep.approval.admission import Admission
from whichstep.approval.arguments import digest
from whichstep.approval.call import Call
from whichstep.approval.gate import Gate
from whichstep.approval.request import Request
from whichstep.integrations.decisions import decided, execution_of
from whichstep.integrations.held import in_context, key_of

if TYPE_CHECKING:
    from whichstep.policy import Decision

_ran: Final[OrderedDict[str, Future[Any]]] = OrderedDict()
_lock: Final = threading.Lock()
_KEPT_MAX: Final = 1000
APPROVAL: Final = "approval_id"
"""Key of our interrupts' value that tells them from the application's own."""


def is_running() -> bool:
    """Whether the current code is run by a graph."""
    try:
        return "checkpoint_ns" in get_config()["configurable"]
    except (KeyError, RuntimeError):
        return False


def let_in(gate: Gate, call: Call, decision: Decision | None = None) -> Admission:
    """Return when the action may run; else interrupt the graph, or raise as `Gate.ask`."""
    found = asked(gate, call, decision)
    return found if isinstance(found, Admission) else gate.use(found)


def run(gate: Gate, call: Call, act: Callable[[Admission], Any]) -> Any:
    """Run an action once the graph may go on, and keep its result with the checkpoint."""
    found = asked(gate, call)
    if isinstance(found, Admission):
        return act(found)
    kept: Any = task(name=_kept_as(found))
    return kept(lambda: _once(found.approval_id, lambda: act(gate.use(found))))().result()


def _once(approval_id: str, act: Callable[[], Any]) -> Any:
    """What the action gave, also where it ran before in this process and the graph did not keep it.

    A node that stops for another tool leaves its threads behind: one may be at work still, or done too late for the
    checkpoint.
    """
    running, begun = _running(approval_id)
    if begun:
        try:
            running.set_result(act())
        except BaseException as error:  # noqa: BLE001  raised again below, to whoever waits
            _failed(approval_id, running, error)
    return running.result()


async def _once_async(approval_id: str, act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The same for coroutines, whose node cancels them: an action that a decision was used for runs to its end."""
    running, begun = _running(approval_id)
    if begun:
        acting = asyncio.ensure_future(act())
        acting.add_done_callback(lambda done: _ended(approval_id, running, done))
        return await asyncio.shield(acting)
    return await asyncio.wrap_future(running)


def _running(approval_id: str) -> tuple[Future[Any], bool]:
    """What an action will give, or gave, and whether it is the caller's to run it."""
    with _lock:
        known = _ran.get(approval_id)
        if known is not None:
            return known, False
        running = _ran[approval_id] = Future[Any]()
        if len(_ran) > _KEPT_MAX:
            _ran.popitem(last=False)
        return running, True


def _ended(approval_id: str, running: Future[Any], done: asyncio.Future[Any]) -> None:
    if done.cancelled():
        _failed(approval_id, running, asyncio.CancelledError())
    elif (error := done.exception()) is not None:
        _failed(approval_id, running, error)
    else:
        running.set_result(done.result())


def _failed(approval_id: str, running: Future[Any], error: BaseException) -> None:
    with _lock:
        _ran.pop(approval_id, None)
    running.set_exception(error)


async def run_async(gate: Gate, call: Call, act: Callable[[Admission], Any]) -> Any:
    """The same for coroutines: `act` is one."""
    found = await in_context(lambda: asked(gate, call))
    if isinstance(found, Admission):
        return await act(found)

    async def acted() -> Any:
        return await act(await in_context(lambda: gate.use(found)))

    async def once() -> Any:
        return await _once_async(found.approval_id, acted)

    kept: Any = task(name=_kept_as(found))
    return await kept(once)()


def asked(gate: Gate, call: Call, decision: Decision | None = None) -> Admission | Request:
    """The request once it is no longer pending; the graph is interrupted while it is."""
    call = replace(call, approval_id=call.approval_id or approval_id_of(call))
    while not isinstance(found := gate.open(call, decision), Admission) and found.state == "pending":
        interrupt(
            {
                APPROVAL: found.approval_id,
                "action": call.action,
                "arguments": found.document.get("arguments"),
                "summary": call.summary,
                "expires_at": found.document.get("expires_at"),
            }
        )
    return found


def approval_id_of(call: Call, tool_call_id: str | None = None) -> str:
    """The id that a call keeps when its node is run again: of its place in the graph, and its arguments or call id."""
    place = get_config()["configurable"]
    which = tool_call_id or digest(call.arguments)
    return key_of("langgraph", str(place.get("thread_id")), str(place.get("checkpoint_ns")), call.action, which)


def resume(graph: Any, config: Mapping[str, Any], *, timeout: float | None = None, **options: Any) -> Any:
    """Wait for the decisions that a graph has stopped for, and run it on until it ends or stops for something else.

    Works in another process than the one that stopped: all it needs is the checkpoint. Recorded as the execution that
    asked, unless it is called inside of one.

    Args:
        graph: The compiled graph, with the checkpointer that it stopped with.
        config: The config of the run, with its `thread_id`.
        timeout: Seconds to wait for each stop at most; until the requests expire where it is left out.
        options: For `graph.invoke`.

    Returns:
        The state, as of `graph.invoke`; that of the checkpoint where the graph has not stopped for a decision. A tool
        that was refused tells its model; a plain function raises.

    Raises:
        ApprovalPending: the time given is over.
        ApprovalUnavailable: the sidecar is away for too long.
    """
    state: Any = graph.get_state(config)
    result = state.values
    while stops := stops_of(state):
        with execution_of(decided(_first_id(stops), timeout), session=_thread(config)):
            result = graph.invoke(_answers(stops, timeout), config, **options)
        state = graph.get_state(config)
    return result


async def aresume(graph: Any, config: Mapping[str, Any], *, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109  as above
    """The same without blocking the event loop, by `graph.ainvoke`."""
    state: Any = await graph.aget_state(config)
    result = state.values
    while stops := stops_of(state):
        document = await in_context(lambda: decided(_first_id(stops), timeout))
        command = await in_context(lambda: _answers(stops, timeout))
        with execution_of(document, session=_thread(config)):
            result = await graph.ainvoke(command, config, **options)
        state = await graph.aget_state(config)
    return result


def stops_of(state: Any) -> dict[str, list[str]]:
    """The approvals that a graph has stopped for: interrupt id -> approval ids. Interrupts of others are left out."""
    found = {each.id: _approval_ids(each.value) for each in getattr(state, "interrupts", ())}
    return {interrupt_id: ids for interrupt_id, ids in found.items() if ids}


def _approval_ids(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    if isinstance(value.get(APPROVAL), str):
        return [value[APPROVAL]]
    from whichstep.integrations.langchain import reviewed  # noqa: PLC0415  which imports this module

    return reviewed(value)


def _answers(stops: Mapping[str, list[str]], timeout: float | None) -> Any:
    """The command that lets a graph go on: what was decided, by interrupt."""
    return Command(resume={each: _answer(ids, timeout) for each, ids in stops.items()})


def _answer(ids: list[str], timeout: float | None) -> dict[str, Any]:
    documents = [decided(approval_id, timeout) for approval_id in ids]
    from whichstep.integrations.langchain import decisions_of  # noqa: PLC0415  which imports this module

    return {APPROVAL: ids[0], "state": documents[0]["state"], **decisions_of(documents)}


def _kept_as(request: Request) -> str:
    return f"{request.call.action}:{request.approval_id}"


def _first_id(stops: Mapping[str, list[str]]) -> str:
    return next(iter(stops.values()))[0]


def _thread(config: Mapping[str, Any]) -> str | None:
    thread = (config.get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)
