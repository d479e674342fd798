"""The openai client in Node.js (`openai_js.mjs`), in a loop of one's own; seen by OpenInference and by Langfuse."""

from __future__ import annotations

from frameworks import node
from frameworks.agents import langfuse, plain_openai
from frameworks.desk import Desk
from frameworks.framework import NODE_TELEMETRY, Framework, Setup

FRAMEWORK = Framework(
    name="openai (JavaScript)",
    requirements=("openai@^6", *NODE_TELEMETRY),
    setups=(
        Setup(
            "openinference",
            ("@arizeai/openinference-instrumentation-openai@^4",),
            not_emitted={
                f"v06/{fact}": "a call that fails is never exported"
                for fact in ("steps", "tools", "errors", "failing step", "status")
            },
            variants=("v01", "v02", "v03_", "v06", "v09"),
        ),
        Setup(
            "langfuse",
            ("@langfuse/otel@^5", "@langfuse/tracing@^5", "@langfuse/openai@^5"),
            not_emitted=langfuse.FRAMEWORK.setups[0].not_emitted,
            variants=("v01", "v02", "v06", "v07"),
        ),
    ),
    without=plain_openai.FRAMEWORK.without,
    node=True,
)
OWN_TELEMETRY = True
packages, instrument = node.packages, node.instrument


def answer(desk: Desk) -> str | None:
    return node.answer(desk, "openai_js.mjs")
