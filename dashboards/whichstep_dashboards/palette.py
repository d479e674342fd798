"""Colours, from the palette of Okabe and Ito: told apart with every kind of colour vision, on light and on dark.

A step type has one colour everywhere. Vermilion is kept for the failing step and amber for its cause, and neither is
ever the only sign: a glyph and a word stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILING_GLYPH: Final = "✕"
CAUSE_GLYPH: Final = "◆"

FAMILIES: Final = ("model call", "tool", "retrieval", "control", "agent", "other")
"""Step types as the legend groups them, in order."""

_FAMILY_OF: Final = {
    "llm_call": "model call",
    "tool_call": "tool",
    "retrieval": "retrieval", "embedding": "retrieval", "rerank": "retrieval",
    "guardrail": "control", "approval": "control", "handoff": "control", "evaluation": "control",
    "agent": "agent", "workflow": "agent",
}  # fmt: skip


def family(step_type: str) -> str:
    """The group that a step type is drawn in; a type not known here is `other`."""
    return _FAMILY_OF.get(step_type, "other")


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme; `families` is in the order of `FAMILIES`."""

    text: str
    muted: str
    line: str
    background: str
    accent: str
    good: str
    failing: str
    cause: str
    families: tuple[str, ...]
    heat: tuple[str, ...]


LIGHT: Final = Palette(
    text="#1c2430",
    muted="#5f6b7a",
    line="#dfe4ea",
    background="#ffffff",
    accent="#0072b2",
    good="#009e73",
    failing="#d55e00",
    cause="#c98a00",
    families=("#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#a9b4c2", "#cdd3da"),
    heat=("#fbeee4", "#f3c9a5", "#e89a5b", "#d55e00", "#8f3f00"),
)
DARK: Final = Palette(
    text="#e6eaf0",
    muted="#9aa7b6",
    line="#2e3845",
    background="#11161d",
    accent="#56b4e9",
    good="#3fc79a",
    failing="#ff7a1f",
    cause="#f0b429",
    families=("#3d9bdc", "#8fd0f7", "#2fbf95", "#dd93bc", "#6c7a8b", "#4b5766"),
    heat=("#2a2019", "#6b3a17", "#a85313", "#e86f0c", "#ffae66"),
)


def of_theme(theme: str | None) -> Palette:
    """The palette for `light` or `dark`; light where the browser has not said yet."""
    return DARK if theme == "dark" else LIGHT
