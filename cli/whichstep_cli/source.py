"""Where a reading command reads: the sidecar that runs, or a data folder that nobody owns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from whichstep_cli import output
from whichstep_cli.client import Client, connect
from whichstep_cli.options import SourceOptions


@contextmanager
def open_source(options: SourceOptions, *, token: str | None = None) -> Iterator[Client]:
    """The API to ask: at --endpoint, or of the folder --data-dir, through its owner where one runs.

    `token` goes before WHICHSTEP_TOKEN.
    """
    token = token or options.token
    if options.data_dir is None:
        with connect(options.endpoint, token) as client:
            yield client
        return
    from whichstep_cli.folder import open_folder  # noqa: PLC0415 (DuckDB and Polars are slow to import)

    with open_folder(options.data_dir, token) as client:
        yield client


def say_when_empty(client: Client, pairs: Sequence[tuple[str, str]], *, found: bool) -> None:
    """A remark, when nothing matched, on what there is: sample data, for one, has a purpose of its own."""
    if found or any(name == "purpose" for name, _ in pairs):
        return
    others = [item for item in client.get("/api/v1/filters").get("purpose", []) if item["value"] != "production"]
    if others:
        counted = ", ".join(f"{item['count']:,} of purpose {item['value']}" for item in others)
        output.remark(f"no production executions match; there are {counted}: add --purpose all")
