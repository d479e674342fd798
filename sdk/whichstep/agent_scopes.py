"""Which spans of an application's own tracer provider are an agent's: a table of scopes, then attribute prefixes.

Standard library only. Web servers, HTTP clients and databases are left to the application's exporters.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

AGENT_SCOPES: Final = (
    "whichstep", "openinference.", "autogen", "pydantic-ai", "gcp.vertex.agent", "strands", "agent_framework",
    "semantic_kernel", "langsmith", "langfuse-sdk", "mlflow", "com.anthropic.sdk", "com.anthropic.claude-platform",
    "haystack", "crewai", "litellm", "smolagents", "traceloop", "openlit", "gen_ai", "agentops", "mcp-python-sdk",
)  # fmt: skip
"""Scope names, by prefix."""
MODEL_LIBRARIES: Final = frozenset({
    "ag2", "agno", "alephalpha", "anthropic", "bedrock", "botocore_bedrock", "chromadb", "cohere", "crewai",
    "google_genai", "google_generativeai", "groq", "haystack", "lancedb", "langchain", "llamaindex", "marqo", "mcp",
    "milvus", "mistralai", "ollama", "openai", "openai_agents", "openai_agents_v2", "openai_v2", "pinecone", "qdrant",
    "replicate", "sagemaker", "together", "transformers", "vertexai", "voyageai", "watsonx", "weaviate", "writer",
})  # fmt: skip
"""Libraries X of scopes `opentelemetry.instrumentation.X` that are about models and agents."""
INSTRUMENTATION: Final = "opentelemetry.instrumentation."
AGENT_ATTRIBUTES: Final = (
    "gen_ai.", "openinference.", "traceloop.", "llm.", "langfuse.", "mlflow.", "ai.operationId", "mcp.method",
    "whichstep.step.",
)  # fmt: skip
"""Prefixes of attribute names that only agent spans have."""


@cache
def is_agent_scope(scope: str) -> bool | None:
    """True or False where the scope's name says so; None where the attributes must decide."""
    if scope.startswith(AGENT_SCOPES):
        return True
    if scope.startswith(INSTRUMENTATION):
        return True if scope.removeprefix(INSTRUMENTATION).split(".")[0] in MODEL_LIBRARIES else None
    return None


def has_agent_attributes(attributes: Mapping[str, Any]) -> bool:
    """Whether any attribute is of a convention for agents."""
    return any(name.startswith(AGENT_ATTRIBUTES) for name in attributes)
