"""`whichstep doctor`: is everything as it should be, and if not, what to do. Exits 1 when a check fails."""

from __future__ import annotations

import typer

from whichstep_cli import output
from whichstep_cli.errors import EXIT_FAILED
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

app = typer.Typer(add_completion=False)
_MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@app.command()
@takes_options
def doctor(
    source: SourceOptions,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Check the endpoint, the store and what arrives."""
    with open_source(source) as client:
        document = client.get("/api/v1/doctor")
    if format is Format.JSON:
        output.write_json(document)
    else:
        _write(document["checks"])
    if any(check["status"] == "fail" for check in document["checks"]):
        raise typer.Exit(EXIT_FAILED)


def _write(checks: list[dict[str, str | None]]) -> None:
    for check in checks:
        output.write_text(f"{_MARKS.get(str(check['status']), '?')} {check['id']}: {check['summary']}")
        for line in (check.get("detail"), check.get("remedy") if check["status"] != "ok" else None):
            if line:
                output.write_text(f"    {line}")
