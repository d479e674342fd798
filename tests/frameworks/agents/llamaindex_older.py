"""Version 0.13 of LlamaIndex, played as `llamaindex`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import llamaindex
from frameworks.framework import OLDER_TELEMETRY, Setup

_VARIANTS = ("v01", "v02_", "v06", "v08")
FRAMEWORK = dataclasses.replace(
    llamaindex.FRAMEWORK,
    name="LlamaIndex 0.13",
    requirements=("llama-index-core>=0.13,<0.14", "llama-index-llms-openai-like>=0.5,<0.6", *OLDER_TELEMETRY),
    setups=(
        Setup(
            "openinference",
            ("openinference-instrumentation-llama-index>=4.3,<4.3.6",),
            not_emitted=llamaindex.FRAMEWORK.setups[0].not_emitted,
            variants=_VARIANTS,
        ),
    ),
)
IMPORTS, instrument, answer = llamaindex.IMPORTS, llamaindex.instrument, llamaindex.answer
