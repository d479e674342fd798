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
    "change": "before",
    "note": "",
}


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
    """The eight metrics, each with n, coverage and interval."""
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/metrics", [*pairs, *([("by", by)] if by else [])])
        if format is Format.JSON:
            return output.write_json(document)
        _write_groups(document)
        return say_when_empty(client, pairs, found=bool(document["groups"]))


def _write_groups(document: Document) -> None:
    for group in document["groups"]:
        if group["group"]:
            output.write_text("\n" + ", ".join(f"{name} {value}" for name, value in group["group"].items()))
        output.write_table(_COLUMNS, [_row(name, metric) for name, metric in group["metrics"].items()])


def _row(name: str, metric: dict[str, Any]) -> dict[str, Any]:
    unit = metric.get("unit")
    previous = metric.get("previous") or {}
    return {
        "metric": name,
        "value": figure(metric.get("value"), unit),
        "interval": _interval(metric, unit),
        "n": metric.get("n"),
        "coverage": figure(metric.get("coverage"), "share"),
        "change": figure(previous.get("value"), unit),
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
