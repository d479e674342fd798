"""What executions really ran: the prompts, tools, models and parameters of their model calls, as they were kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from whichstep_store import named
from whichstep_store.access import Database
from whichstep_store.segment_reads import rows_of_traces
from whichstep_store.segments import Folder

EMPTY: Final = pa.schema([("execution_id", pa.string()), ("agent", pa.string()), ("text", pa.string())])


def configuration_texts(database: Database, folder: Folder, execution_ids: Sequence[str]) -> pa.Table:
    """execution_id (32 hex digits), agent, text: a JSON object of model, prompts, tools and parameters, or of rules.

    One row for each configuration of each agent (the execution's, where a call names none); none for calls whose
    configuration was not told, or not kept.
    """
    traces = database.read(named.text("execution_traces"), {"execution_ids": list(execution_ids)}).to_pylist()
    if not traces:
        return EMPTY.empty_table()
    trace_ids = [trace["trace_id"] for trace in traces]
    bounds = (min(trace["since"] for trace in traces), max(trace["until"] for trace in traces))
    spans, content = (rows_of_traces(database, folder, kind, trace_ids, [bounds]) for kind in ("spans", "content"))
    return database.read(
        f"""
        with
            calls as (
                select trace_id, agent, configuration_digest from main.span_open
                union all
                select trace_id, agent, configuration_digest from ({spans})
            ),
            known as (
                select trace_id, hash, text from main.content_open
                union all
                select trace_id, hash, text from ({content})
            )
        select distinct
            replace(cast(placed.execution_id as varchar), '-', '') as execution_id,
            coalesce(calls.agent, executions.agent) as agent,
            known.text
        from calls
        inner join known on calls.trace_id = known.trace_id and calls.configuration_digest = known.hash
        inner join main.trace_executions as placed on calls.trace_id = placed.trace_id
        inner join main.execution_rows as executions on placed.execution_id = executions.execution_id
        where placed.execution_id in (
            select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id)
        )
        order by all
        """,
        {"execution_ids": list(execution_ids)},
    )
