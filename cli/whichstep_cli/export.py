"""`whichstep export`: everything that matches the filters, as a folder of plain files for notebooks.

Pages through the sidecar, so memory does not grow with the result. Files are written aside and renamed when whole: a
reader never meets half a file. `executions` and `steps` hold previews of texts, as the views do; `step_content` has the
whole texts, one row a step and field. Ids are hex text, times UTC.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import pyarrow as pa
import typer

from whichstep_cli import output
from whichstep_cli.client import Client
from whichstep_cli.errors import UsageError
from whichstep_cli.named_query import ask, is_cut, of_executions
from whichstep_cli.options import ExecutionFilterOptions, SourceOptions, takes_options
from whichstep_cli.source import open_source
from whichstep_cli.table_files import FORMATS, TableFile
from whichstep_store.filters import NANOSECONDS, FilterError, Filters, parse_time

app = typer.Typer(add_completion=False)
PAGE: Final = 1000
"""Executions a page: their steps, previews included, are a few tens of megabytes."""
CONTENT_PAGE: Final = 50
"""Executions a page of whole texts: an agent of 20 turns that sends its history again has some 600 KB of them."""
TABLES: Final = ("executions", "steps", "step_content")


@app.command()
@takes_options
def export(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; made when missing.")],
    file_format: Annotated[
        str, typer.Option("--format", metavar="NAMES", help="parquet, jsonl, or both with a comma.")
    ] = "parquet",
    refresh: Annotated[
        str | None, typer.Option(metavar="60s", help="Write again this often, until interrupted.")
    ] = None,
) -> None:
    """Write what matches to Parquet or JSONL files: executions, steps, and the whole texts of steps."""
    formats = _formats(file_format)
    interval = _seconds(refresh) if refresh else None
    with open_source(source) as client:
        while True:
            counts = _export(client, filters.pairs(), out, formats)
            said = (f"{rows:,} {name.replace('_', ' ')}" for name, rows in counts.items())
            output.remark(f"{', '.join(said)} in {out}")
            if interval is None:
                return
            time.sleep(interval)


def _formats(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"cannot write {name!r}; --format takes {', '.join(FORMATS)}")
    return names


def _seconds(text: str) -> float:
    try:
        return -parse_time(text, now=0) / NANOSECONDS
    except FilterError as error:
        raise UsageError(f"--refresh is {text!r}; write 60s or 5m") from error


def _export(client: Client, pairs: list[tuple[str, str]], out: Path, formats: list[str]) -> dict[str, int]:
    """Write all tables whole, in every format; returns their rows."""
    out.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(TABLES, 0)
    with ExitStack() as files, output.progress("exporting", None) as bar:
        tables = {name: [files.enter_context(TableFile(out, name, form)) for form in formats] for name in TABLES}
        for name, rows in _pages(client, pairs):
            counts[name] += rows.num_rows
            for file in tables[name]:
                file.append(rows)
            if name == "executions":
                bar.advance(bar.task_ids[0], rows.num_rows)
    return counts


def _pages(client: Client, pairs: list[tuple[str, str]]) -> Iterator[tuple[str, pa.Table]]:
    """Executions that match, oldest first, with what belongs to them; at least one page, so a file has its columns."""
    matching = Filters.parse(pairs, now=time.time_ns()).parameters()
    after: dict[str, Any] = {"after_key": None, "after_id": None}
    while True:
        order = {"order": "started_at", "descending": False, "limit": PAGE}
        found = ask(client, "executions_list", {**matching, **order, **after})
        executions = found.drop_columns(["page_key"])
        ids = executions.column("execution_id").to_pylist()
        yield "executions", executions
        since = executions.column("started_at")[0].cast(pa.int64()).as_py() if ids else 0
        yield from (("steps", steps) for steps in of_executions(client, "steps_of_executions", ids, since=since))
        for start in range(0, max(len(ids), 1), CONTENT_PAGE):
            texts = of_executions(client, "step_content", ids[start : start + CONTENT_PAGE])
            yield from (("step_content", rows) for rows in texts)
        if found.num_rows < PAGE and not is_cut(found):
            return
        after = {"after_key": found.column("page_key")[-1].as_py(), "after_id": ids[-1]}
