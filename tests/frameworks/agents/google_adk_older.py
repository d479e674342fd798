"""Version 1 of Google ADK, played as `google_adk`."""

from __future__ import annotations

import dataclasses

from frameworks.agents import google_adk
from frameworks.framework import OLDER_TELEMETRY, Setup

_VARIANTS = ("v01", "v02_", "v06", "v08", "v09", "v10a")
FRAMEWORK = dataclasses.replace(
    google_adk.FRAMEWORK,
    name="Google ADK 1",
    requirements=("google-adk>=1.14,<1.20", *OLDER_TELEMETRY),
    setups=(
        Setup("native", variants=_VARIANTS),
        Setup("openinference", ("openinference-instrumentation-google-adk>=0.1.4,<0.1.8",), variants=_VARIANTS),
    ),
)
MODEL = google_adk.MODEL
IMPORTS, instrument, answer = google_adk.IMPORTS, google_adk.instrument, google_adk.answer
