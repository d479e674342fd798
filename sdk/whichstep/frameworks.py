"""The agent frameworks and model clients that `whichstep.instrument` knows: a table. Standard library only.

An instrumentation is used where it is installed; OpenInference before OpenLLMetry, for it says more of the content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Framework:
    """One library: the module that shows it is installed, its instrumentors in order of preference."""

    name: str
    module: str
    instrumentors: tuple[tuple[str, str, str], ...]
    """Module, class, distribution."""
    records_calls_of: tuple[tuple[str, str], ...] = ()
    """Model clients whose calls its instrumentation records, each with the module through which it makes them."""


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
    # Its agents and tools trace themselves besides, errors of tools included, to the global tracer provider.
    Framework(
        "autogen",
        "autogen_agentchat",
        (_openinference("autogen_agentchat", "AutogenAgentChat"),),
        (("openai", "autogen_ext.models.openai"),),
    ),
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
