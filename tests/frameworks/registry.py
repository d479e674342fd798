"""The frameworks of the matrix, in the order of the table: one line each, the module in `agents/`."""

from __future__ import annotations

import importlib

from frameworks.framework import Framework

REGISTERED = (
    "langgraph",
    "langgraph_older",
    "langgraph_langfuse",
    "langgraph_openlit",
    "langgraph_mlflow",
    "langgraph_traceloop",
    "langchain",
    "langchain_traceloop",
    "openai_agents",
    "openai_agents_older",
    "openai_agents_v2",
    "openai_agents_logfire",
    "openai_agents_mlflow",
    "autogen",
    "autogen_openlit",
    "pydantic_ai",
    "pydantic_ai_older",
    "pydantic_ai_openinference",
    "pydantic_ai_langfuse",
    "crewai",
    "crewai_native",
    "crewai_openlit",
    "google_adk",
    "google_adk_older",
    "llamaindex",
    "llamaindex_older",
    "llamaindex_openlit",
    "llamaindex_mlflow",
    "smolagents",
    "smolagents_code",
    "smolagents_mlflow",
    "strands",
    "strands_older",
    "strands_langfuse",
    "agent_framework",
    "semantic_kernel",
    "haystack",
    "haystack_langfuse",
    "dspy",
    "dspy_mlflow",
    "ag2",
    "agno",
    "vercel",
    "vercel_legacy",
    "vercel_legacy_v5",
    "vercel_legacy_v4",
    "vercel_legacy_anthropic",
    "openai_js",
    "langgraph_js",
    "plain_openai",
    "plain_openai_responses",
    "openlit",
    "langfuse_openai",
    "mlflow_openai",
    "langsmith_openai",
    "plain_anthropic",
    "google_genai",
    "litellm",
    "langfuse",
    "logfire",
    "logfire_openai",
    "logfire_anthropic",
    "mlflow",
    "traceloop",
)


def framework(module: str) -> Framework:
    """What the module says of its framework; imports nothing of the framework itself."""
    return importlib.import_module(f"frameworks.agents.{module}").FRAMEWORK
