"""Turns on what records the agent frameworks that are installed; `frameworks` is the whole knowledge.

One way a library, never two for the same calls: a model client that a framework already records (LangChain with
langchain-openai) is left alone, unless it is asked for by name. A library is turned on once the program has imported
it, so nothing is imported that the program does not use.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from whichstep import frameworks as table
from whichstep.frameworks import Framework, Instrumentor, Native
from whichstep.imports import after_call, after_import, imported, installed, is_loading

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from whichstep.runtime import Runtime

logger = logging.getLogger("whichstep")
NATIVE: Final = "native"
TRACE_API: Final = "opentelemetry.trace"
SET_PROVIDER: Final = "_set_tracer_provider"
"""Whoever sets a tracer provider records something; what of it is an agent's is for us."""
_RECORDED: Final = frozenset({"on", "already on", "waiting"})


@dataclass(frozen=True, slots=True)
class Found:
    """One installed framework and what became of it."""

    framework: str
    status: str
    """on; already on; waiting: turned on when the program imports it; covered: another records the same calls;
    missing: nothing installed that can; failed."""
    instrumentor: str | None = None
    """The distribution that records it; `native` where it traces itself."""
    detail: str = ""
    """Why, or for `missing` what to install."""


def instrument(*frameworks: str, tracer_provider: TracerProvider | None = None, set_global: bool = True) -> list[Found]:
    """Turn on what is installed, or only the frameworks named; answers what was found and what became of it.

    Where the application has set a global tracer provider, that one is used; where it has set none, ours becomes it
    until the application sets one, for frameworks that trace themselves know no other. Never raises: what cannot be
    turned on is `failed`, with the reason.

    Args:
        frameworks: Names from the table; a model client named here is turned on even where a framework records it.
        tracer_provider: Another provider to record with; nothing is set as global then.
        set_global: False leaves the global tracer provider unset; what frameworks record of themselves is lost.
    """
    found = prepare(*frameworks, tracer_provider=tracer_provider, set_global=set_global, at_once=True)
    _say(found)
    return found


def prepare(
    *frameworks: str, tracer_provider: TracerProvider | None = None, set_global: bool = True, at_once: bool = False
) -> list[Found]:
    """Do what `instrument` does, and say nothing; not `at_once`, OpenTelemetry is loaded with the first framework."""
    known = {framework.name: framework for framework in table.FRAMEWORKS}
    for unknown in sorted(set(frameworks) - known.keys()):
        logger.warning("whichstep.instrument(): %r is unknown; known: %s", unknown, ", ".join(known))
    _switchboard.tracer_provider, _switchboard.set_global = tracer_provider, set_global and tracer_provider is None
    if at_once:
        _switchboard.set_up()
    chosen = [framework for framework in table.FRAMEWORKS if framework.name in frameworks or not frameworks]
    return _switchboard.choose([entry for entry in chosen if _is_installed(entry)], by_name=bool(frameworks))


@dataclass(slots=True)
class Switchboard:
    """What is chosen in this process, and how far it is turned on."""

    tracer_provider: TracerProvider | None = None
    set_global: bool = True
    chosen: dict[str, Framework] = field(default_factory=dict)
    by_name: set[str] = field(default_factory=set)
    found: dict[str, Found] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _due: bool = False
    _follows: bool = False

    def choose(self, frameworks: Sequence[Framework], *, by_name: bool) -> list[Found]:
        """Record these, now or when they are imported; answers what became of them."""
        before = {name: entry for name, entry in self.found.items() if entry.status == "on"}
        for framework in frameworks:
            if by_name:
                self.by_name.add(framework.name)
            if framework.name not in before:
                self.found[framework.name] = self._prepare(framework)
            self.chosen[framework.name] = framework
        self.settle()
        watched = {entry.module for entry in frameworks} | {
            module for entry in frameworks for _, module in entry.records_calls_of
        }
        after_import(watched, self.settle)
        self._follow_the_application()
        return [
            Found(entry.name, "already on", before[entry.name].instrumentor)
            if entry.name in before and self.found[entry.name].status == "on"
            else self.found[entry.name]
            for entry in frameworks
        ]

    def settle(self) -> None:
        """Turn on what is imported, and off what another has begun to record. Called after each import that matters.

        Never waits for another thread that is at it, which may be importing what this one holds: that thread goes
        round once more instead.
        """
        self._due = True
        while self._due and self._lock.acquire(blocking=False):
            try:
                self._due = False
                self._settle()
            except Exception:  # the outermost edge: never into the host's import
                logger.exception("whichstep could not instrument what was imported")
            finally:
                self._lock.release()

    def _follow_the_application(self) -> None:
        """Join the tracer provider that the application sets, also where it imports no framework of the table."""
        if not self._follows and self.set_global:
            self._follows = True
            if imported(TRACE_API):
                after_call(sys.modules[TRACE_API], SET_PROVIDER, self.set_up)
            else:
                after_import([TRACE_API], lambda: after_call(sys.modules[TRACE_API], SET_PROVIDER, self.set_up))

    def set_up(self) -> None:
        """Load OpenTelemetry, and give the process our providers where it has none."""
        runtime = _runtime()
        if not self.set_global:
            return
        runtime.make_global()
        if any(isinstance(way := _way(entry), Native) and way.logs for entry in list(self.chosen.values())):
            runtime.hear_logs()

    def _prepare(self, framework: Framework) -> Found:
        way = _way(framework)
        if way is None:
            what, other = _what_to_install(framework), self._may_cover(framework)
            if other is None:
                return Found(framework.name, "missing", detail=what)
            return Found(framework.name, "covered", detail=f"{other} records the calls it makes; for others {what}")
        if isinstance(way, Native):
            _set_environment(way)
        return Found(framework.name, "waiting", _by(way), "turned on when the program imports it")

    def _settle(self) -> None:
        if any(imported(entry.module) for entry in list(self.chosen.values())):
            self.set_up()
        for framework in list(self.chosen.values()):
            entry, way = self.found[framework.name], _way(framework)
            if way is None or entry.status == "failed":
                continue
            cover = self._cover(framework)
            if cover is not None and entry.status != "already on":
                if entry.status in {"on", "waiting"}:
                    _turn_off(way, is_on=entry.status == "on")
                self.found[framework.name] = cover
            elif cover is None and entry.status in {"waiting", "covered"} and imported(framework.module):
                self.found[framework.name] = _turn_on(framework, way, self.tracer_provider)

    def _may_cover(self, framework: Framework) -> str | None:
        """Who of those recorded would record its calls, had the program imported what makes them."""
        for other in list(self.chosen.values()):
            for client, module in other.records_calls_of:
                if client == framework.name and self.found[other.name].status in _RECORDED and installed(module):
                    return other.name
        return None

    def _cover(self, framework: Framework) -> Found | None:
        """Who of those recorded records this one's calls already; nobody where it was asked for by name."""
        if framework.name in self.by_name:
            return None
        for other in list(self.chosen.values()):
            for client, module in other.records_calls_of:
                recorded = self.found[other.name].status in _RECORDED
                if client == framework.name and recorded and is_loading(module):
                    return Found(framework.name, "covered", detail=f"its calls are recorded by {other.name} ({module})")
        return None


_switchboard: Final = Switchboard()


def _say(found: Sequence[Found]) -> None:
    """Name what was turned on; where that is nothing, warn, and say what to install."""
    recorded = [entry.framework for entry in found if entry.status in _RECORDED]
    missing = [f"{entry.framework}: {entry.detail}" for entry in found if entry.status == "missing"]
    if recorded:
        logger.info("whichstep instruments %s", ", ".join(recorded))
    elif missing:
        logger.warning("whichstep.instrument() turned nothing on; for %s", "; for ".join(missing))


def _is_installed(framework: Framework) -> bool:
    return installed(framework.module) and (not framework.sign or installed(framework.sign))


def _way(framework: Framework) -> Native | Instrumentor | None:
    """The best way that is installed."""
    for way in framework.ways:
        if installed(way.sign if isinstance(way, Native) else way.module):
            return way
    return None


def _by(way: Native | Instrumentor) -> str:
    return NATIVE if isinstance(way, Native) else way.distribution


def _what_to_install(framework: Framework) -> str:
    if any(isinstance(way, Instrumentor) for way in framework.ways):
        return f"pip install 'whichstep[{framework.name}]'"
    return f"pip install --upgrade {framework.name}: this version does not trace itself"


def _set_environment(way: Native) -> None:
    """Set what switches it on, where the user has not said otherwise."""
    from whichstep.settings import load  # noqa: PLC0415  read when it is needed

    content = way.content if load().capture_content else ()
    for name, value in (*way.environment, *content):
        os.environ.setdefault(name, value)


def _turn_on(framework: Framework, way: Native | Instrumentor, provider: TracerProvider | None) -> Found:
    try:
        if isinstance(way, Native):
            _switch_on(way, provider)
            return Found(framework.name, "on", NATIVE)
        return _turn_instrumentor_on(framework, way, provider)
    except Exception as error:  # noqa: BLE001  a foreign instrumentor failed; the host must not
        logger.warning("whichstep could not instrument %s: %s", framework.name, error or repr(error))
        return Found(framework.name, "failed", _by(way), str(error) or repr(error))


def _switch_on(way: Native, provider: TracerProvider | None) -> None:
    if way.call:
        from whichstep import native  # noqa: PLC0415  most processes need none of it

        native.switch(way.call, provider, content=_runtime().capture_content)


def _turn_instrumentor_on(framework: Framework, way: Instrumentor, provider: TracerProvider | None) -> Found:
    for other in framework.ways:
        if (
            isinstance(other, Instrumentor)
            and installed(other.module)
            and _instrumentor(other).is_instrumented_by_opentelemetry
        ):
            return Found(framework.name, "already on", other.distribution)
    _instrumentor(way).instrument(
        tracer_provider=provider or _runtime().provider(), raise_exception_on_conflict=True, **dict(way.options)
    )
    return Found(framework.name, "on", way.distribution)


def _turn_off(way: Native | Instrumentor, *, is_on: bool) -> None:
    """Stop recording what another records from now on."""
    if isinstance(way, Native):
        for name, value in way.off:
            os.environ.setdefault(name, value)
    elif is_on:
        _instrumentor(way).uninstrument()


def _instrumentor(way: Instrumentor) -> Any:
    return getattr(importlib.import_module(way.module), way.cls)()


def _runtime() -> Runtime:
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    return running()
