"""The judge's verdict on an execution beside what the rules say, read from its evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from whichstep_analytics.answers.documents import Document
from whichstep_analytics.judge.prompt import KINDS
from whichstep_analytics.judge.verdict import MALFORMED, NAME, NONE

_LLM: Final = "LLM"


def second_opinion(
    evaluations: Sequence[Document], steps: Mapping[str, Document], failing_step_id: str | None
) -> Document | None:
    """The latest evaluation `failing_step` by a model; None where there is none.

    `agrees` says whether it names the step that the rules name, or none as they do; null where it could not be read, or
    names a step that is not here any more.
    """
    said = [item for item in evaluations if item["name"] == NAME and item["source"] == _LLM]
    if not said:
        return None
    latest = said[-1]
    step = steps.get(str(latest["label"]))
    readable = step is not None or latest["label"] == NONE
    kind, reason = _kind_and_reason(latest["explanation"] or "")
    return {
        "step_id": step["step_id"] if step else None,
        "step": step["position"] if step else None,
        "step_name": step["name"] if step else None,
        "kind": kind if readable else None,
        "confidence": latest["score"],
        "reason": reason,
        "malformed": latest["label"] == MALFORMED,
        "author": latest["author"],
        "judged_at": latest["created_at"],
        "agrees": (step["step_id"] if step else None) == failing_step_id if readable else None,
    }


def _kind_and_reason(explanation: str) -> tuple[str | None, str]:
    kind, colon, reason = explanation.partition(": ")
    return (kind, reason) if colon and kind in KINDS else (None, explanation)
