"""LangGraph and LangChain inside `workflow.run()`: nodes, tools and model calls are held to the contract as they begin.

Told by LangChain's own callbacks, whoever runs the graph; nothing to set up. A node or tool that the contract forbids
raises `WorkflowViolation` out of `invoke` and does not run. A node that stopped for a person begins anew on resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from opentelemetry import context as otel_context

from whichstep import attributes as names
from whichstep.guard import Held, current_guard
from whichstep.recording import detach
from whichstep.step_types import typed_step

_NODE_TAG: Final = "graph:step:"
_TOKENS: Final = {"input_tokens": names.INPUT_TOKENS, "output_tokens": names.OUTPUT_TOKENS}


class _Steps(BaseCallbackHandler):
    """Tells the run of a workflow, where there is one, what begins and ends."""

    raise_error = True
    run_inline = True

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[Held, Any]] = {}

    def on_chain_start(self, *_: Any, run_id: UUID, tags: Sequence[str] | None = None, **told: Any) -> None:
        """A node of a graph begins; other chains are its content."""
        node = (told.get("metadata") or {}).get("langgraph_node")
        if node and told.get("name") == node and any(tag.startswith(_NODE_TAG) for tag in tags or ()):
            self._begin(run_id, "other", node)

    def on_tool_start(self, *given: Any, run_id: UUID, **told: Any) -> None:
        """A tool begins."""
        self._begin(run_id, "tool_call", told.get("name") or ((given and given[0]) or {}).get("name") or "tool")

    def on_llm_start(self, *_: Any, run_id: UUID, **told: Any) -> None:
        """A model call begins."""
        metadata = told.get("metadata") or {}
        self._begin(run_id, "llm_call", metadata.get("ls_model_name") or told.get("name") or "chat")

    on_chat_model_start = on_llm_start

    def on_retriever_start(self, *_: Any, run_id: UUID, **told: Any) -> None:
        """A retrieval begins."""
        self._begin(run_id, "retrieval", told.get("name") or "retriever")

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """A model call has ended: its tokens count."""
        self._end(run_id, attributes=_usage(response))

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """It has ended, if it was told of."""
        self._end(run_id)

    on_tool_end = on_retriever_end = on_chain_end

    def on_chain_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """It has failed, or waits for a person: it may begin again."""
        self._end(run_id, failed=True)

    on_tool_error = on_retriever_error = on_llm_error = on_chain_error

    def _begin(self, run_id: UUID, step_type: str, name: str) -> None:
        guard = current_guard()
        if guard is None:
            return
        if guard.enforces and guard.allowed(step_type, name) is not None:
            typed_step(step_type, name, ()).begin()  # records the attempt, and raises
        held = guard.open(step_type, name, told=True)
        self._open[run_id] = held, otel_context.attach(held.within(otel_context.get_current()))

    def _end(self, run_id: UUID, *, failed: bool = False, attributes: dict[str, Any] | None = None) -> None:
        held, token = self._open.pop(run_id, (None, None))
        if held is not None:
            held.close(failed=failed, span=SimpleNamespace(attributes=attributes or {}))
            detach(token)


def _usage(response: Any) -> dict[str, Any]:
    """Tokens of an answer, by the SDK's names; of what is not told nothing."""
    try:
        usage = response.generations[0][0].message.usage_metadata or {}
    except (AttributeError, IndexError):
        return {}
    return {ours: usage[theirs] for theirs, ours in _TOKENS.items() if usage.get(theirs)}


_handler: Final[ContextVar[Any]] = ContextVar("whichstep-workflow-steps", default=_Steps())  # noqa: B039
register_configure_hook(_handler, inheritable=True)
