"""`whichstep tools`: how the tools fare, and whether they were the right ones."""

from __future__ import annotations

from typing import Any

import typer

from whichstep_cli import output
from whichstep_cli.client import Document
from whichstep_cli.metrics import figure, row
from whichstep_cli.options import ExecutionFilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty

app = typer.Typer(add_completion=False)
_TOOLS = {
    "tool": "tool", "calls": "calls", "executions": "executions", "errors": "errors", "retries": "retries",
    "p50": "p50", "p95": "p95", "cost": "cost", "asked": "cost of asking",
}  # fmt: skip
_CHOICE = {
    "metric": "choice of tools",
    "value": "value",
    "interval": "95 % interval",
    "n": "n",
    "coverage": "known",
    "note": "",
}
_CONFUSED = {"expected": "right", "chosen": "chosen", "count": "times", "executions": "executions"}
_NONE_EXPECTED = (
    "nobody said which tools are right: give `whichstep up --expectations FILE`, whichstep.expect or `whichstep expect`"
)


@app.command()
@takes_options
def tools(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """The tools: calls, errors, retries, time and cost of each; and what was chosen where another was right.

    `whichstep executions list --expected-tool A --chosen-tool B` lists the executions of a cell of the second table.
    """
    with open_source(source) as client:
        pairs = filters.pairs()
        document = client.get("/api/v1/tools", pairs)
        if format is Format.JSON:
            return output.write_json(document)
        _write(document)
        return say_when_empty(client, pairs, found=bool(document["executions"]))


def _write(document: Document) -> None:
    output.write_table(_TOOLS, [_tool(tool) for tool in document["tools"]])
    if not document["confusion"]:
        output.remark(_NONE_EXPECTED)
        return
    output.write_text("")
    output.write_table(_CHOICE, [row(name, metric) for name, metric in document["metrics"].items()])
    output.write_text("")
    wrong = [cell for cell in document["confusion"] if cell["expected"] != cell["chosen"]]
    output.write_table(_CONFUSED, wrong)
    for never in document["never_chosen"]:
        unknown = (
            "; no stored execution ever called it: is it misspelt?" if never["tool"] in document["unknown"] else ""
        )
        output.write_text(f"! {never['tool']} was right {never['expected']:,} times and never chosen{unknown}")


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    share = figure(tool["error_rate"], "share")
    return {
        **tool,
        "errors": f"{tool['errors']:,} of {tool['ended']:,}" + (f" ({share})" if share else ""),
        "p50": figure(tool["latency_p50_ms"], "ms"),
        "p95": figure(tool["latency_p95_ms"], "ms"),
        "cost": figure(tool["cost_usd"], "usd"),
        "asked": figure(tool["asked_cost_usd"], "usd"),
    }
