"""The texts of executions, each once: a conversation that every model call resends is read once and not once a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from whichstep_store import named
from whichstep_store.access import Database
from whichstep_store.segment_reads import rows_of_traces
from whichstep_store.segments import Folder

EMPTY: Final = pa.schema(
    [
        ("execution_id", pa.string()),
        ("step_id", pa.string()),
        ("field", pa.string()),
        ("part", pa.int64()),
        ("text", pa.string()),
    ]
)


def distinct_texts(database: Database, folder: Folder, execution_ids: Sequence[str]) -> pa.Table:
    """execution_id (32 hex digits), step_id (16), field, part (from 1), text.

    Fields are input, output, result and sources; a text of several messages or documents has a row a part. A part that
    several steps have is that of the first of them. A text that retention has dropped leaves its preview.
    """
    traces = database.read(named.text("execution_traces"), {"execution_ids": list(execution_ids)}).to_pylist()
    if not traces:
        return EMPTY.empty_table()
    trace_ids = [trace["trace_id"] for trace in traces]
    bounds = (min(trace["since"] for trace in traces), max(trace["until"] for trace in traces))
    spans, content = (rows_of_traces(database, folder, kind, trace_ids, [bounds]) for kind in ("spans", "content"))
    query = named.text("distinct_texts").rstrip().rstrip(";")
    query = query.replace("sealed_spans", f"({spans})").replace("sealed_content", f"({content})")
    return database.read(query, {"execution_ids": list(execution_ids), "since": bounds[0], "until": bounds[1]})
