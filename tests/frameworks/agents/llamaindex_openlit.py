"""LlamaIndex under OpenLIT."""

from __future__ import annotations

from frameworks.agents import llamaindex, openlit
from frameworks.agents.llamaindex import answer
from frameworks.agents.openlit import OWN_TELEMETRY, flush, instrument
from frameworks.framework import Framework, Setup

__all__ = ["FRAMEWORK", "IMPORTS", "OWN_TELEMETRY", "answer", "flush", "instrument"]

_UNSEEN = {
    "steps": "it sees the model's client alone: no retriever and no agent",
    **dict.fromkeys(("errors", "failing step"), "a tool's result is told to the model as the error's bare message"),
}
FRAMEWORK = Framework(
    name=llamaindex.FRAMEWORK.name,
    requirements=(*llamaindex.FRAMEWORK.requirements, openlit.REQUIREMENT, "openinference-instrumentation>=0.1,<1"),
    setups=(Setup("openlit", not_emitted=_UNSEEN, variants=("v01_", "v02_", "v08_")),),
    without=llamaindex.FRAMEWORK.without,
    handoff=llamaindex.FRAMEWORK.handoff,
)
IMPORTS = (*llamaindex.IMPORTS, "openlit")
