"""The agent frameworks and model clients that `whichstep.instrument` knows: a table. Standard library only.

Each has its ways of being recorded, best first: what it traces of itself, then OpenInference, which says more of the
content than OpenLLMetry. The first that is installed is taken, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

LATEST_GENAI: Final = (("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental"),)
"""Messages, arguments and results as attributes of the span they belong to, and not as events apart from it."""
CONTENT_ON_SPANS: Final = (("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY"),)


@dataclass(frozen=True, slots=True)
class Native:
    """The library traces itself to the global tracer provider, where its version has the module `sign`."""

    sign: str
    environment: tuple[tuple[str, str], ...] = ()
    """What switches it on, where the user has not set it."""
    content: tuple[tuple[str, str], ...] = ()
    """What switches its content on; set only where content may be captured."""
    call: str = ""
    """A function of `whichstep.native`, where switching it on takes one."""
    off: tuple[tuple[str, str], ...] = ()
    """What switches it off, where another records the same calls."""
    logs: bool = False
    """Whether it may put messages into OTLP logs."""


@dataclass(frozen=True, slots=True)
class Instrumentor:
    """An instrumentation library: the module and class to turn on, and the distribution that brings them."""

    module: str
    cls: str
    distribution: str
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Framework:
    """One library, and how it can be recorded."""

    name: str
    """Also the extra, `whichstep[NAME]`, that brings its instrumentation."""
    module: str
    """Importable where it is installed; it is turned on once the program has imported it."""
    ways: tuple[Native | Instrumentor, ...]
    """In order of preference."""
    records_calls_of: tuple[tuple[str, str], ...] = ()
    """Other entries whose calls it records, each with the module through which it makes them."""
    sign: str = ""
    """A module that tells it from another package of that name."""


def _openinference(name: str, cls: str, **options: Any) -> Instrumentor:
    distribution = f"openinference-instrumentation-{name.replace('_', '-')}"
    return Instrumentor(
        f"openinference.instrumentation.{name}", f"{cls}Instrumentor", distribution, tuple(options.items())
    )


def _openllmetry(name: str, cls: str) -> Instrumentor:
    distribution = f"opentelemetry-instrumentation-{name.replace('_', '-')}"
    return Instrumentor(f"opentelemetry.instrumentation.{name}", f"{cls}Instrumentor", distribution)


def _through(prefix: str, clients: str) -> tuple[tuple[str, str], ...]:
    """Clients, each with the module under the prefix through which it is called: its own name unless `=` says other."""
    pairs = (entry.partition("=") for entry in clients.split())
    return tuple((client, prefix + (module or client)) for client, _, module in pairs)


LOGFIRE: Final = "logfire._internal.integrations"
"""Logfire imports a module of these when it is told to record that client, and not before."""
TRACELOOP_RECORDS: Final = (
    "langchain", "openai-agents", "crewai", "llamaindex", "haystack", "agno", "mcp", "openai", "anthropic", "mistralai",
    "groq", "bedrock", "google-genai",
)  # fmt: skip

# Tracing libraries: what they record reaches us through the tracer provider that they set; it is not recorded twice.
TRACING: Final = (
    Framework(
        "langfuse",
        "langfuse",
        (Native("langfuse"),),
        (("openai", "langfuse.openai"), ("langchain", "langfuse.langchain")),
    ),
    Framework(
        "logfire",
        "logfire",
        (Native("logfire"),),
        (
            ("openai", f"{LOGFIRE}.llm_providers.openai"),
            ("anthropic", f"{LOGFIRE}.llm_providers.anthropic"),
            ("openai-agents", f"{LOGFIRE}.openai_agents"),
        ),
    ),
    Framework(
        "traceloop",
        "traceloop.sdk",
        (Native("traceloop.sdk"),),
        tuple((name, "traceloop.sdk") for name in TRACELOOP_RECORDS),
    ),
)
AGENTS: Final = (
    # LangGraph is recorded by the instrumentation of langchain-core, on which it stands.
    Framework(
        "langchain",
        "langchain_core",
        (_openinference("langchain", "LangChain"), _openllmetry("langchain", "Langchain")),
        _through("langchain_", "openai anthropic mistralai groq bedrock=aws google-genai=google_genai litellm"),
    ),
    # Agents, tools and the runtime trace themselves besides (autogen-core), and a tool that fails shows only there.
    Framework(
        "autogen",
        "autogen_agentchat",
        (_openinference("autogen_agentchat", "AutogenAgentChat"),),
        (("openai", "autogen_ext.models.openai"),),
    ),
    Framework("autogen-core", "autogen_core", (Native("autogen_core"),)),
    Framework(
        "openai-agents",
        "agents",
        # The application keeps its own trace processors, OpenAI's dashboard among them.
        (
            _openinference("openai_agents", "OpenAIAgents", exclusive_processor=False),
            _openllmetry("openai_agents", "OpenAIAgents"),
        ),
        (("openai", "agents"), ("litellm", "agents.extensions.models.litellm_model")),
        sign="agents.tracing",
    ),
    Framework(
        "pydantic-ai",
        "pydantic_ai",
        (Native("pydantic_ai.models.instrumented", call="pydantic_ai"),),
        _through("pydantic_ai.models.", "openai anthropic mistralai=mistral groq bedrock google-genai=google"),
    ),
    Framework(
        "google-adk",
        "google.adk",
        (Native("google.adk.telemetry", LATEST_GENAI, CONTENT_ON_SPANS, logs=True),),
        (
            ("google-genai", "google.adk"),
            ("anthropic", "google.adk.models.anthropic_llm"),
            ("litellm", "google.adk.models.lite_llm"),
        ),
    ),
    Framework(
        "strands",
        "strands",
        (Native("strands.telemetry.tracer", LATEST_GENAI),),
        _through("strands.models.", "openai anthropic mistralai=mistral bedrock google-genai=gemini litellm"),
        sign="strands.telemetry",
    ),
    Framework(
        "agent-framework",
        "agent_framework",
        (
            Native(
                "agent_framework.observability",
                content=(("ENABLE_SENSITIVE_DATA", "true"),),
                call="agent_framework",
                logs=True,
            ),
        ),
        (("openai", "agent_framework_openai"), ("anthropic", "agent_framework_anthropic")),
    ),
    Framework(
        "semantic-kernel",
        "semantic_kernel",
        (
            Native(
                "semantic_kernel.utils.telemetry.model_diagnostics",
                (("SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS", "true"),),
                (("SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE", "true"),),
                call="semantic_kernel",
            ),
        ),
        _through(
            "semantic_kernel.connectors.ai.",
            "openai=open_ai anthropic mistralai=mistral_ai bedrock google-genai=google",
        ),
    ),
    Framework(
        "ag2",
        "ag2",
        (Native("ag2.middleware.builtin.telemetry", call="ag2"),),
        _through("ag2.config.", "openai anthropic mistralai=mistral bedrock google-genai=gemini"),
        sign="ag2.middleware",
    ),
    Framework("ag2-classic", "autogen", (_openinference("ag2", "AG2"),), sign="autogen.agentchat"),
    Framework("crewai", "crewai", (_openinference("crewai", "CrewAI"), _openllmetry("crewai", "CrewAI"))),
    Framework(
        "llamaindex",
        "llama_index.core",
        (_openinference("llama_index", "LlamaIndex"), _openllmetry("llamaindex", "LlamaIndex")),
        _through(
            "llama_index.llms.",
            "openai anthropic mistralai groq bedrock=bedrock_converse google-genai=google_genai litellm",
        ),
    ),
    Framework("haystack", "haystack", (_openinference("haystack", "Haystack"), _openllmetry("haystack", "Haystack"))),
    # Its instrumentation tells no tokens: those are litellm's to tell, which calls the openai client in its turn.
    Framework("dspy", "dspy", (_openinference("dspy", "DSPy"),)),
    Framework(
        "smolagents",
        "smolagents",
        (_openinference("smolagents", "Smolagents"),),
        (("openai", "smolagents"), ("litellm", "smolagents"), ("bedrock", "smolagents")),
    ),
    Framework(
        "agno",
        "agno",
        (_openinference("agno", "Agno"), _openllmetry("agno", "Agno")),
        _through("agno.models.", "openai anthropic mistralai=mistral groq bedrock=aws google-genai=google litellm"),
    ),
    Framework("claude-agent-sdk", "claude_agent_sdk", (_openinference("claude_agent_sdk", "ClaudeAgentSDK"),)),
)
CLIENTS: Final = (
    Framework(
        "mcp", "mcp", (Native("mcp.shared._otel"), _openinference("mcp", "MCP"), _openllmetry("mcp", "Mcp"))
    ),
    Framework("litellm", "litellm", (_openinference("litellm", "LiteLLM"),), (("openai", "litellm"),)),
    Framework("openai", "openai", (_openinference("openai", "OpenAI"), _openllmetry("openai", "OpenAI"))),
    Framework(
        "anthropic",
        "anthropic",
        (
            Native(
                "anthropic.lib._tracing",
                content=(("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content"),),
                off=(("ANTHROPIC_OPEN_TELEMETRY", "false"),),
            ),
            _openinference("anthropic", "Anthropic"),
            _openllmetry("anthropic", "Anthropic"),
        ),
    ),
    Framework(
        "mistralai", "mistralai", (_openinference("mistralai", "MistralAI"), _openllmetry("mistralai", "MistralAi"))
    ),
    Framework("groq", "groq", (_openinference("groq", "Groq"), _openllmetry("groq", "Groq"))),
    Framework("bedrock", "botocore", (_openinference("bedrock", "Bedrock"), _openllmetry("bedrock", "Bedrock"))),
    Framework(
        "google-genai",
        "google.genai",
        (_openinference("google_genai", "GoogleGenAI"), _openllmetry("google_generativeai", "GoogleGenerativeAi")),
    ),
)  # fmt: skip
FRAMEWORKS: Final = (*TRACING, *AGENTS, *CLIENTS)
"""What may record another comes before what it records."""
