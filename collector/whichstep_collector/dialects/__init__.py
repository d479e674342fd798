"""The conventions that agents' spans come in, most specific first: the first that names a span's step decides.

To add one: a module here with a `DIALECT`, and its line below. Columns that need no code are in `fields.py`.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects import (
    ag2,
    anthropic_sdk,
    autogen,
    claude_code,
    codex,
    crewai,
    crewai_native,
    dspy,
    gemini_cli,
    generic,
    genkit,
    google_adk,
    haystack,
    haystack_openinference,
    laminar,
    langfuse,
    langsmith,
    livekit,
    llama_index,
    logfire,
    mcp,
    mlflow,
    ms_agent_framework,
    openai_agents,
    openinference,
    openlit,
    openllmetry,
    otel_genai,
    pydantic_ai,
    semantic_kernel,
    smolagents,
    strands,
    transport,
    vercel_ai,
    voltagent,
    whichstep_sdk,
)
from whichstep_collector.dialects.base import Dialect

__all__ = ["DIALECTS", "Dialect"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    whichstep_sdk.DIALECT,
    langfuse.DIALECT,
    mlflow.DIALECT,
    crewai.DIALECT,
    haystack_openinference.DIALECT,
    llama_index.DIALECT,
    smolagents.DIALECT,
    dspy.DIALECT,
    openai_agents.DIALECT,
    openinference.DIALECT,
    claude_code.DIALECT,
    anthropic_sdk.DIALECT,
    vercel_ai.DIALECT,
    logfire.DIALECT,
    pydantic_ai.DIALECT,
    google_adk.DIALECT,
    strands.DIALECT,
    ms_agent_framework.DIALECT,
    semantic_kernel.DIALECT,
    autogen.DIALECT,
    ag2.DIALECT,
    crewai_native.DIALECT,
    haystack.DIALECT,
    langsmith.DIALECT,
    livekit.DIALECT,
    voltagent.DIALECT,
    laminar.DIALECT,
    genkit.DIALECT,
    mcp.DIALECT,
    openllmetry.DIALECT,
    openlit.DIALECT,
    codex.DIALECT,
    gemini_cli.DIALECT,
    otel_genai.DIALECT,
    transport.DIALECT,
    generic.DIALECT,
)
