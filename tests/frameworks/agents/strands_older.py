"""Version 1.0 of Strands Agents, played as `strands`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import strands
from frameworks.framework import OLDER_TELEMETRY, Setup

_VARIANTS = ("v01", "v02_", "v06", "v09")
FRAMEWORK = dataclasses.replace(
    strands.FRAMEWORK,
    name="Strands Agents 1.0",
    requirements=("strands-agents[openai,otel]>=1.0,<1.5", *OLDER_TELEMETRY),
    setups=(Setup("native", variants=_VARIANTS),),
)
IMPORTS, instrument, answer = strands.IMPORTS, strands.instrument, strands.answer
