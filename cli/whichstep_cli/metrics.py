"""`whichstep metrics`: the eight metrics, each with what it was computed from and how sure it is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
_COLUMNS = {
    "metric": "metric",
    "value": "value",
    "interval": "95 % interval",
    "n": "n",
    "coverage": "known",
    "change": "against the window before",
    "trend": "over the weeks",
    "note": "",
}
_COMPARED = (
    "task_success_rate",
    "first_pass_success",
    "tool_selection_accuracy",
    "human_escalation_rate",
    "policy_violation_rate",
    "latency_p95",
    "cost_per_task",
    "error_rate",
)


@app.command()
@takes_options
def metrics(
    source: SourceOptions,
    filters: FilterOptions,
    by: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="release, task_type, agent, service, environment, configuration, day or week; with commas.",
        ),
    ] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """The eight metrics, each with n, coverage and interval.

    `whichstep metrics --since 7d` compares each with the 7 days before; trends are over the last twelve weeks that are
    over. `--by release` sets releases beside each other, and says where the mix of task types misleads.
    """
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/metrics", [*pairs, *([("by", by)] if by else [])])
        if format is Format.JSON:
            return output.write_json(document)
        _write(document)
        return say_when_empty(client, pairs, found=bool(document["groups"]))


def _write(document: Document) -> None:
    """One group in full; several as a row each, so that they can be compared, and where the mix misleads."""
    if not document["by"]:
        for group in document["groups"]:
            output.write_table(_COLUMNS, [row(name, metric) for name, metric in group["metrics"].items()])
        return
    headings = {name: name.replace("_", " ") for name in [*document["by"], "n", *_COMPARED]}
    output.write_table(headings, [_compared(group) for group in document["groups"]])
    for said in document.get("disagreements") or ():
        output.write_text(f"! {said}")
    output.remark("the eight metrics without intervals and coverage; --format json has them, and the others")


def _compared(group: dict[str, Any]) -> dict[str, Any]:
    metrics = group["metrics"]
    values = {name: figure(metrics[name]["value"], metrics[name].get("unit")) for name in _COMPARED}
    return {**group["group"], "n": max(metric["n"] for metric in metrics.values()), **values}


def row(name: str, metric: dict[str, Any]) -> dict[str, Any]:
    """A metric as a line of a table."""
    unit = metric.get("unit")
    change, trend = metric.get("change") or {}, metric.get("trend") or {}
    return {
        "metric": name,
        "value": figure(metric.get("value"), unit),
        "interval": _interval(metric, unit),
        "n": metric.get("n"),
        "coverage": figure(metric.get("coverage"), "share"),
        "change": change.get("words"),
        "trend": trend.get("words"),
        "note": metric.get("reason") or "",
    }


def figure(value: float | None, unit: str | None) -> str | None:
    """A figure with its unit; none stays none."""
    if value is None:
        return None
    if unit in ("share", "ratio"):
        return f"{value:.1%}"
    if unit == "ms":
        return f"{value / 1000:,.2f} s" if value >= 1000 else f"{value:,.0f} ms"
    if unit == "usd":
        return f"${value:,.4f}"
    return f"{value:,.4g}"


def _interval(metric: dict[str, Any], unit: str | None) -> str | None:
    lower, upper = figure(metric.get("lower"), unit), figure(metric.get("upper"), unit)
    return f"{lower} to {upper}" if lower is not None and upper is not None else None
