"""`whichstep import`: recorded runs, sent to the sidecar as their senders would have.

The format of each file is told by its content. Ids come from the source's, so an import that was interrupted is run
again whole and adds only what is missing. What is not taken is counted by reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Final

import typer

from whichstep_cli import output
from whichstep_cli.client import Client
from whichstep_cli.errors import CommandError, UsageError
from whichstep_cli.imports import otlp
from whichstep_cli.imports.formats import FORMATS, NotTakenError
from whichstep_cli.imports.formats import Format as RecordFormat
from whichstep_cli.imports.limits import RECORD_BYTES_MAX, Skipped, TooLargeError
from whichstep_cli.imports.reading import Record, records
from whichstep_cli.imports.sending import Counts, Sender
from whichstep_cli.imports.values import NANOSECONDS
from whichstep_cli.options import Format, FormatOption, SourceOptions, takes_options
from whichstep_cli.source import open_source

app = typer.Typer(add_completion=False)
SUFFIXES: Final = (".pb", ".json", ".jsonl", ".ndjson", ".eval", ".parquet", ".csv", ".gz")
"""Of the files that are read in a folder; a file that is named is read whatever its name."""
_ODD: Final = (AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError)
_UNKNOWN: Final = "no known format"
_EMPTY: Final = "a file without records"


@app.command()
@takes_options
def import_files(
    source: SourceOptions,
    files: Annotated[list[Path], typer.Argument(help="Files, or folders to read all files of.")],
    from_format: Annotated[
        str | None,
        typer.Option("--from", metavar="FORMAT", help="Take every record as this format instead of recognising it."),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Send recorded runs to the sidecar: OTLP, Langfuse, Phoenix, LangSmith, Inspect, lists of messages."""
    chosen = _chosen(from_format)
    counts = Counts()
    found = list(_files(files, counts.problems))
    named = {path for path in files if path.is_file()}
    size = sum(_size(file) for file in found)
    with _open(source) as client, output.progress("importing", size) as bar:
        sender = Sender(client, counts)
        before = 0
        for file in found:
            reader = _Reader(file, sender, counts, chosen, named=file in named)
            for read in reader.progress():
                bar.update(bar.task_ids[0], completed=before + read)
            before += _size(file)
        sender.finish()
    _say(counts, format)
    if counts.problems:
        raise typer.Exit(CommandError.exit_code)


def _chosen(name: str | None) -> RecordFormat | None:
    known = {form.name: form for form in FORMATS}
    if name is not None and name not in known:
        raise UsageError(f"--from is {name!r}; it takes {', '.join(known)}; OTLP needs no option")
    return known[name] if name else None


def _open(source: SourceOptions) -> AbstractContextManager[Client]:
    if source.data_dir is None:
        return open_source(source)
    from whichstep_cli.folder import open_folder  # noqa: PLC0415 (DuckDB and Polars are slow to import)

    return open_folder(source.data_dir, source.token, create=True)


def _files(given: list[Path], problems: list[dict[str, str]]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from _in_folder(path, problems)
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"cannot read {path}: there is no such file")


def _in_folder(path: Path, problems: list[dict[str, str]]) -> list[Path]:
    def unreadable(error: OSError) -> None:
        problems.append({"file": str(error.filename), "problem": error.strerror or str(error)})

    files = (Path(folder, name) for folder, _, names in os.walk(path, onerror=unreadable) for name in names)
    # a link to nowhere is told when it is opened; pipes and the like are not opened
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES and (file.is_file() or file.is_symlink()))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


@dataclass(slots=True)
class _Reader:
    """Takes one file; what cannot be read is counted and named, and the next file is taken."""

    file: Path
    sender: Sender
    counts: Counts
    chosen: RecordFormat | None
    named: bool
    """The user named the file itself, and wants to hear when nothing of it was taken."""

    def progress(self) -> Iterator[int]:
        """Send the file; gives again and again how many of its bytes were read."""
        try:
            with self.file.open("rb") as opened:
                yield from self._progress(opened)
        except OSError as error:
            self._problem(error.strerror or str(error))

    def _progress(self, opened: BufferedReader) -> Iterator[int]:
        self.counts.files += 1
        self.sender.file = str(self.file)
        parts = _Parts()
        empty = True
        try:
            for item in records(opened):
                empty = False
                if isinstance(item, Skipped):
                    self._skip(item.reason, item.where)
                elif (form := self._gathering(item)) is not None:
                    parts.add(item, form.name)
                else:
                    self._take(item)
                yield opened.tell()
            if parts.values:
                self._take(Record(parts.values))
            if empty:
                self.counts.skipped[_EMPTY] += 1
        except (TooLargeError, OSError, EOFError, ValueError) as error:
            self._problem(str(error) or type(error).__name__)

    def _gathering(self, record: Record) -> RecordFormat | None:
        forms = FORMATS if self.chosen is None else (self.chosen,)
        if record.within or any(form.recognises(record) for form in forms):
            return None
        return next((form for form in forms if form.gathers(record)), None)

    def _take(self, record: Record) -> None:
        self.counts.records += 1
        try:
            if self.chosen is None and otlp.recognises(record):
                for request in otlp.requests_of(record, logs=".logs." in self.file.name):
                    self.sender.request(*request)
                self.counts.formats[otlp.NAME] += 1
                return
            form = self.chosen or next((form for form in FORMATS if form.recognises(record)), None)
            if form is None:
                self._unknown(record)
                return
            converted = form.convert(record)
            self.counts.formats[form.name] += 1
        except NotTakenError as error:
            self._skip(str(error))
            return
        except _ODD as error:  # values that no such tool writes: they cost their record, not the import
            self._skip(f"a record of odd values ({type(error).__name__})")
            return
        if converted.untimed and converted.at is None:
            converted.at = int(self.file.stat().st_mtime) * NANOSECONDS
        self.sender.send(converted)

    def _unknown(self, record: Record) -> None:
        keys = ", ".join(list(record.value)[:8]) if isinstance(record.value, dict) else type(record.value).__name__
        self._skip(_UNKNOWN, keys)

    def _skip(self, reason: str, where: str = "") -> None:
        """Count what is not taken; the first of its kind in a file that was named is told."""
        known = self.counts.skipped[reason]
        self.counts.skipped[reason] += 1
        if not known and self.named:
            self._problem(f"{reason} ({where})" if where else reason)

    def _problem(self, text: str) -> None:
        self.counts.problems.append({"file": str(self.file), "problem": text})


class _Parts:
    """Records that are parts of one: the messages of a file that is one list of them."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._size = 0

    def add(self, part: Record, form: str) -> None:
        """Keep one; raises TooLargeError where all together are more than a record may be."""
        self.values.append(part.value)
        self._size += len(str(part.value))
        if self._size > RECORD_BYTES_MAX:
            raise TooLargeError(f"{form} in one list of over {RECORD_BYTES_MAX >> 20} MiB")


def _say(counts: Counts, form: Format) -> None:
    if form is Format.JSON:
        return output.write_json(
            {
                "files": counts.files,
                "records": counts.records,
                "formats": dict(counts.formats),
                "skipped": sum(counts.skipped.values()),
                "skipped_by_reason": dict(counts.skipped),
                "requests": counts.requests,
                "spans": counts.spans,
                "log_records": counts.log_records,
                "rejected": counts.rejected,
                "problems": counts.problems,
            }
        )
    by_format = ", ".join(f"{count:,} {name}" for name, count in counts.formats.most_common()) or _UNKNOWN
    output.write_text(
        f"{counts.spans:,} spans and {counts.log_records:,} log records in {counts.requests:,} requests"
        f" of {counts.files:,} files ({by_format}); {counts.rejected:,} rejected"
    )
    for reason, count in counts.skipped.most_common():
        output.write_text(f"{count:,} skipped: {reason}")
    for item in counts.problems:
        output.remark(f"{item['file']}: {item['problem']}")
    return None
