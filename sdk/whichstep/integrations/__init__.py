"""Adapters that put the gate of `whichstep.approval` behind a framework's own tools. One module a framework.

An adapter module has `guard(tool, gate, options) -> tool`. It is imported when a tool of its framework is guarded, and
imports the framework, which is there then. Everything it needs of ours:

    call = gate.call(name, arguments, options, schema)      one action with the arguments of one call
    gate.admit(call) -> Admission                            waits; admit_async for coroutines
    gate.ask(call) -> Admission | Request                    asks and returns at once, to suspend and go on elsewhere
    with approval.admission.running(admission): …            around what runs the action, so that it is asked for once
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

ADAPTERS: dict[str, str] = {}
"""Top-level package of a tool's class -> the module here that guards it."""


def adapter_of(tool: Any) -> Callable[..., Any] | None:
    """What guards a tool of this class; None where no framework of ours made it."""
    for kind in type(tool).__mro__:
        module = ADAPTERS.get(kind.__module__.partition(".")[0])
        if module is not None:
            found: Callable[..., Any] = importlib.import_module(module).guard
            return found
    return None
