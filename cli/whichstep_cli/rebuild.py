"""`whichstep rebuild`: make the database again from segments, journal and ledger.

The old database is kept aside until the new one is whole, and brought back when that fails. With --renormalise the
segments are made anew as well (`renormalise.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from whichstep_cli import output
from whichstep_cli.errors import UnreachableError
from whichstep_cli.folder import owner_endpoint
from whichstep_cli.options import DataDirOption, Format, FormatOption, chosen_data_dir, takes_options
from whichstep_cli.renormalise import count_executions, renormalise_folder
from whichstep_cli.sidecar import running_sidecar, settings_without_doors, settle
from whichstep_store import upkeep
from whichstep_store.store import DATABASE_NAME

app = typer.Typer(add_completion=False)
SETTLE_SECONDS_MAX: Final = 3600.0


@app.command()
@takes_options
def rebuild(
    *,
    data_dir: DataDirOption = None,
    renormalise: Annotated[
        bool,
        typer.Option("--renormalise", help="Read every stored span anew, as this version understands it."),
    ] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Build the database again from segments, journal and ledger."""
    folder = chosen_data_dir(data_dir)
    owner = owner_endpoint(folder)
    if owner:
        raise UnreachableError(f"cannot rebuild {folder}: its owner answers at {owner}; stop it first")
    counted = _renormalised(folder) if renormalise else _rebuilt(folder)
    if format is Format.JSON:
        output.write_json(counted)
        return
    output.write_text(f"{counted['executions']:,} executions in the new database of {folder}")
    if renormalise:
        output.write_text(f"{counted['spans']:,} spans and {counted['log_records']:,} log records read anew")


def _rebuilt(folder: Path) -> dict[str, int]:
    upkeep.finish_renewal(folder)
    with _database_aside(folder), running_sidecar(settings_without_doors(folder)) as running:
        settle(running, "computing results", SETTLE_SECONDS_MAX)
        return {"executions": count_executions(running.store)}


def _renormalised(folder: Path) -> dict[str, int]:
    with running_sidecar(settings_without_doors(folder)) as running:
        settle(running, "loading the journal", SETTLE_SECONDS_MAX)
    counts = renormalise_folder(folder)
    for name, what in (("kept", "spans stay as they were, as a text of theirs is gone"), ("missing", _MISSING)):
        if counts[name]:
            output.remark(f"{counts[name]:,} {what}")
    return counts


_MISSING: Final = "segments are missing and stay out; `whichstep verify` names them"


@contextmanager
def _database_aside(folder: Path) -> Iterator[None]:
    """Take the database away for the block; put it back when the block fails, remove it when all went well."""
    kept = [(path, path.with_name(f"{path.name}.before-rebuild")) for path in _database_files(folder)]
    for path, aside in kept:
        path.rename(aside)
    try:
        yield
    except BaseException:
        for path in _database_files(folder):
            path.unlink()
        for path, aside in kept:
            aside.rename(path)
        raise
    for _, aside in kept:
        aside.unlink()


def _database_files(folder: Path) -> list[Path]:
    """The database and its write-ahead log, as far as they exist."""
    return [path for path in (folder / DATABASE_NAME, folder / f"{DATABASE_NAME}.wal") if path.exists()]
