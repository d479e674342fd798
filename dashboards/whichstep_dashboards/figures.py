"""Numbers as people read them: the eight metrics with their meaning, values with units, changes in words.

Pure functions of values. Unknown is never written as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the overview: what it is called, how it is counted, and which way is better (None: neither)."""

    id: str
    label: str
    unit: str
    higher_is_better: bool | None
    help: str


METRICS: Final = (
    Metric(
        "task_success_rate",
        "Task success",
        "share",
        True,
        "Executions done correctly without human correction ÷ executions with a known outcome. Strongest source first: "
        "a person, the agent's own code, an evaluator, then inferred (ended in an error → failure). "
        "An execution without any of these is unknown and counts on neither side.",
    ),
    Metric(
        "first_pass_success",
        "First-pass success",
        "share",
        True,
        "Successful with no revision by a person, no re-run of the task and no repeated action with changed arguments "
        "÷ known outcomes. Transport retries (429, timeouts, 5xx) do not count against it.",
    ),
    Metric(
        "tool_selection_accuracy",
        "Tool selection",
        "share",
        True,
        "Where the right tools are known: matched ÷ (matched + missing + needless) per execution, averaged. "
        "Retries are collapsed; “no tool” and “escalate” are valid answers.",
    ),
    Metric(
        "human_escalation_rate",
        "Human escalation",
        "share",
        None,
        "Executions in which a human was brought in (approval request or hand-over to a person) ÷ all executions.",
    ),
    Metric(
        "policy_violation_rate",
        "Policy violations",
        "share",
        False,
        "Executions with an attempted blocked action ÷ executions under a policy. Without a policy: unknown, not 0.",
    ),
    Metric(
        "latency_p95",
        "Latency p95",
        "ms",
        False,
        "95th percentile (nearest rank) of active time: wall time less the time spent waiting for people. "
        "Running and waiting executions are left out.",
    ),
    Metric(
        "cost_per_task",
        "Cost per task",
        "usd",
        False,
        "Cost of all attempts ÷ distinct tasks completed. An execution with an unpriced call leaves both sides; "
        "“known” says for how many the price is known.",
    ),
    Metric(
        "error_rate",
        "Error rate",
        "share",
        False,
        "Executions that ended in an error ÷ ended executions.",
    ),
)  # fmt: skip
UNGATED: Final = Metric(
    "ungated_action_rate",
    "Ungated actions",
    "share",
    False,
    "Actions that the sidecar's policy holds for a person or blocks, and that ran without an approval ÷ actions "
    "compared with it. Executions with an action that cannot be judged are left out; without a policy: unknown, not 0.",
)
"""A companion that the page Safety shows beside those of the eight."""

_UNITS: Final = {
    "share": "share", "ratio": "share", "rate": "share", "percent": "share", "%": "share", "1": "share",
    "ms": "ms", "milliseconds": "ms", "usd": "usd", "usd_per_task": "usd", "tokens": "count", "count": "count",
}  # fmt: skip


def format_value(value: float | None, unit: str) -> str:
    """The value with its unit, at the precision a reader can use; null is `unknown`."""
    if value is None:
        return UNKNOWN
    return _FORMATS[_UNITS.get(unit.lower(), "count")](value)


def format_share(value: float) -> str:
    """A share of 1 in percent, to a tenth below 10 % and above 90 %."""
    percent = 100 * value
    near_the_end = 0 < percent < 10 or 90 < percent < 100
    return f"{percent:.1f} %" if near_the_end else f"{percent:.0f} %"


def format_duration(milliseconds: float | None) -> str:
    """A duration in the unit that fits: 840 ms, 1.24 s, 2 min 05 s, 3 h 12 min."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1:
        return "0 ms" if milliseconds <= 0 else f"{milliseconds:.2g} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_cost(usd: float | None) -> str:
    """US dollars, with three significant digits below a dollar."""
    if usd is None:
        return UNKNOWN
    if usd == 0 or abs(usd) >= 1:
        return f"${usd:,.2f}"
    return f"${usd:#.3g}" if abs(usd) >= 0.0001 else f"${usd:.1e}"


def format_count(value: float | None) -> str:
    """A whole number with separators, at most one decimal where it has a fraction."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if abs(value - round(value)) < 0.05 else f"{value:,.1f}"


_FORMATS: Final = {"share": format_share, "ms": format_duration, "usd": format_cost, "count": format_count}


def parse_time(text: str | None) -> datetime | None:
    """A time of the API (ISO 8601, Z, up to nine digits) to the microsecond; None where there is none or it is odd."""
    if not text:
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}" if fraction else whole)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_time(text: str | None) -> str:
    """A time of the API to the second, in UTC; `unknown` where there is none."""
    moment = parse_time(text)
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else UNKNOWN


def format_age(text: str | None, *, now: datetime) -> str:
    """How long ago a time of the API was, in words."""
    moment = parse_time(text)
    if moment is None:
        return UNKNOWN
    seconds = (now - moment).total_seconds()
    if seconds < 5:
        return "just now"
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    return "just now"


def format_left(text: str | None, *, now: datetime) -> str:
    """How much time is left until a time of the API, in its two largest units."""
    moment = parse_time(text)
    if moment is None:
        return UNKNOWN
    seconds = int((moment - now).total_seconds())
    if seconds <= 0:
        return "over"
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


@dataclass(frozen=True, slots=True)
class Change:
    """A change against the window before: arrow, size and verdict in words; whether it is good (None: cannot say)."""

    words: str
    good: bool | None


def change(metric: Metric, current: Mapping[str, Any]) -> Change:
    """The change against the window before, in words; one that chance explains is called unclear."""
    value, previous = current.get("value"), (current.get("previous") or {}).get("value")
    if value is None or previous is None:
        return Change("no earlier figure", None)
    difference = _difference(metric, value, previous)
    if difference in {"0.0 points", "0 %"}:
        return Change("→ unchanged", None)
    size = f"{'▲' if value > previous else '▼'} {difference}"
    if (current.get("change") or {}).get("verdict", "unclear") == "unclear":
        return Change(f"{size}, unclear", None)
    if metric.higher_is_better is None:
        return Change(size, None)
    good = (value > previous) == metric.higher_is_better
    return Change(f"{size}, {'better' if good else 'worse'}", good)


def trend(figure: Mapping[str, Any]) -> str:
    """Where the weekly figures are heading, in words; empty where that is not known."""
    return str((figure.get("trend") or {}).get("words") or "")


def misleading(figure: Mapping[str, Any]) -> str:
    """What the change is with the mix of task types held, where that says something else; else empty."""
    found = figure.get("change") or {}
    held = found.get("mix_adjusted") or {}
    return f"with the mix of task types held: {held.get('words')}" if found.get("disagree") else ""


def _difference(metric: Metric, value: float, previous: float) -> str:
    if metric.unit == "share":
        return f"{abs(100 * (value - previous)):.1f} points"
    if previous:
        return f"{100 * abs(value - previous) / abs(previous):.0f} %"
    return format_value(abs(value - previous), metric.unit) if value else "0 %"


def interval(metric: Metric, figure: Mapping[str, Any]) -> str:
    """The 95 % interval of the figure, empty where there is none."""
    lower, upper = figure.get("lower"), figure.get("upper")
    return "" if lower is None or upper is None else f"between {_range(lower, upper, metric.unit)}"


def evidence(figure: Mapping[str, Any]) -> str:
    """What the figure rests on: the number of executions, and the share of them for which it is known."""
    coverage = figure.get("coverage")
    return f"n {format_count(figure.get('n') or 0)}" + (
        "" if coverage is None else f" · known {format_share(coverage)}"
    )


def reason_unknown(metric: Metric, figure: Mapping[str, Any]) -> str:
    """Why there is no value, and what the unknown cases leave possible."""
    reason = str(figure.get("reason") or ("no executions" if not figure.get("n") else "not known for any execution"))
    lower, upper = figure.get("bound_lower"), figure.get("bound_upper")
    if "%" not in reason and figure.get("n") and lower is not None and upper is not None and metric.unit == "share":
        reason += f"; between {_range(lower, upper, metric.unit)}"
    return reason


def _range(lower: float, upper: float, unit: str) -> str:
    low, high = format_value(lower, unit), format_value(upper, unit)
    suffix = next((end for end in (" %", " ms", " s") if low.endswith(end) and high.endswith(end)), "")
    return f"{low.removesuffix(suffix)} and {high}"
