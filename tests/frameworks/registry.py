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
    "langchain",
    "openai_agents",
    "openai_agents_older",
    "openai_agents_v2",
    "openai_agents_logfire",
    "openai_agents_mlflow",
    "autogen",
    "pydantic_ai",
    "pydantic_ai_older",
    "pydantic_ai_openinference",
    "crewai",
    "google_adk",
    "google_adk_older",
    "llamaindex",
    "llamaindex_older",
    "smolagents",
    "strands",
    "strands_older",
    "agent_framework",
    "semantic_kernel",
    "haystack",
    "dspy",
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
