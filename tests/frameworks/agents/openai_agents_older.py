"""Version 0.4 of the OpenAI Agents SDK, played as `openai_agents`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import openai_agents
from frameworks.framework import OLDER_TELEMETRY, Setup

_VARIANTS = ("v01", "v02_", "v06", "v08")
FRAMEWORK = dataclasses.replace(
    openai_agents.FRAMEWORK,
    name="OpenAI Agents SDK 0.4",
    requirements=("openai-agents>=0.4,<0.5", "openai<2.9", *OLDER_TELEMETRY),
    setups=(Setup("openinference", ("openinference-instrumentation-openai-agents>=1.3,<1.4",), variants=_VARIANTS),),
)
IMPORTS, instrument, answer = openai_agents.IMPORTS, openai_agents.instrument, openai_agents.answer
