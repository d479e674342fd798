"""LangGraph in Node.js (`langgraph_js.mjs`); seen by OpenInference, and by Langfuse's callback handler."""

from __future__ import annotations

from frameworks import node
from frameworks.desk import Desk
from frameworks.framework import NODE_TELEMETRY, Framework, Setup

_VARIANTS = ("v01", "v02_", "v05", "v06", "v08", "v10a")
FRAMEWORK = Framework(
    name="LangGraph (JavaScript)",
    requirements=(
        "@langchain/langgraph@^1",
        "@langchain/core@^1",
        "@langchain/openai@^1",
        "zod@^4",
        *NODE_TELEMETRY,
    ),
    setups=(
        Setup("openinference", ("@arizeai/openinference-instrumentation-langchain@^4",), variants=_VARIANTS),
        Setup(
            "langfuse",
            ("@langfuse/otel@^5", "@langfuse/core@^5", "@langfuse/tracing@^5", "@langfuse/langchain@^5"),
            not_emitted={
                f"v05/{fact}": "a search that found nothing looks like any function that gave an empty list"
                for fact in ("steps", "failing step")
            }
            | {"v06/errors": "the client's errors are all called Error, which many a text begins with"},
            variants=_VARIANTS,
        ),
    ),
    node=True,
)
OWN_TELEMETRY = True
packages, instrument = node.packages, node.instrument


def answer(desk: Desk) -> str | None:
    return node.answer(desk, "langgraph_js.mjs")
