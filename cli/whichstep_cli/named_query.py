"""Named queries of the store through whatever API a command reads, as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from whichstep_cli.client import Client
from whichstep_cli.errors import CommandError

_ARROW: Final = "application/vnd.apache.arrow.stream"


def ask(client: Client, name: str, parameters: dict[str, Any]) -> pa.Table:
    """The rows of a named query, as many as one answer holds; `is_cut` says whether there are more."""
    with client.stream("/api/v1/query", {"name": name, "parameters": parameters}, accept=_ARROW) as response:
        return pa.ipc.open_stream(response.read()).read_all()


def is_cut(rows: pa.Table) -> bool:
    """Whether an answer had more rows than one answer holds."""
    return (rows.schema.metadata or {}).get(b"truncated") == b"true"


def of_executions(client: Client, name: str, ids: list[str], **more: int) -> Iterator[pa.Table]:
    """All rows of a query by `execution_ids`. An answer that was cut is asked for again in halves."""
    rows = ask(client, name, {"execution_ids": ids, **more})
    if not is_cut(rows):
        yield rows
    elif len(ids) == 1:
        raise CommandError(
            f"cannot read execution {ids[0]}: {name} has more than {rows.num_rows:,} rows, the most that one answer "
            "holds; raise query_rows_max of the sidecar"
        )
    else:
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            yield from of_executions(client, name, half, **more)
