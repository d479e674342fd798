"""`whichstep executions`: the list, and one execution explained."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.options import ExecutionFilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List executions; explain one, step by step.")
_COLUMNS = {
    "started_at": "started",
    "execution_id": "execution",
    "agent": "agent",
    "task_type": "task type",
    "release": "release",
    "status": "status",
    "success": "success",
    "seconds": "s",
    "cost_usd": "cost $",
    "failing": "failing step",
    "failure_kind": "kind",
}


class Rendering(StrEnum):
    """How one execution is shown."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    MARKDOWN = "md"


@app.command("list")
@takes_options
def list_executions(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows of this page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended: its next_cursor.")] = None,
    order: Annotated[
        str, typer.Option(metavar="COLUMN:asc|desc", help="What the list is sorted by.")
    ] = "started_at:desc",
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Executions that match, newest first."""
    page = [("limit", str(limit)), ("order", order), *([("cursor", cursor)] if cursor else [])]
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/executions", [*pairs, *page])
        if format is Format.JSON:
            return output.write_json(document)
        _write_list(document)
        return say_when_empty(client, pairs, found=bool(document["total"]))


def _write_list(document: Document) -> None:
    rows = [_row(execution) for execution in document["executions"]]
    if rows:
        output.write_table(_COLUMNS, rows)
    output.remark(f"{len(rows):,} of {document['total']:,} executions")
    if document["next_cursor"]:
        output.remark(f"more with --cursor {document['next_cursor']}")


def _row(execution: dict[str, Any]) -> dict[str, Any]:
    latency = execution.get("latency_ms")
    return {
        **execution,
        "started_at": str(execution["started_at"])[:19].replace("T", " "),
        "seconds": None if latency is None else f"{latency / 1000:,.1f}",
        "cost_usd": None if execution.get("cost_usd") is None else f"{execution['cost_usd']:.4f}",
        "failing": execution.get("failing_step_name"),
    }


@app.command("show")
@takes_options
def show(
    source: SourceOptions,
    execution_id: Annotated[str, typer.Argument(metavar="ID", help="32 hex digits, or the id the agent gave it.")],
    format: Annotated[Rendering, typer.Option("--format", help="text, json, html or md.")] = Rendering.TEXT,  # noqa: A002
) -> None:
    """One execution explained: outcome, failing and cause step, reason, step tree, cost."""
    with open_source(source) as client:
        document = client.get(f"/api/v1/executions/{quote(execution_id, safe='')}")
    write_execution(document, format)


def write_execution(document: Document, rendering: Rendering) -> None:
    """One execution's document in the form that was asked for."""
    if rendering is Rendering.JSON:
        return output.write_json(document)
    from whichstep_analytics import render  # noqa: PLC0415 (Polars is slow to import and JSON needs none)

    forms = {Rendering.TEXT: render.text, Rendering.HTML: render.html, Rendering.MARKDOWN: render.markdown}
    return output.write_text(forms[rendering](document))
