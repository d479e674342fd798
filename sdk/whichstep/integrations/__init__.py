"""Adapters that put the gate of `whichstep.approval` behind a framework's own tools. One module a framework.

    langchain, langgraph    tools; `interrupt` and `resume`; LangChain's human-in-the-loop middleware
    openai_agents           function tools; `needs_approval`, and `resume` of the run's state
    pydantic_ai             tools; `ApprovalRequired`, and `resume` of the deferred requests
    autogen, crewai, mcp    tools and client sessions: the call waits
    held, decisions         what they share

An adapter module has `guard(tool, gate, options) -> tool`. It is imported when a tool of its framework is guarded, and
imports the framework, which is there then. With `on_approval="suspend"` a framework that can stop and go on does so by
its own mechanism; the others wait. A refusal is told to the model, as the framework tells errors of tools.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

ADAPTERS: dict[str, str] = {
    "agents.tool": "openai_agents",
    "autogen_core": "autogen",
    "crewai": "crewai",
    "langchain_core": "langchain",
    "mcp.client": "mcp",
    "pydantic_ai.tools": "pydantic_ai",
}
"""Package or module of a tool's class -> the module here that guards it."""
SUSPENDING: dict[str, str] = {"langgraph.pregel": "langgraph"}
"""Module that is loaded where a framework runs us that can stop anywhere -> the module here that stops it."""


def adapter_of(tool: Any) -> Callable[..., Any] | None:
    """What guards a tool of this class; None where no framework of ours made it."""
    for kind in type(tool).__mro__:
        parts = kind.__module__.split(".")
        for length in range(len(parts), 0, -1):
            module = ADAPTERS.get(".".join(parts[:length]))
            if module is not None:
                found: Callable[..., Any] = importlib.import_module(f"{__name__}.{module}").guard
                return found
    return None


def suspension() -> Callable[..., Any] | None:
    """What lets an action in by stopping the framework that runs the current code; None where none does."""
    for loaded, module in SUSPENDING.items():
        if loaded in sys.modules:
            adapter = importlib.import_module(f"{__name__}.{module}")
            if adapter.is_running():
                found: Callable[..., Any] = adapter.let_in
                return found
    return None
