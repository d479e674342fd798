"""`whichstep grounding`: answers with ids, amounts, dates or addresses that stand in nothing the agent was given."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.options import FilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
_RATES: Final = {
    "task_type": "task type",
    "with_values": "with values",
    "ungrounded": "ungrounded",
    "rate": "rate",
    "interval": "95 %",
}
_LATEST: Final = {
    "execution_id": "execution",
    "started_at": "started",
    "success": "success",
    "values": "ungrounded values",
}


@app.command()
@takes_options
def grounding(
    source: SourceOptions,
    filters: FilterOptions,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Executions listed, the latest first.")] = 20,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Answers that say what stands in no input, source or tool result: ids, amounts, dates, addresses.

    For example: whichstep grounding --since 7d --release 2026.11.3
    """
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/grounding", [*pairs, ("limit", str(limit))])
        if format is Format.JSON:
            return output.write_json(document)
        _write(document)
        return say_when_empty(client, pairs, found=bool(document["executions"]))


def _write(document: Document) -> None:
    counts = f"{document['ungrounded']:,} of {document['with_values']:,} answers that have such values"
    output.write_text(f"{counts} say what stands in no source ({_share(document)})")
    groups = [{**group, "rate": _share(group), "interval": _interval(group)} for group in document["by_task_type"]]
    output.write_table(_RATES, groups)
    if document["latest"]:
        output.write_text("")
        output.write_table(_LATEST, [_row(row) for row in document["latest"]])
    output.remark(f"{document['checked']:,} of {document['executions']:,} answers were checked")


def _row(row: Document) -> Document:
    return {**row, "started_at": str(row["started_at"])[:19].replace("T", " "), "values": ", ".join(row["ungrounded"])}


def _share(counts: Document) -> str:
    return "unknown" if counts["rate"] is None else f"{counts['rate']:.1%}"


def _interval(counts: Document) -> str | None:
    return None if counts["lower"] is None else f"{counts['lower']:.1%} to {counts['upper']:.1%}"
