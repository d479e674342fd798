"""Turns on the instrumentation of the agent frameworks that are installed; `frameworks` is the whole knowledge.

One instrumentor a library, never two for the same calls: a model client that a framework already records (LangChain
with langchain-openai) is left alone, unless it is asked for by name. Nothing is imported that is not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from whichstep import frameworks as table
from whichstep.frameworks import Framework

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger("whichstep")
_ON: Final = frozenset({"on", "already on"})


@dataclass(frozen=True, slots=True)
class Found:
    """One installed framework and what became of it."""

    framework: str
    status: str
    """on; already on; covered: another records the same calls; missing: nothing installed that can; failed."""
    instrumentor: str | None = None
    detail: str = ""
    """Why, or for `missing` what to install."""


def instrument(*frameworks: str, tracer_provider: TracerProvider | None = None, set_global: bool = True) -> list[Found]:
    """Turn on what is installed, or only the frameworks named; answers what was found and what became of it.

    Call this after the application's own OpenTelemetry set-up: where it has set a global tracer provider, that one is
    used; where it has set none, ours becomes it, for frameworks that trace themselves know no other. Never raises:
    what cannot be turned on is `failed`, with the reason.

    Args:
        frameworks: Names from the table; a model client named here is turned on even where a framework records it.
        tracer_provider: Another provider to record with; nothing is set as global then.
        set_global: False leaves the global tracer provider unset; what frameworks record of themselves is lost.
    """
    if set_global and tracer_provider is None:
        _make_global()
    for unknown in set(frameworks) - {framework.name for framework in table.FRAMEWORKS}:
        logger.warning(
            "whichstep.instrument(): %r is unknown; known: %s", unknown, ", ".join(f.name for f in table.FRAMEWORKS)
        )
    chosen = [framework for framework in table.FRAMEWORKS if framework.name in frameworks or not frameworks]
    found: list[Found] = []
    for framework in chosen:
        if _installed(framework.module):
            cover = None if frameworks else _cover(framework, found)
            found.append(cover or _turn_on(framework, tracer_provider))
    _say(found)
    return found


def _say(found: Sequence[Found]) -> None:
    """Name what was turned on; where that is nothing, warn, and say what to install."""
    on = [entry.framework for entry in found if entry.status in _ON]
    missing = [f"{entry.framework}: {entry.detail}" for entry in found if entry.status == "missing"]
    if on:
        logger.info("whichstep instruments %s", ", ".join(on))
    elif missing:
        logger.warning("whichstep.instrument() turned nothing on; for %s", "; for ".join(missing))


def _cover(framework: Framework, found: Sequence[Found]) -> Found | None:
    """The framework, among those turned on before, that records this one's calls already."""
    on = {entry.framework for entry in found if entry.status in _ON}
    for other in table.FRAMEWORKS:
        for client, module in other.records_calls_of:
            if other.name in on and client == framework.name and _installed(module):
                return Found(framework.name, "covered", detail=f"its calls are recorded by {other.name} ({module})")
    return None


def _turn_on(framework: Framework, provider: TracerProvider | None) -> Found:
    available = [entry for entry in framework.instrumentors if _installed(entry[0])]
    if not available:
        return Found(framework.name, "missing", detail=f"pip install {framework.instrumentors[0][2]}")
    try:
        for module, cls, distribution in available:
            if _instrumentor(module, cls).is_instrumented_by_opentelemetry:
                return Found(framework.name, "already on", distribution)
        module, cls, distribution = available[0]
        _instrumentor(module, cls).instrument(tracer_provider=provider or _provider())
    except Exception as error:  # noqa: BLE001  a foreign instrumentor failed; the host must not
        logger.warning("whichstep could not instrument %s: %r", framework.name, error)
        return Found(framework.name, "failed", detail=repr(error))
    return Found(framework.name, "on", distribution)


def _instrumentor(module: str, cls: str) -> Any:
    return getattr(importlib.import_module(module), cls)()


def _make_global() -> None:
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    running().make_global()


def _provider() -> TracerProvider:
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    return running().provider()


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
