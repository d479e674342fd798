"""Turns on the instrumentation of the agent frameworks that are installed. The table below is the whole knowledge.

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

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger("whichstep")


@dataclass(frozen=True, slots=True)
class Framework:
    """One library: the module that shows it is installed, its instrumentors in order of preference."""

    name: str
    module: str
    instrumentors: tuple[tuple[str, str, str], ...]
    """Module, class, distribution."""
    records_calls_of: tuple[tuple[str, str], ...] = ()
    """Model clients whose calls its instrumentation records, each with the module through which it makes them."""


@dataclass(frozen=True, slots=True)
class Found:
    """One installed framework and what became of it."""

    framework: str
    status: str
    """on; already on; covered: another records the same calls; missing: nothing installed that can; failed."""
    instrumentor: str | None = None
    detail: str = ""
    """Why, or for `missing` what to install."""


def _openinference(name: str, cls: str) -> tuple[str, str, str]:
    return (
        f"openinference.instrumentation.{name}",
        f"{cls}Instrumentor",
        f"openinference-instrumentation-{name.replace('_', '-')}",
    )


def _opentelemetry(name: str, cls: str) -> tuple[str, str, str]:
    return (
        f"opentelemetry.instrumentation.{name}",
        f"{cls}Instrumentor",
        f"opentelemetry-instrumentation-{name.replace('_', '-')}",
    )


LANGCHAIN_CLIENTS: Final = (
    ("openai", "langchain_openai"), ("anthropic", "langchain_anthropic"), ("mistralai", "langchain_mistralai"),
    ("groq", "langchain_groq"), ("bedrock", "langchain_aws"), ("google-genai", "langchain_google_genai"),
)  # fmt: skip
FRAMEWORKS: Final = (
    # LangGraph is recorded by the instrumentation of langchain-core, on which it stands.
    Framework(
        "langchain",
        "langchain_core",
        (_openinference("langchain", "LangChain"), _opentelemetry("langchain", "Langchain")),
        LANGCHAIN_CLIENTS,
    ),
    Framework("autogen", "autogen_agentchat", (_openinference("autogen_agentchat", "AutogenAgentChat"),)),
    Framework(
        "openai-agents",
        "agents",
        (_openinference("openai_agents", "OpenAIAgents"), _opentelemetry("openai_agents", "OpenAIAgents")),
        (("openai", "agents"),),
    ),
    Framework("crewai", "crewai", (_openinference("crewai", "CrewAI"), _opentelemetry("crewai", "CrewAI"))),
    Framework(
        "llama-index",
        "llama_index",
        (_openinference("llama_index", "LlamaIndex"), _opentelemetry("llamaindex", "LlamaIndex")),
        (("openai", "llama_index.llms.openai"), ("anthropic", "llama_index.llms.anthropic")),
    ),
    Framework("haystack", "haystack", (_openinference("haystack", "Haystack"), _opentelemetry("haystack", "Haystack"))),
    Framework("dspy", "dspy", (_openinference("dspy", "DSPy"),)),
    Framework("smolagents", "smolagents", (_openinference("smolagents", "Smolagents"),)),
    Framework("agno", "agno", (_openinference("agno", "Agno"), _opentelemetry("agno", "Agno"))),
    Framework(
        "google-adk", "google.adk", (_openinference("google_adk", "GoogleADK"),), (("google-genai", "google.adk"),)
    ),
    Framework("mcp", "mcp", (_openinference("mcp", "MCP"), _opentelemetry("mcp", "Mcp"))),
    Framework("litellm", "litellm", (_openinference("litellm", "LiteLLM"),), (("openai", "litellm"),)),
    Framework("openai", "openai", (_openinference("openai", "OpenAI"), _opentelemetry("openai", "OpenAI"))),
    Framework(
        "anthropic", "anthropic", (_openinference("anthropic", "Anthropic"), _opentelemetry("anthropic", "Anthropic"))
    ),
    Framework(
        "mistralai", "mistralai", (_openinference("mistralai", "MistralAI"), _opentelemetry("mistralai", "MistralAi"))
    ),
    Framework("groq", "groq", (_openinference("groq", "Groq"), _opentelemetry("groq", "Groq"))),
    Framework("bedrock", "botocore", (_openinference("bedrock", "Bedrock"), _opentelemetry("bedrock", "Bedrock"))),
    Framework(
        "google-genai",
        "google.genai",
        (_openinference("google_genai", "GoogleGenAI"), _opentelemetry("google_generativeai", "GoogleGenerativeAi")),
    ),
)


def instrument(*frameworks: str, tracer_provider: TracerProvider | None = None) -> list[Found]:
    """Turn on what is installed, or only the frameworks named; answers what was found and what became of it.

    Spans go to `whichstep.tracer_provider()`: call this after the application has set its own provider, if it has
    one. Never raises: what cannot be turned on is `failed`, with the reason.

    Args:
        frameworks: Names from the table; a model client named here is turned on even where a framework records it.
        tracer_provider: Another provider to record with.
    """
    for unknown in set(frameworks) - {framework.name for framework in FRAMEWORKS}:
        logger.warning(
            "whichstep.instrument(): %r is unknown; known: %s", unknown, ", ".join(f.name for f in FRAMEWORKS)
        )
    chosen = [framework for framework in FRAMEWORKS if framework.name in frameworks or not frameworks]
    found: list[Found] = []
    for framework in chosen:
        if _installed(framework.module):
            cover = None if frameworks else _cover(framework, found)
            found.append(cover or _turn_on(framework, tracer_provider))
    return found


def _cover(framework: Framework, found: Sequence[Found]) -> Found | None:
    """The framework, among those turned on before, that records this one's calls already."""
    on = {entry.framework for entry in found if entry.status in {"on", "already on"}}
    for other in FRAMEWORKS:
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


def _provider() -> TracerProvider:
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    return running().provider()


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
