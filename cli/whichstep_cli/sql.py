"""`whichstep sql`: one SELECT over the public views, bounded in rows, time and memory by the sidecar."""

from __future__ import annotations

from typing import Annotated

import typer

from whichstep_cli import output
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

app = typer.Typer(add_completion=False)


@app.command()
@takes_options
def sql(
    source: SourceOptions,
    query: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT; docs/tables.md lists the views.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Read-only SQL over the public views."""
    with open_source(source) as client:
        document = client.post("/api/v1/query", {"sql": query})
    if format is Format.JSON:
        output.write_json(document)
    else:
        names = [column["name"] for column in document["columns"]]
        headings = {str(position): name for position, name in enumerate(names)}  # names of a SELECT may repeat
        output.write_table(headings, [{str(at): value for at, value in enumerate(row)} for row in document["rows"]])
    if document["truncated"]:
        output.remark(f"only the first {len(document['rows']):,} rows; narrow the query, or use whichstep export")
