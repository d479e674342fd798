"""A secret planted in every field of a span and of a log record is nowhere in the data folder."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import duckdb
import httpx
import pyarrow.parquet as pq
import pytest
from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from sidecar_process import sidecar_process
from whichstep_collector.journal import Journal
from whichstep_store.batches import Batch, JournalPosition

CORE = "q7Zr9Xw2Lk5Vt8Bn3Ys6Hd1Jf4Gm0Pc9Ae2Ru5"
SECRET = f"sk-proj-{CORE}"
ESCAPED = json.dumps({"key": SECRET}).replace("-", "\\u002d").replace(CORE[:4], "\\u0071" + CORE[1:4])
BASE64 = base64.b64encode(SECRET.encode()).decode()[:40]
CARD = 4111111111111111
TRACE_ID, SPAN_ID = bytes(range(16)), bytes(range(8))
KEEP = {"trace_id", "span_id", "parent_span_id"}


def _plant(message) -> None:
    """Writes the secret into every string and value that the message or its parts can hold."""
    for field in message.DESCRIPTOR.fields:
        if field.name in KEEP:
            continue
        if field.message_type is not None:
            _plant_message(message, field)
        elif field.type == FieldDescriptor.TYPE_STRING:
            values = getattr(message, field.name)
            if _repeated(field):
                values.append(f"has {SECRET} inside")
            elif field.containing_oneof is None:
                setattr(message, field.name, f"{field.name} {SECRET}")


def _plant_message(message, field) -> None:
    if field.message_type.name == "AnyValue":
        if not _repeated(field):
            getattr(message, field.name).CopyFrom(_values()[0])
    elif field.message_type.name == "KeyValue":
        for index, value in enumerate(_values()):
            getattr(message, field.name).add(key=f"k{index}.{SECRET}", value=value)
    elif field.message_type.name != "EntityRef":
        part = getattr(message, field.name)
        part = part.add() if _repeated(field) else part
        if field.message_type.name == "Link":
            part.trace_id, part.span_id = TRACE_ID, SPAN_ID
        _plant(part)


def _repeated(field) -> bool:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED


def _values() -> list[AnyValue]:
    nested = AnyValue()
    nested.kvlist_value.values.add(key=SECRET).value.array_value.values.add(string_value=SECRET)
    return [
        AnyValue(string_value=f"Authorization: Bearer {SECRET}"),
        AnyValue(string_value=json.dumps({"deep": [{"key": SECRET, SECRET: 1}]})),
        AnyValue(string_value=ESCAPED),
        AnyValue(string_value="long " * 500 + SECRET),
        AnyValue(int_value=CARD),
        AnyValue(bytes_value=SECRET.encode()),
        nested,
    ]


def _traces() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _plant(resource_spans)
    span = resource_spans.scope_spans[0].spans[0]
    span.trace_id, span.span_id = TRACE_ID, SPAN_ID
    span.start_time_unix_nano, span.end_time_unix_nano = 1_790_000_000_000_000_000, 1_790_000_001_000_000_000
    for key in ("gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.tool.name", "session.id", "input.value"):
        span.attributes.add(key=key).value.string_value = json.dumps([{"role": "user", "content": SECRET}])
    span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
    return request


def _logs() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    _plant(resource_logs)
    record = resource_logs.scope_logs[0].log_records[0]
    record.trace_id, record.span_id, record.event_name = TRACE_ID, SPAN_ID, "gen_ai.evaluation.result"
    record.attributes.add(key="gen_ai.evaluation.name").value.string_value = SECRET
    record.attributes.add(key="gen_ai.evaluation.explanation").value.string_value = SECRET
    return request


@pytest.fixture
def data_dir(tmp_path):
    with sidecar_process(tmp_path / "data") as running:
        for signal, request in (("traces", _traces()), ("logs", _logs())):
            response = httpx.post(
                f"{running.http}/v1/{signal}", content=request.SerializeToString(),
                headers={"content-type": "application/x-protobuf"}, trust_env=False,
            )  # fmt: skip
            assert response.status_code == 200, response.text
        running.wait_for(lambda: running.sql("select count(*) from executions").item() == 1)
        batches = _journal(tmp_path / "data", tmp_path / "copy")
        _assert_absent("journal", [str(part.to_pylist()) for batch in batches for part in batch])
    return tmp_path / "data"


def _journal(data_dir, copy) -> list[Batch]:
    """What the journal holds, read from a copy: the sidecar owns the folder."""
    journal = Journal(Path(shutil.copytree(data_dir / "journal", copy)))
    found = [batch for _, batch in journal.read(JournalPosition(0, 0))]
    journal.close()
    assert found
    return found


def _assert_absent(where: str, texts) -> None:
    for text in texts:
        assert CORE not in text, where
        assert BASE64 not in text, where
        assert str(CARD) not in text, where


def test_no_file_of_the_data_folder_holds_it(data_dir):
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    assert any(path.suffix == ".duckdb" for path in files)
    for path in files:
        _assert_absent(path.name, [path.name, path.read_bytes().decode("latin-1")])


def test_no_table_and_no_segment_holds_it_once_unpacked(data_dir):
    with duckdb.connect(str(next(data_dir.glob("*.duckdb"))), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        for (table,) in tables:
            rows = connection.execute(f"select * from {table}").fetchall()
            _assert_absent(table, [str(row) for row in rows])
        assert connection.execute("select count(*) from span_rows").fetchone() == (1,)
    for path in data_dir.rglob("*.parquet"):
        _assert_absent(path.name, [str(row) for row in pq.read_table(path).to_pylist()])
