"""`whichstep compare`: what changed between two releases or configurations, beside what moved."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.metrics import figure
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
EIGHT: Final = (
    "task_success_rate", "first_pass_success", "tool_selection_accuracy", "human_escalation_rate",
    "policy_violation_rate", "latency_p95", "cost_per_task", "error_rate",
)  # fmt: skip
_METRICS: Final = {"metric": "metric", "before": "before", "after": "after", "n": "n", "words": "what moved"}


@app.command()
@takes_options
def compare(
    source: SourceOptions,
    filters: FilterOptions,
    before: Annotated[str, typer.Argument(metavar="A", help="Release, or first digits of a configuration's id.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The same, of what came after it.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """What changed between two releases or configurations, beside what moved: prompts, tools, models, parameters.

    For example: whichstep compare 2026.11.2 2026.11.3 --task-type refund_request
    """
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/compare", [*pairs, ("before", before), ("after", after)])
        if format is Format.JSON:
            return output.write_json(document)
        _write(document)
        return say_when_empty(client, pairs, found=bool(document["metrics"]))


def _write(document: Document) -> None:
    sides = [document["before"], document["after"]]
    names = [f"{side['kind']} {side['name']} ({side['executions']:,} executions)" for side in sides]
    output.write_text(f"{names[0]} -> {names[1]}")
    changes = document["changes"]
    output.write_text(f"{len(changes):,} parts changed" if changes else "no part is known to have changed")
    for change in changes:
        _write_change(change)
    output.write_text("")
    output.write_table(
        _METRICS, [_row(name, document["metrics"][name]) for name in EIGHT if name in document["metrics"]]
    )
    for warning in document["warnings"]:
        output.remark(warning)


def _write_change(change: Document) -> None:
    name = f" {_plain(change['name'])}" if change["name"] else ""
    output.write_text(f"\n{change['part']}{name} {change['kind']}")
    for line in (change["diff"] or "").splitlines()[2:]:
        output.write_text(f"  {_plain(line)}")


def _plain(text: str) -> str:
    """The text on one line, control characters of somebody's text made visible."""
    return str(output.cell(text))


def _row(name: str, metric: dict[str, Any]) -> dict[str, Any]:
    unit, previous, change = metric.get("unit"), metric.get("previous") or {}, metric.get("change") or {}
    return {
        "metric": name,
        "before": figure(previous.get("value"), unit),
        "after": figure(metric.get("value"), unit),
        "n": metric.get("n"),
        "words": change.get("words") or metric.get("reason") or previous.get("reason") or "cannot be compared",
    }
