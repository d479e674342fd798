"""`whichstep import`: recorded OTLP requests, sent to the sidecar as their senders would have.

Reads protobuf requests (`*.pb`; `.logs.pb` are logs), OTLP/JSON documents, and JSON lines as the Collector's file
exporter writes them. One request is in memory at a time. Stored spans are recognised, so an import that was
interrupted is run again whole and adds only what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from whichstep_cli import output
from whichstep_cli.client import Client
from whichstep_cli.errors import CommandError, UsageError
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.otlp import JSON, LOGS, PROTOBUF, TRACES, deliver
from whichstep_cli.source import open_source

app = typer.Typer(add_completion=False)


class Request(NamedTuple):
    """One OTLP request of a file."""

    path: str
    body: bytes
    content_type: str
    items: int
    """Spans or log records in it."""


class UnreadableError(CommandError):
    """The file holds no OTLP request."""


class OtherJsonError(UnreadableError):
    """The file is JSON of another kind."""


@dataclass(slots=True)
class Counts:
    """What was read, and what became of it."""

    files: int = 0
    skipped: int = 0
    """JSON of another kind that lay in a folder given."""
    requests: int = 0
    spans: int = 0
    log_records: int = 0
    rejected: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)

    def add(self, request: Request) -> None:
        """Count one request that was accepted."""
        self.requests += 1
        if request.path == LOGS:
            self.log_records += request.items
        else:
            self.spans += request.items


@app.command()
@takes_options
def import_files(
    source: SourceOptions,
    files: Annotated[list[Path], typer.Argument(help="Files, or folders to read all files of.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Send recorded OTLP files to the sidecar; what is stored already is not stored twice."""
    found = list(_files(files))
    named = {path for path in files if path.is_file()}
    counts = Counts()
    with _open(source) as client, output.progress("importing", len(found)) as bar:
        for file in found:
            _import_file(client, file, counts, named=file in named)
            bar.advance(bar.task_ids[0])
    _say(counts, format)
    if counts.problems:
        raise typer.Exit(CommandError.exit_code)


def _open(source: SourceOptions) -> AbstractContextManager[Client]:
    if source.data_dir is None:
        return open_source(source)
    from whichstep_cli.folder import open_folder  # noqa: PLC0415 (DuckDB and Polars are slow to import)

    return open_folder(source.data_dir, source.token, create=True)


def _files(given: list[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix in (".pb", ".json", ".jsonl"))
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"cannot read {path}: there is no such file")


def _import_file(client: Client, file: Path, counts: Counts, *, named: bool) -> None:
    """Send the requests of one file; what cannot be read is counted and named, and the next file is taken."""
    counts.files += 1
    try:
        for request in requests(file):
            receipt = deliver(client, request.path, request.body, request.content_type)
            if receipt.undecodable:
                counts.problems.append({"file": str(file), "problem": receipt.reason})
                continue
            counts.add(request)
            counts.rejected += receipt.rejected
            if receipt.rejected:
                counts.problems.append({"file": str(file), "problem": f"{receipt.rejected} rejected: {receipt.reason}"})
    except OtherJsonError as error:
        counts.skipped += not named
        counts.problems += [{"file": str(file), "problem": str(error)}] if named else []
    except UnreadableError as error:
        counts.problems.append({"file": str(file), "problem": str(error)})


def requests(file: Path) -> Iterator[Request]:
    """The OTLP requests that a file holds, in order.

    Raises:
        UnreadableError: it is neither OTLP protobuf nor OTLP/JSON.
    """
    with file.open("rb") as stream:
        start = stream.read(1)
    yield from _json_requests(file) if start == b"{" else [_protobuf_request(file)]  # protobuf begins with a newline


def _protobuf_request(file: Path) -> Request:
    body = file.read_bytes()
    try:
        if ".logs." in file.name:
            logs = ExportLogsServiceRequest.FromString(body).resource_logs
            items = sum(len(scope.log_records) for group in logs for scope in group.scope_logs)
            return Request(LOGS, body, PROTOBUF, items)
        spans = ExportTraceServiceRequest.FromString(body).resource_spans
        return Request(TRACES, body, PROTOBUF, sum(len(scope.spans) for group in spans for scope in group.scope_spans))
    except DecodeError as error:
        raise UnreadableError("no OTLP request: neither protobuf nor JSON") from error


def _json_requests(file: Path) -> Iterator[Request]:
    """A request a line, or else one request that fills the file."""
    with file.open("rb") as stream:
        first = stream.readline()
        if _is_json(first):
            yield _json_request(first)
            yield from (_json_request(line) for line in stream if line.strip())
            return
    yield _json_request(file.read_bytes())


def _json_request(text: bytes) -> Request:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreadableError("a line is not JSON") from error
    for key, path, scopes, items in _SHAPES:
        if isinstance(document, dict) and key in document:
            groups = document[key] or []
            return Request(path, text, JSON, sum(len(s.get(items, [])) for g in groups for s in g.get(scopes, [])))
    raise OtherJsonError("JSON without resourceSpans or resourceLogs is no OTLP request")


_SHAPES = (
    ("resourceSpans", TRACES, "scopeSpans", "spans"),
    ("resourceLogs", LOGS, "scopeLogs", "logRecords"),
)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _say(counts: Counts, form: Format) -> None:
    if form is Format.JSON:
        return output.write_json(
            {
                "files": counts.files,
                "skipped": counts.skipped,
                "requests": counts.requests,
                "spans": counts.spans,
                "log_records": counts.log_records,
                "rejected": counts.rejected,
                "problems": counts.problems,
            }
        )
    output.write_text(
        f"{counts.spans:,} spans and {counts.log_records:,} log records in {counts.requests:,} requests"
        f" of {counts.files:,} files; {counts.rejected:,} rejected, {counts.skipped:,} files hold no OTLP"
    )
    for item in counts.problems:
        output.remark(f"{item['file']}: {item['problem']}")
    return None
