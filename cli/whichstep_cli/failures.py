"""`whichstep failures`: where executions fail, most frequent first."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.options import ExecutionFilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
_BARS = "▁▂▃▄▅▆▇█"


class Grouping(StrEnum):
    """What failures are counted by."""

    STEP = "step"
    KIND = "kind"
    SIGNATURE = "signature"


@app.command()
@takes_options
def failures(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    by: Annotated[
        Grouping, typer.Option(help="Count by failing step, by kind of failure, or by signature.")
    ] = Grouping.STEP,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Where executions fail: counts, share, trend, examples."""
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/failures", [*pairs, ("by", by.value)])
        if format is Format.JSON:
            return output.write_json(document)
        _write(document)
        return say_when_empty(client, pairs, found=bool(document["executions"]))


def _write(document: Document) -> None:
    output.write_text(f"{document['failed']:,} of {document['executions']:,} executions failed")
    columns = {
        "label": str(document["by"]),
        "count": "failed",
        "share": "share",
        "trend": "weeks",
        "new": "new since",
        "example": "example",
    }
    rows = [
        {
            "label": group["label"],
            "count": group["count"],
            "share": f"{group['share']:.0%}" if group["share"] is not None else None,
            "trend": _trend([week["count"] for week in group["weeks"]]),
            "new": group["new_since_release"],
            "example": next(iter(group["examples"]), None),
        }
        for group in document["groups"]
    ]
    output.write_table(columns, rows)


def _trend(counts: list[int]) -> str:
    """Counts as a line of bars, the highest full."""
    top = max(counts, default=0) or 1
    return "".join(_BARS[round(count / top * (len(_BARS) - 1))] for count in counts)
