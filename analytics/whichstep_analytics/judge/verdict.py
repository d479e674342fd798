"""What a judge answered, read strictly: what does not fit is malformed, and says why. Nothing is guessed. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from whichstep_analytics.judge.prompt import KINDS

NAME: Final = "failing_step"
"""Of the evaluation that keeps a verdict."""
NONE: Final = "none"
"""Its label where no step failed."""
MALFORMED: Final = "malformed"
"""Its label where the answer could not be read."""
_KEYS: Final = {"step_id", "kind", "confidence", "reason"}
_REASON_MAX: Final = 2_000
_FENCE: Final = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says."""

    step_id: str | None
    """16 hex digits; None: no step failed."""
    kind: str | None
    confidence: float
    reason: str


class MalformedError(ValueError):
    """The answer is no verdict; the message says what is wrong with it."""


def parse(text: str, *, step_ids: Collection[str]) -> Verdict:
    """The verdict that `text` states, as one JSON object, in a code fence or not.

    Raises:
        MalformedError: it is none, or names a step that was not asked about.
    """
    document = _document(text)
    step_id = _one_of(document, "step_id", (*step_ids, NONE))
    kind = _one_of(document, "kind", (*KINDS, NONE))
    if (step_id == NONE) != (kind == NONE):
        raise MalformedError("step_id and kind contradict each other: one is none and the other is not")
    named = step_id != NONE
    return Verdict(step_id if named else None, kind if named else None, _confidence(document), _reason(document))


def _document(text: str) -> dict[str, Any]:
    stripped = text.strip()
    fenced = _FENCE.match(stripped)
    try:
        document = json.loads(fenced[1] if fenced else stripped)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the answer is not one JSON object") from error
    if not isinstance(document, dict):
        raise MalformedError("the answer is not one JSON object")
    if document.keys() != _KEYS:
        raise MalformedError(f"the keys are not exactly {', '.join(sorted(_KEYS))}")
    return document


def _one_of(document: dict[str, Any], key: str, known: Collection[str]) -> str:
    value = document[key]
    if not isinstance(value, str) or value not in known:
        raise MalformedError(f"{key} is {str(value)[:80]!r}, which was not offered")
    return value


def _confidence(document: dict[str, Any]) -> float:
    value = document["confidence"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise MalformedError("confidence is not a number from 0 to 1")
    return float(value)


def _reason(document: dict[str, Any]) -> str:
    value = document["reason"]
    if not isinstance(value, str) or not value.strip():
        raise MalformedError("reason is not a text")
    return value.strip()[:_REASON_MAX]
