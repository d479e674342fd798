"""Stored rows read anew: the same rows from the same rules, other facts from mended ones."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import batch_of, texts_of

from builders import RECEIVED, request, span
from whichstep_collector.decode import decode_traces
from whichstep_collector.dialects import openinference
from whichstep_collector.dialects.base import Kind
from whichstep_collector.normalise import normalise_traces
from whichstep_collector.renormalise import renormalise_logs, renormalise_spans

RECORDINGS = sorted((Path(__file__).parents[1] / "fixtures" / "otlp").glob("*/*.traces.pb"))


def texts(batch):
    return {(row["trace_id"].bytes, row["hash"].hex): row["text"] for row in batch.content.to_pylist()}


def again(batch):
    """The batch after one more pass, in one piece."""
    found = renormalise_spans(batch.spans, texts(batch))
    assert found.kept == 0
    return pa.Table.from_batches([made.spans for made in found.batches]), [made.content for made in found.batches]


def by_id(spans):
    columns = [name for name in spans.schema.names if not name.endswith("_at")]
    rows = spans.select(columns).to_pylist()
    return {(row["trace_id"], row["span_id"]): row for row in rows}


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_rules_that_did_not_change_give_the_same_rows(file):
    batch = normalise_traces(decode_traces(file.read_bytes(), json=False), received_at=RECEIVED)
    spans, _ = again(batch)
    before, after = by_id(batch.spans), by_id(spans)
    assert after.keys() == before.keys()
    for key, row in before.items():
        # of a long JSON text the value is kept, not its spaces
        different = {name for name, value in row.items() if value != after[key][name]}
        assert different <= {"attributes"}, key
    assert spans["started_at"].cast(pa.int64()).to_pylist() == batch.spans["started_at"].cast(pa.int64()).to_pylist()


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_text_that_the_new_rows_refer_to_is_with_them(file):
    batch = normalise_traces(decode_traces(file.read_bytes(), json=False), received_at=RECEIVED)
    spans, contents = again(batch)
    kept = {row["hash"] for content in contents for row in content.to_pylist()}
    for row in spans.to_pylist():
        for name in ("input", "output", "arguments", "result", "query", "sources"):
            assert set(row[f"{name}_parts"] or ()) <= kept


def test_a_mended_rule_mends_stored_spans_and_leaves_their_identity(monkeypatch):
    sent = span("search", id=7, **{"openinference.span.kind": "RETRIEVER", "input.value": "q" * 900})
    with monkeypatch.context() as doctored:
        doctored.setitem(openinference._KINDS, "RETRIEVER", Kind("other"))
        wrong = batch_of(request(sent, scope="openinference.instrumentation.x"))
    (row,) = wrong.spans.to_pylist()
    assert row["type"] == "other"
    spans, _ = again(wrong)
    (mended,) = spans.to_pylist()
    assert (mended["type"], mended["query"], mended["input"]) == ("retrieval", "q" * 900, None)
    assert [mended[name] for name in ("digest", "trace_id", "span_id", "received_at", "attribute_count")] == [
        row[name] for name in ("digest", "trace_id", "span_id", "received_at", "attribute_count")
    ]


def test_the_message_of_a_failure_is_read_again_whole():
    sent = span("pay", **{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "pay"})
    sent.status.code, sent.status.message = 2, "GatewayError: " + "down " * 400
    batch = batch_of(request(sent))
    spans, _ = again(batch)
    assert by_id(spans) == by_id(batch.spans)
    assert spans["error_type"].to_pylist() == ["GatewayError"]


def test_a_span_whose_text_is_gone_stays_as_it_was():
    batch = batch_of(request(span("a", id=7, long="x" * 2000), span("b", id=8, short="y")))
    found = renormalise_spans(batch.spans, {})
    assert (found.spans, found.kept) == (1, 1)
    rows = [row for made in found.batches for row in made.spans.to_pylist()]
    assert sorted(row["name"] for row in rows) == ["a", "b"]
    assert next(row for row in rows if row["name"] == "a") == batch.spans.to_pylist()[0]


_LEAVES = st.one_of(
    st.text(max_size=400), st.integers(-(2**62), 2**62), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
)
_KEYS = st.sampled_from(["a", "$content", "$column", "$json", "$bytes", "$at", "input.value", "gen_ai.prompt"])


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        _KEYS,
        st.recursive(
            _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
        ),
    )
)
def test_no_attribute_of_a_sender_is_taken_for_a_reference(values):
    batch = batch_of(request(span("odd", attributes=values)))
    spans, contents = again(batch)
    twice = type(batch)(spans.combine_chunks().to_batches()[0], contents[0], batch.logs)
    assert by_id(again(twice)[0]) == by_id(spans)
    assert texts_of(twice) == texts_of(batch)


def test_log_records_are_read_again_under_the_digest_they_had():
    from builders import log_request
    from whichstep_collector.decode import decode_logs
    from whichstep_collector.normalise import normalise_logs

    message = log_request()
    record = (
        message.resource_logs.add()
        .scope_logs.add()
        .log_records.add(time_unix_nano=RECEIVED, event_name="gen_ai.evaluation.result", trace_id=b"\1" * 16)
    )
    for key, value in {"gen_ai.evaluation.name": "helpful", "session.id": "s"}.items():
        record.attributes.add(key=key).value.string_value = value
    stored = normalise_logs(decode_logs(message.SerializeToString(), json=False), received_at=RECEIVED).logs
    names = [name for name in stored.schema.names if name not in ("evaluation_name", "session_id")]
    columns = [
        stored[name] if name in names else pa.nulls(stored.num_rows, stored[name].type) for name in stored.schema.names
    ]
    wrong = pa.RecordBatch.from_arrays(columns, schema=stored.schema)
    assert renormalise_logs(wrong)[0].logs.equals(stored)
    assert json.loads(stored["attributes"][-1].as_py())["session.id"] == "s"
