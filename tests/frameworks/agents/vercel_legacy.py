"""Versions 4 to 6 of the Vercel AI SDK, in Node.js (`vercel_legacy.mjs`); seen by their own `experimental_telemetry`."""

from __future__ import annotations

from frameworks import node
from frameworks.desk import Desk
from frameworks.framework import NODE_TELEMETRY, Framework, Setup

FRAMEWORK = Framework(
    name="Vercel AI SDK 6",
    requirements=("ai@^6", "@ai-sdk/openai@^3", "zod@^4", *NODE_TELEMETRY),
    setups=(Setup("experimental_telemetry", variants=("v01", "v02_", "v03m", "v06", "v07", "v08", "v10")),),
    without={"v02b_tool_error_crashes_run": "tool errors are told to the model"},
    node=True,
)
OWN_TELEMETRY = True
packages, instrument = node.packages, node.instrument


def answer(desk: Desk) -> str | None:
    return node.answer(desk, "vercel_legacy.mjs")
