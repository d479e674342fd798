"""Version 1 of Pydantic AI, played as `pydantic_ai`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import pydantic_ai
from frameworks.framework import OLDER_TELEMETRY, Setup

_VARIANTS = ("v01", "v02_", "v06", "v08", "v09", "v10a")
FRAMEWORK = dataclasses.replace(
    pydantic_ai.FRAMEWORK,
    name="Pydantic AI 1",
    requirements=("pydantic-ai-slim[openai]>=1.0,<1.10", *OLDER_TELEMETRY),
    setups=(
        Setup("native", variants=_VARIANTS),
        Setup("native-v2", variants=("v01", "v02_")),
    ),
)
IMPORTS, instrument, answer = pydantic_ai.IMPORTS, pydantic_ai.instrument, pydantic_ai.answer
