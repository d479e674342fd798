"""`whichstep drift`: whether executions fail more the further they come."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
_COLUMNS: Final = {
    "n": "n",
    "known": "known",
    "success": "success",
    "success_interval": "95 %",
    "failed_here": "failed here",
    "failure": "failure",
    "failure_interval": "95 %",
}


@app.command()
@takes_options
def drift(
    source: SourceOptions,
    filters: FilterOptions,
    by: Annotated[
        str, typer.Option(metavar="NAMES", help="turn (of the session), calls (so far), context (tokens); with commas.")
    ] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Success and failure by turn, model calls so far and context size; with trend.

    For example: whichstep drift --since 28d --by context
    """
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/drift", [*pairs, *([("by", by)] if by else [])])
        if format is Format.JSON:
            return output.write_json(document)
        for dimension in document["dimensions"]:
            _write(dimension, failed=document["failed"])
        output.remark(f"the outcome of {document['known']:,} of {document['executions']:,} ended executions is known")
        return say_when_empty(client, pairs, found=bool(document["executions"]))


def _write(dimension: Document, *, failed: int) -> None:
    output.write_table({"bucket": dimension["words"], **_COLUMNS}, [_row(bucket) for bucket in dimension["buckets"]])
    output.write_text(f"  {dimension['trend']['words']}")
    if dimension["unplaced"]:
        output.write_text(f"  {dimension['unplaced']:,} of {failed:,} failures have no place here")
    output.write_text("")


def _row(bucket: Document) -> dict[str, Any]:
    shares = {name: None if bucket[name] is None else f"{bucket[name]:.1%}" for name in ("success", "failure")}
    intervals = {f"{name}_interval": _interval(bucket, name) for name in ("success", "failure")}
    return {**bucket, **shares, **intervals}


def _interval(bucket: Document, name: str) -> str | None:
    lower, upper = bucket[f"{name}_lower"], bucket[f"{name}_upper"]
    return None if lower is None else f"{lower:.1%} to {upper:.1%}"
