"""The figures of all files for people: a line while it runs, and docs/ground_truth.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "ground_truth.md"
_INTRODUCTION: Final = """# Against public ground truth

Recorded runs of real agents, published by others with what truly happened, are sent to a sidecar over OTLP; the figures
are the product's own, from its tables and answers, with counts where a figure is a share. No model is used. Written by
`make ground-truth`.
"""
_OUTCOMES: Final = (
    "task_success_rate", "pass_hat_1", "pass_hat_2", "pass_hat_3", "pass_hat_4", "human_escalation_rate",
    "escalation_precision", "escalation_recall", "policy_violation_rate",
)  # fmt: skip
_TOOLS: Final = (
    "tool_error_rate", "tool_recall_name", "tool_precision_name", "tool_recall_arguments", "tool_precision_arguments",
)  # fmt: skip
_COSTS: Final = ("latency_p95_ms", "input_tokens", "output_tokens")
_LOCATION: Final = (
    "labelled", "step_exact", "step_within_1", "step_within_3", "step_within_5", "step_top_3", "step_precision",
    "agent_exact", "first_error_exact",
)  # fmt: skip
_SECTIONS: Final = (
    ("Outcomes", _OUTCOMES), ("Tool calls", _TOOLS), ("Time and tokens", _COSTS), ("The step to blame", _LOCATION)
)  # fmt: skip


def line(stem: str, found: dict[str, Any]) -> str:
    """One line: what is known of a file."""
    said = (f"{name} {_cell(found, name)}" for _, names in _SECTIONS for name in names if found.get(name) is not None)
    return f"{stem} ({found['n']} runs): {', '.join(said)}"


def write(found: dict[str, dict[str, Any]]) -> None:
    """Writes the page."""
    tables = (_table(title, names, found) for title, names in _SECTIONS)
    PAGE.write_text("\n".join([_INTRODUCTION, *(text for text in tables if text)]), encoding="utf-8")


def _table(title: str, names: Iterable[str], found: dict[str, dict[str, Any]]) -> str:
    told = [name for name in names if any(figures.get(name) is not None for figures in found.values())]
    rows = [(stem, figures) for stem, figures in found.items() if any(figures.get(name) is not None for name in told)]
    if not rows:
        return ""
    head = f"| file | runs | {' | '.join(told)} |\n|{'---|' * (len(told) + 2)}"
    body = (f"| {stem} | {of['n']} | {' | '.join(_cell(of, name) for name in told)} |" for stem, of in rows)
    return "\n".join([f"## {title}", "", head, *body, ""])


def _cell(found: dict[str, Any], name: str) -> str:
    value, counts = found.get(name), found.get(f"{name}_counts")
    if value is None:
        return "unknown"
    if counts:
        return f"{counts[0]:,.0f} of {counts[1]:,.0f} ({value:.1%})"
    return f"{value:,.4g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"
