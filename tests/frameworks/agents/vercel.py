"""The Vercel AI SDK, in Node.js (`vercel.mjs`); seen by its own OpenTelemetry integration."""

from __future__ import annotations

from frameworks import node
from frameworks.desk import Desk
from frameworks.framework import NODE_TELEMETRY, Framework, Setup

FRAMEWORK = Framework(
    name="Vercel AI SDK",
    requirements=("ai@^7", "@ai-sdk/openai@^3", "@ai-sdk/otel@^1", "zod@^4", *NODE_TELEMETRY),
    converses=True,
    setups=(Setup("otel"),),
    without={"v02b_tool_error_crashes_run": "tool errors are told to the model"},
    node=True,
)
OWN_TELEMETRY = True
packages, instrument = node.packages, node.instrument


def answer(desk: Desk) -> str | None:
    return node.answer(desk, "vercel.mjs")
