"""`whichstep verify`: is every closed file of a data folder there, whole and unchanged. Exits 1 when one is not."""

from __future__ import annotations

import typer

from whichstep_cli import output
from whichstep_cli.errors import EXIT_FAILED, UnreachableError
from whichstep_cli.folder import owner_endpoint
from whichstep_cli.options import DataDirOption, Format, FormatOption, chosen_data_dir, takes_options
from whichstep_cli.sidecar import open_store
from whichstep_store import upkeep

app = typer.Typer(add_completion=False)


@app.command()
@takes_options
def verify(
    data_dir: DataDirOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 (the option's name)
) -> None:
    """Check every file of a data folder against the manifest."""
    folder = chosen_data_dir(data_dir)
    owner = owner_endpoint(folder)
    if owner:
        raise UnreachableError(f"cannot verify {folder}: its owner answers at {owner}; stop it, or verify a backup")
    with open_store(folder) as store:
        segments = len(store.segments.listed())
        problems = [problem._asdict() for problem in upkeep.verify(store)]
    if format is Format.JSON:
        output.write_json({"segments": segments, "problems": problems})
    else:
        output.write_text(f"{segments:,} segments, {len(problems):,} problems in {folder}")
        for problem in problems:
            output.write_text(f"  {problem['segment_id']}: {problem['what']}, {problem['detail']}")
    if problems:
        raise typer.Exit(EXIT_FAILED)
