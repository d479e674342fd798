"""The figures of all files for people: a line while it runs, and docs/ground_truth.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.ground_truth import location, reference
from benchmarks.ground_truth.agreement import Agreement
from benchmarks.ground_truth.validation import REPEATS, Reliability, Validation

Figures = Mapping[str, Mapping[str, Any]]
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "ground_truth.md"
_INTRODUCTION: Final = """# Against public ground truth

Recorded runs of real agents, published by others with what truly happened, are sent to a sidecar over OTLP; the figures
are the product's own, from its tables and answers, with counts where a figure is a share. No model is used. ✓: equal to
what is published of these files; ✗: not. Written by `make ground-truth`.
"""
_OUTCOMES: Final = (
    "task_success_rate", "pass_hat_1", "pass_hat_2", "pass_hat_3", "pass_hat_4", "human_escalation_rate",
    "escalation_precision", "escalation_recall", "policy_violation_rate",
)  # fmt: skip
_TOOLS: Final = (
    "tool_error_rate", "tool_recall_name", "tool_precision_name", "tool_recall_arguments", "tool_precision_arguments",
)  # fmt: skip
_COSTS: Final = ("latency_p95_ms", "input_tokens", "output_tokens")
_SECTIONS: Final = (("Outcomes", _OUTCOMES), ("Tool calls", _TOOLS), ("Time and tokens", _COSTS))
_LOCATION: Final = """## The step to blame

Strict equality with the step that the annotators blame; `within` so many steps of it; `top_3`: among the first three
suspects. The answer is the cause step, else the failing step. `first_error_exact` counts "none" as right where nothing is
to blame, and takes a run that counts as a success as "none"; the others are of the runs that have a step to blame, and
take the first suspect where none is named; `step_precision` is of the runs where a step is named. How the step is found,
and on what the weights of its [ranking](failing_step.md) rest, is told there.

"""
_SHIPPED: Final = """### As it ships

From the sidecar. The weights that ship were fitted to these very runs, so these figures flatter: the next table does not.
"""
_CROSSED: Final = """### Cross-validated

Each run answered with weights fitted to other questions only (five parts, {repeats} times over with other cuts; one question
is in one part, in whatever set). Rules and traits were chosen with these runs in view, which no cut undoes: of
questions like these expect about as much, rather less.
"""
_LEFT_OUT: Final = """### With the whole set left out

Each file answered with weights fitted to the other files only: what to expect of other systems.
"""
_AGREEMENT: Final = """### How far annotators agree

Of runs that two of these files annotate: how often both blame the same step, steps so far apart, the same agent. Whoever
matched one of them exactly would score this against the other.

| files | runs | step | within 1 | within 3 | within 5 | agent |
|---|---|---|---|---|---|---|"""
_RELIABILITY: Final = """### Whether the confidence holds

The cross-validated answers by their confidence: it should be the share that is right.

| confidence | answers | mean confidence | right |
|---|---|---|---|"""


def line(stem: str, found: Mapping[str, Any]) -> str:
    """One line: what is known of a file."""
    names = [*_OUTCOMES, *_TOOLS, *_COSTS, *location.FIGURES]
    said = (f"{name} {_cell(stem, found, name)}" for name in names if found.get(name) is not None)
    return f"{stem} ({found['n']} runs): {', '.join(said)}"


def write(found: Figures, validation: Validation | None) -> None:
    """Writes the page."""
    tables = [_table(title, names, found) for title, names in _SECTIONS]
    parts = [_INTRODUCTION, *tables, *_by_release(found), *_located(found, validation)]
    PAGE.write_text("\n".join(part for part in parts if part).rstrip() + "\n", encoding="utf-8")


def _located(found: Figures, validation: Validation | None) -> list[str]:
    if not any("labelled" in figures for figures in found.values()):
        return []
    parts = [_LOCATION + _SHIPPED, _rows(location.FIGURES, found)]
    if validation:
        parts += [_CROSSED.format(repeats=REPEATS), _rows(_of_crossed(), validation.crossed)]
        parts += [_LEFT_OUT, _rows(_of_crossed(), validation.left_out)] if validation.left_out else []
        parts += ["\n".join([_AGREEMENT, *map(_agreed, validation.agreements), ""])] if validation.agreements else []
        parts.append("\n".join([_RELIABILITY, *map(_reliable, validation.reliability), ""]))
    return parts


def _of_crossed() -> tuple[str, ...]:
    return tuple(name for name in location.FIGURES if name != "labelled")


def _agreed(of: Agreement) -> str:
    shares = " | ".join(f"{count / of.runs:.0%}" for count in of.within)
    return f"| {of.one}, {of.other} | {of.runs} | {of.exact} of {of.runs} | {shares} | {of.agent} of {of.runs} |"


def _reliable(row: Reliability) -> str:
    answered = f"{row.answered / REPEATS:.1f}"
    return f"| {row.lower:.0%} to {row.upper:.0%} | {answered} | {row.stated:.0%} | {row.right:.0%} |"


def _table(title: str, names: Iterable[str], found: Figures) -> str:
    rows = _rows(names, found)
    return f"## {title}\n\n{rows}" if rows else ""


def _rows(names: Iterable[str], found: Figures) -> str:
    told = [name for name in names if any(figures.get(name) is not None for figures in found.values())]
    shown = [(stem, figures) for stem, figures in found.items() if any(figures.get(name) is not None for name in told)]
    if not shown:
        return ""
    head = f"| file | {' | '.join(told)} |\n|{'---|' * (len(told) + 1)}"
    body = (f"| {_titled(stem, of)} | {' | '.join(_cell(stem, of, name) for name in told)} |" for stem, of in shown)
    return "\n".join([head, *body, ""])


def _titled(stem: str, of: Mapping[str, Any]) -> str:
    return f"{stem} ({of['n']} runs)" if "n" in of else stem


def _cell(stem: str, found: Mapping[str, Any], name: str) -> str:
    value, counts = found.get(name), found.get(f"{name}_counts")
    if value is None:
        return "unknown"
    if counts:
        text = f"{counts[0]:,.0f} of {counts[1]:,.0f} ({value:.1%})"
    elif name in location.FIGURES and name != "labelled":
        text = f"{value:.1%}"
    else:
        text = f"{value:,.4g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"
    return text + _mark(value, _known(stem, found).get(name))


def _known(stem: str, found: Mapping[str, Any]) -> Mapping[str, float]:
    known = reference.KNOWN.get(stem)
    return known.values if known and known.runs == found.get("n") else {}


def _mark(value: Any, known: Any) -> str:
    if known is None:
        return ""
    return " ✓" if reference.equal(value, known) else f" ✗ (published: {_shown(known)})"


def _by_release(found: Figures) -> list[str]:
    """What others publish by model or agent, beside what the product says by release."""
    parts = []
    for stem, known in ((reference.DOJO, reference.DOJO_BY_MODEL), (reference.BENCH, reference.BENCH_BY_AGENT)):
        if rows := found.get(stem, {}).get("by_release"):
            parts.append(f"## {stem} by release\n\n{_releases(rows, known)}")
    return parts


def _releases(rows: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> str:
    names = list(next(iter(rows.values())))
    head = f"| release | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}"
    body = [
        f"| {release} | {' | '.join(_shown(of[name]) + _mark(of[name], known.get(release, {}).get(name)) for name in names)} |"
        for release, of in sorted(rows.items())
    ]
    return "\n".join([head, *body, ""])


def _shown(value: Any) -> str:
    if value is None or (isinstance(value, tuple) and None in value):
        return "unknown"
    return f"{value[0]:,} of {value[1]:,}" if isinstance(value, tuple) else f"{value:,}"
