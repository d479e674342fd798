"""How often the step that was to blame is named: the comparison, whether the answers come from a sidecar or a frame.

Annotators blame the model turn that asked, not the tool call that raised: the answer is the cause step, where none is
named the failing step. Where the product names none, because the run counts as a success, `first_error_exact` takes "none"
as its answer; the figures about runs that have a step to blame take its first suspect, if it has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from benchmarks.ground_truth.convert import Converted
from benchmarks.ground_truth.records import Run

WITHIN: Final = (1, 3, 5)
FIGURES: Final = (
    "labelled", "step_exact", *(f"step_within_{within}" for within in WITHIN), "step_top_3", "step_precision",
    "agent_exact", "first_error_exact",
)  # fmt: skip


class Answer(NamedTuple):
    """What the product says of one execution; step ids as 16 hex digits."""

    failing: str | None
    cause: str | None
    suspects: Sequence[Mapping[str, Any]]
    """Best first: step_id, cause_step_id."""
    confidence: float | None = None

    @property
    def named(self) -> str | None:
        """The step that is blamed."""
        return self.cause or self.failing

    @property
    def listed(self) -> list[str]:
        """The steps that come into question, best first, each once."""
        suspected = [suspect.get("cause_step_id") or suspect["step_id"] for suspect in self.suspects]
        return list(dict.fromkeys([*([self.named] if self.named else []), *suspected]))


def judged(run: Run, converted: Converted, answer: Answer, agents: Mapping[str, str | None]) -> dict[str, Any]:
    """One labelled run compared with its answer; `agents`: of its steps, by step id."""
    truth = run.labels["failing_step"]
    listed = [(converted.indices[step], step) for step in answer.listed if step in converted.indices]
    first = listed[0] if listed else None
    named = converted.indices.get(answer.named) if answer.named else None
    return {
        "truth": truth,
        "named": named,
        "exact": named == truth,
        "first_exact": first is not None and first[0] == truth,
        "distance": None if truth is None or first is None else abs(first[0] - truth),
        "top_3": truth in [index for index, _ in listed[:3]],
        "agent": first is not None and agents.get(first[1]) == run.labels.get("failing_agent"),
        "confidence": answer.confidence,
    }


def scores(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """FIGURES of the judged runs: shares of those that have a step to blame, of those named, of all (`first_error_exact`)."""
    blamed = [row for row in rows if row["truth"] is not None]
    named = [row for row in rows if row["named"] is not None]
    found = {
        "labelled": len(rows),
        "first_error_exact": _share(row["exact"] for row in rows),
        "step_exact": _share(row["first_exact"] for row in blamed),
        "step_top_3": _share(row["top_3"] for row in blamed),
        "agent_exact": _share(row["agent"] for row in blamed),
        "step_precision": _share(row["exact"] for row in named),
    }
    for within in WITHIN:
        near = (row["distance"] is not None and row["distance"] <= within for row in blamed)
        found[f"step_within_{within}"] = _share(near)
    return found


def _share(hits: Any) -> float | None:
    listed = list(hits)
    return sum(listed) / len(listed) if listed else None
