"""Finds rows that the tables know and no segment holds: what a crash took from memory and the journal gives back."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from whichstep_store.access import Session
from whichstep_store.open_rows import OpenRows, span_keys
from whichstep_store.segments import Folder, Kind, read

# A row may be sealed under the start of an earlier attempt to send it, where the sender gave none.
_EARLIER: Final = 600_000_000_000


def lost_spans(session: Session, open_rows: OpenRows, folder: Folder, stored: pa.Table) -> pa.Table:
    """Those of the stored spans that are neither open nor sealed."""
    if not stored.num_rows:
        return stored
    keys = span_keys(stored)
    still_open = open_rows.open_spans(frozenset(keys))
    candidates = stored.take(_rows([row for row, key in enumerate(keys) if key not in still_open]))
    names = ["trace_id", "span_id", "digest"]
    return _not_sealed(session, folder, "spans", candidates, "started_at", names)


def lost_logs(session: Session, open_rows: OpenRows, folder: Folder, arrived: pa.Table, new: pa.Table) -> pa.Table:
    """Those of the arrived log records that were stored before and are neither open nor sealed."""
    fresh = set(_digests(new))
    rows: dict[object, int] = {}
    for row, digest in enumerate(_digests(arrived)):
        if digest not in fresh:
            rows.setdefault(digest, row)
    candidates = open_rows.unknown_logs(arrived.take(_rows(list(rows.values()))))
    return _not_sealed(session, folder, "logs", candidates, "occurred_at", ["digest"])


def _digests(rows: pa.Table) -> list[object]:
    return list(rows["digest"].to_pylist())


def _not_sealed(
    session: Session, folder: Folder, kind: Kind, candidates: pa.Table, started: str, keys: list[str]
) -> pa.Table:
    """The candidates whose keys are in no closed segment of their time."""
    if not candidates.num_rows:
        return candidates
    bounds = pc.min_max(candidates[started].cast(pa.int64())).as_py()
    files = folder.files(session, kind, bounds["min"] - _EARLIER, bounds["max"])
    if not files:
        return candidates
    numbered = candidates.select(keys).append_column("row", _rows(list(range(candidates.num_rows))))
    session.bind("candidates", numbered)
    joined = " and ".join(f"candidates.{name} = sealed.{name}" for name in keys)
    rows = session.rows(f"select row from candidates anti join {read(kind, files)} as sealed on {joined} order by row")
    return candidates.take(_rows([row for (row,) in rows]))


def _rows(rows: list[int]) -> pa.Array:
    return pa.array(rows, pa.int64())
