"""Version 5 of the Vercel AI SDK, played as `vercel_legacy`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import vercel_legacy
from frameworks.framework import NODE_TELEMETRY, Setup

FRAMEWORK = dataclasses.replace(
    vercel_legacy.FRAMEWORK,
    name="Vercel AI SDK 5",
    requirements=("ai@^5", "@ai-sdk/openai@^2", "zod@^4", *NODE_TELEMETRY),
    setups=(Setup("experimental_telemetry", variants=("v01", "v02", "v03_", "v09")),),
)
OWN_TELEMETRY = True
packages, instrument, answer = vercel_legacy.packages, vercel_legacy.instrument, vercel_legacy.answer
