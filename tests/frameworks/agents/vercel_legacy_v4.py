"""Version 4 of the Vercel AI SDK, played as `vercel_legacy`: a tool's error ends the run."""

from __future__ import annotations

import dataclasses

from frameworks.agents import vercel_legacy
from frameworks.framework import NODE_TELEMETRY, Setup

FRAMEWORK = dataclasses.replace(
    vercel_legacy.FRAMEWORK,
    name="Vercel AI SDK 4",
    requirements=("ai@^4", "@ai-sdk/openai@^1", "zod@^3", *NODE_TELEMETRY),
    setups=(Setup("experimental_telemetry", variants=("v01", "v02b", "v06", "v07", "v08")),),
    without={},
)
OWN_TELEMETRY = True
packages, instrument, answer = vercel_legacy.packages, vercel_legacy.instrument, vercel_legacy.answer
