"""`whichstep dataset`: examples from what really happened, as one file of JSON lines that goes beside the code.

The same store gives the same bytes, oldest example first, so that a file can be written again and compared; it is
written aside and renamed when whole.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import pyarrow as pa
import typer

from whichstep_analytics import examples
from whichstep_analytics.examples import Example
from whichstep_cli import output
from whichstep_cli.client import Client
from whichstep_cli.errors import UsageError
from whichstep_cli.named_query import ask, is_cut, of_executions
from whichstep_cli.options import ExecutionFilterOptions, Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source, say_when_empty
from whichstep_store.filters import Filters

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Examples from what happened: decisions of reviewers, as a file of JSON lines.",
)
PAGE: Final = 500
_COLUMNS: Final = {
    "action": "action", "examples": "examples", "approve": "approved", "edit": "edited", "reject": "rejected",
    "succeeded": "succeeded", "failed": "failed", "unknown": "outcome unknown",
}  # fmt: skip


class Origin(StrEnum):
    """What examples are made of."""

    APPROVALS = "approvals"


@app.command()
@takes_options
def create(
    source: SourceOptions,
    filters: ExecutionFilterOptions,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file of JSON lines; written anew.")],
    origin: Annotated[Origin, typer.Option("--from", help="approvals: requests that people decided.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Write an example of each request that a person decided: input, action, decision, edit, reason, outcome.

    For example: whichstep dataset create --from approvals --since 30d --out decisions.jsonl
    """
    pairs = filters.pairs()
    with open_source(source) as client:
        found = list(_decided(client, pairs))
        (totals,) = ask(client, "approval_totals", {}).to_pylist()
        _write(out, found)
        if format is Format.JSON:
            return output.write_json({"file": str(out), "from": origin, "examples": len(found), **totals})
        output.write_text(f"{len(found):,} of {totals['decided']:,} decided requests written to {out}")
        if totals["without_execution"]:
            output.remark(
                f"{totals['without_execution']:,} requests belong to no stored execution: no filter finds them"
            )
        return say_when_empty(client, pairs, found=bool(found))


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `dataset create` wrote.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Count the examples of a file by action, decision and outcome."""
    found = read(file)
    rows = [_counted(action, found) for action in sorted({str(example.get("action")) for example in found})]
    if format is Format.JSON:
        return output.write_json({"file": str(file), "examples": len(found), "actions": rows})
    output.write_table(_COLUMNS, rows)
    return output.remark(f"{len(found):,} examples")


def read(file: Path) -> list[Example]:
    """The examples of a file.

    Raises:
        UsageError: it cannot be read, or a line is no JSON object; the message has its number.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}") from error
    return [_example(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _example(line: str, place: str) -> Example:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{place}: is no JSON: {error}") from error
    if not isinstance(found, dict) or "example_id" not in found:
        raise UsageError(f"{place}: is no example; write the file with `whichstep dataset create`")
    return found


def _decided(client: Client, pairs: list[tuple[str, str]]) -> Iterator[Example]:
    """All examples that match, page by page."""
    matching = Filters.parse(pairs, now=time.time_ns()).parameters()
    after: dict[str, Any] = {"after_at": None, "after_id": None}
    while True:
        answer = ask(client, "approval_examples", {**matching, **after, "limit": PAGE})
        rows = _rows(answer)
        inputs = _whole_inputs(client, rows)
        yield from (
            examples.of_decision({**row, "input": inputs.get(row["execution_id"], row["input"])}) for row in rows
        )
        if len(rows) < PAGE and not is_cut(answer):
            return
        after = {"after_at": rows[-1]["created_at"], "after_id": rows[-1]["approval_id"]}


def _rows(answer: pa.Table) -> list[dict[str, Any]]:
    """Rows as plain values, times as ns."""
    for position, field in enumerate(answer.schema):
        if pa.types.is_timestamp(field.type):
            answer = answer.set_column(position, field.name, answer.column(position).cast(pa.int64()))
    rows: list[dict[str, Any]] = answer.to_pylist()
    return rows


def _whole_inputs(client: Client, rows: list[dict[str, Any]]) -> dict[str, str | None]:
    """Inputs of executions that are longer than what their row holds."""
    cut = {
        row["execution_id"]: row["input"]
        for row in rows
        if row["input"] is not None and len(row["input"]) >= examples.PREVIEW_LENGTH
    }
    found: dict[str, str | None] = {}
    for execution_id, preview in cut.items():
        texts = [text for page in of_executions(client, "step_content", [execution_id]) for text in _inputs(page)]
        found[execution_id] = examples.whole_input(preview, texts)
    return found


def _inputs(page: pa.Table) -> list[str]:
    return [
        row["text"] for row in page.select(["field", "text"]).to_pylist() if row["field"] == "input" and row["text"]
    ]


def _write(out: Path, found: list[Example]) -> None:
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(example, ensure_ascii=False) + "\n" for example in found)
        partial.replace(out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"cannot write {out}: {error.strerror}; name another file with --out") from error


def _counted(action: str, found: list[Example]) -> dict[str, Any]:
    of_action = [example for example in found if str(example.get("action")) == action]
    decisions = Counter(example.get("decision") for example in of_action)
    outcomes = Counter((example.get("outcome") or {}).get("success") for example in of_action)
    return {
        "action": action,
        "examples": len(of_action),
        **{name: decisions[name] for name in ("approve", "edit", "reject")},
        "succeeded": outcomes[True],
        "failed": outcomes[False],
        "unknown": outcomes[None],
    }
