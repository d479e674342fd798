"""AutoGen AgentChat under OpenLIT."""

from __future__ import annotations

from frameworks.agents import autogen, openlit
from frameworks.agents.autogen import answer
from frameworks.agents.openlit import OWN_TELEMETRY, flush, instrument
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

FRAMEWORK = Framework(
    name=autogen.FRAMEWORK.name,
    requirements=(*autogen.FRAMEWORK.requirements, openlit.REQUIREMENT, "openinference-instrumentation>=0.1,<1"),
    setups=(
        Setup(
            "openlit",
            not_emitted={
                **dict.fromkeys(
                    ("v01s/tokens", "v01s/cost"), "of a stream without usage half of the characters are sent"
                ),
                "v07/output": "stopped by the limit: the last message is a tool's result",
            },
            variants=("v01", "v02_", "v07_", "v08_"),
        ),
    ),
    without=autogen.FRAMEWORK.without,
)
IMPORTS = (*autogen.IMPORTS, "openlit")
