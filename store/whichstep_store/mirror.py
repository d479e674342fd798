"""Brings changes of the ledger into the tables that the views read. Running it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

from whichstep_store.access import Database, Session
from whichstep_store.ledger import MIRRORED, Ledger

# What the jobs compute results from.
_TOUCHING: Final = frozenset({"evaluations", "approvals"})
# A mirror's columns as its ledger table has them, and how each becomes the type of the mirror.
_INTEGERS: Final = frozenset({"sequence", "trusted", "quorum", "requester_may_review", "version"})
_FLOATS: Final = frozenset({"score", "inclusion_probability"})


def mirror(database: Database, ledger: Ledger, touched_at: Callable[[], int]) -> int:
    """Copies what changed since the last time; the number of rows. Executions that it speaks of are touched.

    `touched_at` gives the time of that touch, in nanoseconds since the epoch.
    """
    copied = 0
    for table, key in MIRRORED.items():
        rows_table = f"{table.removesuffix('s')}_rows"
        last = database.read(f"select coalesce(max(sequence), 0) as last from {rows_table}")["last"][0].as_py()
        changed = ledger.changes(table, after=int(last))
        if not changed:
            continue
        with database.writing() as session:
            _replace(session, rows_table, key, changed)
            if table in _TOUCHING:
                session.execute(_TOUCH, [touched_at()])
            if table == "expectations":
                session.execute(_JUDGE_AGAIN)
        copied += len(changed)
    return copied


def _replace(session: Session, table: str, key: str, changed: list[dict[str, object]]) -> None:
    names = list(changed[0])
    session.bind("changed", pa.table({name: _column(name, changed) for name in names}))
    session.execute(f"delete from {table} where {key} in (select {key} from changed)")
    values = ", ".join(_value(name) for name in names)
    session.execute(f"insert into {table} ({', '.join(names)}) select {values} from changed")


def _column(name: str, rows: list[dict[str, object]]) -> pa.Array:
    values = [row[name] for row in rows]
    if name == "step_id":
        return pa.array([None if value is None else int(str(value), 16) for value in values], pa.uint64())
    return pa.array(values, _kind(name))


def _kind(name: str) -> pa.DataType:
    if name in _INTEGERS or name.endswith("_at"):
        return pa.int64()
    return pa.float64() if name in _FLOATS else pa.string()


_CASTS: Final[Mapping[str, str]] = {"execution_id": "uuid", "trusted": "boolean", "requester_may_review": "boolean"}


def _value(name: str) -> str:
    if name.endswith("_at"):
        return f"make_timestamp_ns({name})"
    return f"cast({name} as {_CASTS[name]})" if name in _CASTS else name


# Executions of a task type, or of the same case as one that was labelled: as results of another version they are
# computed again in slices, however many they are.
_JUDGE_AGAIN: Final = """
    update execution_rows set result_version = 0
    where task_type in (select task_type from changed where execution_id is null)
        or execution_id in (select cast(execution_id as uuid) from changed)
        or task_id in (
            select task_id from execution_rows where execution_id in (select cast(execution_id as uuid) from changed)
        )
        or input_digest in (
            select input_digest from execution_rows
            where execution_id in (select cast(execution_id as uuid) from changed)
        )
"""
_TOUCH: Final = """
    insert into touched_traces (trace_id, touched_at, root_ended, span_count, min_started_at, max_started_at)
    select placed.trace_id, make_timestamp_ns(?), false, 0, min(placed.started_at), max(placed.started_at)
    from trace_executions as placed
    where placed.execution_id in (
        select cast(execution_id as uuid) from changed
        union all
        select execution_id from execution_aliases
        where alias in (select cast(execution_id as uuid) from changed)
    )
    group by placed.trace_id
"""
