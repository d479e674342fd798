"""The whole texts of steps.

The view `step_content` says how they are put together; here its tables are narrowed first to some executions and to
the segments that can hold their traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from whichstep_store import named, public_views
from whichstep_store.access import Database
from whichstep_store.segment_reads import rows_of_traces
from whichstep_store.segments import Folder

EMPTY: Final = pa.schema(
    [("execution_id", pa.string()), ("step_id", pa.string()), ("field", pa.string()), ("text", pa.string())]
)


def step_content(database: Database, folder: Folder, execution_ids: Sequence[str], step_id: str | None) -> pa.Table:
    """execution_id (32 hex digits), step_id (16), field, text; all steps of the executions, or those of one id."""
    traces = database.read(named.text("execution_traces"), {"execution_ids": list(execution_ids)}).to_pylist()
    if not traces:
        return EMPTY.empty_table()
    trace_ids = [trace["trace_id"] for trace in traces]
    bounds = (min(trace["since"] for trace in traces), max(trace["until"] for trace in traces))
    spans, content = (rows_of_traces(database, folder, kind, trace_ids, [bounds]) for kind in ("spans", "content"))
    # A name given by WITH comes before a table of that name.
    query = public_views.body("step_content").replace("main.", "")
    return database.read(
        f"""
        with
            sealed_spans as ({spans}),
            sealed_content as ({content}),
            step_rows as (
                select * from main.step_rows
                where execution_id in (
                        select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id)
                    )
                    and started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
                    and coalesce(format('{{:016x}}', step_id) = $step_id, true)
            )
        select execution_id, step_id, field, text from ({query}) order by execution_id, step_id, field
        """,
        {"execution_ids": list(execution_ids), "since": bounds[0], "until": bounds[1], "step_id": step_id},
    )
