"""Another policy over past tool calls: what it would ask and block, beside what the policy in force says of them."""

from __future__ import annotations

import time
from typing import Any, Final

import polars as pl
import pyarrow as pa

from whichstep.attributes import RISK_LEVELS
from whichstep.policy import Policy
from whichstep_analytics import what_if
from whichstep_cli import output
from whichstep_cli.client import Client, Document, Pairs
from whichstep_store.filters import Filters

_ARROW: Final = "application/vnd.apache.arrow.stream"
_LEVELS: Final = (*RISK_LEVELS, what_if.UNKNOWN)


def answer(client: Client, pairs: Pairs, policy: Policy) -> Document:
    """Totals by risk level before and after, and the same action by action; `truncated`: there were more calls."""
    parameters = Filters.parse(pairs, now=time.time_ns()).parameters()
    with client.stream("/api/v1/query", {"name": "action_calls", "parameters": parameters}, accept=_ARROW) as response:
        table = pa.ipc.open_stream(response.read()).read_all()
    found = what_if.compare(_frame(table), policy)
    return {
        "calls": table.num_rows,
        "truncated": (table.schema.metadata or {}).get(b"truncated") == b"true",
        "digest": policy.digest,
        "before": _totals(found, "before"),
        "after": _totals(found, "after"),
        "actions": found.to_dicts(),
    }


def write(document: Document) -> None:
    """The answer for people: one line a risk level, then what changes."""
    cut = ", the first that one answer holds" if document["truncated"] else ""
    output.write_text(f"{document['calls']:,} tool calls{cut}")
    rows = [{"level": level, "now": document["before"][level], "then": document["after"][level]} for level in _LEVELS]
    output.write_table({"level": "risk level", "now": "now", "then": "with this policy"}, rows)
    changed = [row for row in document["actions"] if row["before"] != row["after"]]
    if not changed:
        output.write_text("no call would be decided otherwise")
        return
    columns = {"action": "action", "before": "now", "after": "then", "calls": "calls", "executions": "executions"}
    output.write_table(columns, changed)


def _totals(found: pl.DataFrame, side: str) -> dict[str, Any]:
    counted = dict(found.group_by(side).agg(pl.col("calls").sum()).iter_rows())
    return {level: counted.get(level, 0) for level in _LEVELS}


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  a table never becomes a series
    return frame
