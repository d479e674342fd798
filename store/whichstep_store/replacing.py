"""Replaces the results of some executions, within one transaction: readers see all of the old or all of the new."""

from __future__ import annotations

from datetime import date
from typing import Final

import pyarrow as pa

from whichstep_store.access import Session
from whichstep_store.results import (
    ACTION_FIELDS,
    ALIAS_FIELDS,
    CONFORMANCE_FIELDS,
    CONTRACT_FIELDS,
    DAILY_FIELDS,
    EXECUTION_FIELDS,
    GROUNDING_FIELDS,
    HEX,
    HEXES,
    STEP_FIELDS,
    TEMPLATE_FIELDS,
    TOOL_MATCH_FIELDS,
    TRACE_EXECUTION_FIELDS,
    WEEKLY_FIELDS,
    Fields,
    Results,
)


def replace(session: Session, results: Results) -> None:
    """Deletes the rows of the executions given and inserts the new ones; every delete is bounded by time."""
    bounds = {"since": results.since, "until": results.until}
    session.bind("replaced", results.replaced)
    session.bind("new_traces", results.trace_executions)
    session.bind("consumed", results.consumed)
    if session.rows(_COUNT_REPLACED, bounds)[0][0]:
        for table in ("step_rows", "action_rows", "execution_rows", "conformance_rows", "tool_match_rows"):
            session.execute(_DELETE_EXECUTIONS.format(table=table), bounds)
    session.execute(_DELETE_TRACES)
    _insert(session, "trace_executions", results.trace_executions, TRACE_EXECUTION_FIELDS)
    _insert(session, "step_rows", results.steps, STEP_FIELDS)
    _insert(session, "action_rows", results.actions, ACTION_FIELDS)
    _insert(session, "execution_rows", results.executions, EXECUTION_FIELDS)
    _insert(session, "tool_match_rows", results.tool_matches, TOOL_MATCH_FIELDS)
    _add_aliases(session, results.aliases)
    _move(session, results.moved)
    session.execute(_DELETE_CONSUMED)


_PERIODS: Final = {"day": ("metrics_daily", DAILY_FIELDS), "week": ("metrics_weekly", WEEKLY_FIELDS)}


def replace_period(session: Session, unit: str, start: date, rows: pa.Table) -> None:
    """Replaces the figures of one day or week."""
    table, fields = _PERIODS[unit]
    session.execute(f"delete from {table} where {unit} = ?", [start])
    _insert(session, table, rows, fields)


def replace_grounding(session: Session, rows: pa.Table, touched_at: int) -> None:
    """Replaces what was found of these executions' answers, and touches those of which that changes."""
    session.bind("found", rows)
    session.execute(_TOUCH_REGROUNDED, [touched_at])
    session.execute("delete from grounding_rows where execution_id in (select cast(execution_id as uuid) from found)")
    _insert(session, "grounding_rows", rows, GROUNDING_FIELDS)


_TOUCH_REGROUNDED: Final = """
    insert into touched_traces (trace_id, touched_at, root_ended, span_count, min_started_at, max_started_at)
    select placed.trace_id, make_timestamp_ns(?), false, 0, min(placed.started_at), max(placed.started_at)
    from trace_executions as placed
    where placed.execution_id in (
        select cast(found.execution_id as uuid)
        from found
        left join grounding_rows as before on before.execution_id = cast(found.execution_id as uuid)
        where found.ungrounded is distinct from coalesce(before.ungrounded, [])
    )
    group by placed.trace_id
"""


def replace_templates(session: Session, rows: pa.Table) -> None:
    """Replaces the templates of failure signatures, all of them."""
    session.execute("delete from failure_templates")
    _insert(session, "failure_templates", rows, TEMPLATE_FIELDS)


def replace_conformance(session: Session, replaced: pa.Table, rows: pa.Table, contracts: pa.Table) -> None:
    """Replaces the conformance of some executions, and adds the contracts that are new."""
    session.bind("replaced", replaced)
    session.execute(_DELETE_CONFORMANCE)
    _insert(session, "conformance_rows", rows, CONFORMANCE_FIELDS)
    if contracts.num_rows:
        session.bind("new_contracts", contracts)
        names = ", ".join(name for name, _, _ in CONTRACT_FIELDS)
        values = ", ".join(_value(name, kind) for name, kind, _ in CONTRACT_FIELDS)
        session.execute(f"insert into contract_rows ({names}) select {values} from new_contracts where {_UNKNOWN}")


_DELETE_CONFORMANCE: Final = """
    delete from conformance_rows where execution_id in (select cast(execution_id as uuid) from replaced)
"""
_UNKNOWN: Final = "cast(digest as uuid) not in (select digest from contract_rows)"
# Most executions are new: then no statement has to look through the wide rows.
_COUNT_REPLACED: Final = """
    select
        (select count(*) from execution_rows
        where started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
            and execution_id in (select cast(execution_id as uuid) from replaced))
        + (select count(*) from step_rows
        where started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
            and execution_id in (select cast(execution_id as uuid) from replaced))
"""
_DELETE_EXECUTIONS: Final = """
    delete from {table}
    where started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
        and execution_id in (select cast(execution_id as uuid) from replaced)
"""
_DELETE_TRACES: Final = """
    delete from trace_executions where trace_id in (select cast(trace_id as uuid) from new_traces)
"""
_DELETE_CONSUMED: Final = """
    delete from touched_traces as touched using consumed
    where touched.trace_id = cast(consumed.trace_id as uuid) and touched.touched_at <= consumed.touched_at
"""


def _insert(session: Session, table: str, rows: pa.Table, fields: Fields) -> None:
    if not rows.num_rows:
        return
    session.bind("new_rows", rows)
    names = ", ".join(name for name, _, _ in fields)
    values = ", ".join(_value(name, kind) for name, kind, _ in fields)
    session.execute(f"insert into {table} ({names}) select {values} from new_rows")


_HEX_IDS: Final = frozenset({
    "execution_id", "trace_id", "trace_ids", "rerun_of", "configuration_id", "execution_key", "links", "alias",
    "input_digest", "digest", "contract_digest", "variant",
})  # fmt: skip


def _value(name: str, kind: pa.DataType) -> str:
    """The column as DuckDB stores it: hex text becomes a UUID."""
    if name not in _HEX_IDS:
        return name
    return f"cast({name} as uuid[])" if kind == HEXES else f"cast({name} as uuid)" if kind == HEX else name


def _add_aliases(session: Session, aliases: pa.Table) -> None:
    if not aliases.num_rows:
        return
    session.bind("new_aliases", aliases)
    names = ", ".join(name for name, _, _ in ALIAS_FIELDS)
    # An alias of an alias points at the execution that there is now.
    session.execute(_FOLLOW_ALIASES)
    session.execute(f"insert into execution_aliases ({names}) {_UNKNOWN_ALIASES}")


_FOLLOW_ALIASES: Final = """
    update execution_aliases set execution_id = cast(new_aliases.execution_id as uuid)
    from new_aliases
    where execution_aliases.execution_id = cast(new_aliases.alias as uuid)
"""
_UNKNOWN_ALIASES: Final = """
    select distinct cast(alias as uuid), cast(execution_id as uuid)
    from new_aliases
    where not exists (
        select 1 from execution_aliases as known
        where known.alias = cast(new_aliases.alias as uuid)
            and known.execution_id = cast(new_aliases.execution_id as uuid)
    )
"""


def _move(session: Session, moved: pa.Table) -> None:
    """Places stored executions anew in session and task; one is named here only when something of it changed."""
    if not moved.num_rows:
        return
    session.bind("moved", moved)
    session.execute(_MOVE)


_MOVE: Final = """
    update execution_rows
    set
        turn = moved.turn,
        rerun_of = cast(moved.rerun_of as uuid),
        rerun_rule = moved.rerun_rule,
        first_pass = moved.first_pass
    from moved
    where execution_rows.execution_id = cast(moved.execution_id as uuid)
"""
