"""`whichstep backup`: copy a data folder, also while its owner is at work.

Copies what cannot be computed: journal, closed segments, ledger. The database is left out; whoever opens the copy makes
it again. The journal goes first: what leaves it meanwhile is in a segment by then.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from whichstep_cli import output
from whichstep_cli.errors import UnreachableError, UsageError
from whichstep_cli.options import DataDirOption, Format, FormatOption, chosen_data_dir, takes_options
from whichstep_store.renewal import under_way

app = typer.Typer(add_completion=False)
FOLDERS: Final = ("journal", "segments")
LEDGER: Final = "ledger.sqlite"


@app.command()
@takes_options
def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the copy; it must not exist.")],
    data_dir: DataDirOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Copy a data folder, also while the sidecar runs."""
    source = chosen_data_dir(data_dir)
    if target.exists():
        raise UsageError(f"{target} exists; a backup makes its own folder")
    _refuse_while_renewed(source)
    files, size = _copy(source, target)
    _refuse_while_renewed(source, target)
    if format is Format.JSON:
        return output.write_json({"files": files, "bytes": size, "from": str(source), "to": str(target)})
    output.write_text(f"{files:,} files, {size:,} bytes in {target}; open it with: whichstep up --data-dir {target}")
    return None


def _refuse_while_renewed(source: Path, copied: Path | None = None) -> None:
    """A copy made while `rebuild --renormalise` swaps files could hold both histories: it is removed again."""
    if under_way(source):
        if copied is not None:
            shutil.rmtree(copied, ignore_errors=True)
        raise UnreachableError(
            f"cannot copy {source}: `whichstep rebuild --renormalise` is at work there, or was interrupted;"
            " wait for it, or run it again"
        )


def _copy(source: Path, target: Path) -> tuple[int, int]:
    """Copy in an order that loses nothing; returns files and bytes. A copy that fails is removed again."""
    try:
        target.mkdir(parents=True, mode=0o700)
        for folder in FOLDERS:
            _copy_folder(source / folder, target / folder)
        if (source / LEDGER).exists():
            _copy_ledger(source / LEDGER, target / LEDGER)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise UnreachableError(f"cannot copy {source} to {target}: {error.strerror}; the copy is removed") from error
    sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _copy_folder(source: Path, target: Path) -> None:
    """Copy all files; looks again until nothing is new, as the owner may merge files into others meanwhile."""
    target.mkdir(mode=0o700)
    seen: set[Path] = set()
    while new := sorted({path for path in source.glob("*") if path.is_file()} - seen):
        for path in new:
            with suppress(FileNotFoundError):
                shutil.copy2(path, target / path.name)
        seen |= set(new)


def _copy_ledger(source: Path, target: Path) -> None:
    """By SQLite's own backup, which sees one moment of a file that is being written."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
