"""Version 5 of the Vercel AI SDK with Claude, whose cache is counted beside the input; played as `vercel_legacy`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import vercel_legacy
from frameworks.framework import NODE_TELEMETRY, Setup

FRAMEWORK = dataclasses.replace(
    vercel_legacy.FRAMEWORK,
    name="Vercel AI SDK 5, Claude",
    requirements=("ai@^5", "@ai-sdk/anthropic@^2", "zod@^4", *NODE_TELEMETRY),
    setups=(Setup("experimental_telemetry+anthropic", variants=("v01",)),),
)
MODEL = "claude-sonnet-4-5"
OWN_TELEMETRY = True
packages, instrument, answer = vercel_legacy.packages, vercel_legacy.instrument, vercel_legacy.answer
