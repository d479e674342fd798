"""The steps of an execution as lines of a tree, with the words that every rendering uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from whichstep_analytics.summary import duration, money

Document: TypeAlias = Mapping[str, Any]

FAILING: Final = "✗"
CAUSE: Final = "◆"
RECOVERED: Final = "↺"
ERROR: Final = "!"
UNKNOWN: Final = "unknown"
DRAWN_DEPTH_MAX: Final = 30
"""Steps below this are drawn at it: a runaway recursion must not fill the line with branches."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step: how deep it lies, the branch drawn before its name, and its mark ('' for an ordinary step)."""

    step: Document
    depth: int
    branch: str
    mark: str


def lines(execution: Document) -> list[Line]:
    """Every step once, depth first; one whose parent is missing, or in a circle of parents, stands at the top."""
    steps = execution["steps"]
    children = _children(steps)
    drawn: list[Line] = []
    seen: set[str] = set()
    for top in [*children.get(None, []), *steps]:
        stack = [(top, 0, "", "")]
        while stack:
            step, depth, branch, indent = stack.pop()
            if step["step_id"] in seen:
                continue
            seen.add(step["step_id"])
            drawn.append(Line(step, depth, branch, _mark(execution, step)))
            below = [child for child in children.get(step["step_id"], []) if child["step_id"] not in seen]
            for child in reversed(below):
                last = child is below[-1]
                own, inner = ("└─ ", "   ") if last else ("├─ ", "│  ")
                stack.append((child, depth + 1, indent + own, (indent + inner)[: 3 * DRAWN_DEPTH_MAX]))
    return drawn


def plain(value: object) -> str:
    """The text on one line: line breaks become spaces, other characters that are not printed become a dot."""
    return _visible(" ".join(str(value).split()))


def paragraphs(value: object) -> str:
    """The text with its line breaks; other characters that are not printed become a dot."""
    return "\n".join(map(_visible, str(value).expandtabs(4).splitlines()))


def _visible(line: str) -> str:
    return "".join(letter if letter.isprintable() else "·" for letter in line)


def facts(execution: Document) -> list[tuple[str, str]]:
    """What is known about the execution, label and value; what is unknown says so only where it matters."""
    tokens = [execution.get("input_tokens"), execution.get("output_tokens")]
    latency, cost = execution.get("total_latency_ms"), execution.get("total_cost_usd")
    always = [
        ("status", plain(execution["status"])),
        ("success", success(execution)),
        ("latency", UNKNOWN if latency is None else duration(latency)),
        ("cost", UNKNOWN if cost is None else money(cost)),
        ("tokens", UNKNOWN if None in tokens else f"{tokens[0]:,} in, {tokens[1]:,} out"),
        ("started", f"{execution['started_at'][:19].replace('T', ' ')} UTC"),
    ]
    names = ("agent", "workflow", "task_type", "release", "environment", "service", "purpose", "session_id", "user_id")
    return always + [(name.replace("_", " "), plain(execution[name])) for name in names if execution.get(name)]


def success(execution: Document) -> str:
    """Whether it succeeded and who says so; where witnesses disagree, who said otherwise."""
    why = plain(execution.get("success_reason") or "")
    if execution["success"] is None:
        return f"{UNKNOWN}: {why}" if why else UNKNOWN
    said = f"{'yes' if execution['success'] else 'no'} ({execution['success_source'] or 'source unknown'})"
    return f"{said}: {why}" if execution.get("success_disputed") else said


def effort(step: Document) -> str:
    """What a step took: time, cost and tokens as far as they are known."""
    tokens = [step.get("input_tokens"), step.get("output_tokens")]
    parts = [
        None if step["latency_ms"] is None else duration(step["latency_ms"]),
        None if step["cost_usd"] is None else money(step["cost_usd"]),
        None if None in tokens else f"{tokens[0]:,}+{tokens[1]:,} tokens",
    ]
    return ", ".join(part for part in parts if part)


def texts(step: Document) -> list[tuple[str, str]]:
    """The texts of a step that there are, by field (previews of at most 1 KiB)."""
    fields = ("input", "query", "arguments", "sources", "result", "output", "output_summary", "error_message")
    return [(field.replace("_", " "), str(step[field])) for field in fields if step.get(field)]


def _children(steps: Sequence[Document]) -> dict[str | None, list[Document]]:
    ids = {step["step_id"] for step in steps}
    children: dict[str | None, list[Document]] = {}
    for step in steps:
        parent = step["parent_step_id"] if step["parent_step_id"] in ids else None
        children.setdefault(parent, []).append(step)
    return children


def _mark(execution: Document, step: Document) -> str:
    if step["step_id"] == execution["failing_step_id"]:
        return FAILING
    if step["step_id"] == execution["cause_step_id"]:
        return CAUSE
    if step["recovered"]:
        return RECOVERED
    return ERROR if step["status"] == "error" else ""
