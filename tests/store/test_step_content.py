from __future__ import annotations

import json

import pytest

from store_builders import NOON, SECOND, batch, content, digest, results, span, trace
from whichstep_store.batches import JournalPosition

AT = JournalPosition(1, 0)
A = trace(1).hex()
ONE, TWO = '{"role": "user"}', '{"role": "assistant"}'
LONG = "x" * 5000


@pytest.fixture(params=["open", "sealed", "text sealed before its span"])
def loaded(request, store):
    spans = [
        span(1, 1, input=ONE[:5], input_parts=[digest(ONE), digest(TWO)], input_is_list=True, output="short"),
        span(
            1,
            2,
            arguments=LONG[:1024],
            arguments_parts=[digest(LONG)],
            input=ONE,
            input_parts=[digest(ONE)],
            input_is_list=True,
        ),
        span(1, 3, result="kept preview", result_parts=[digest("dropped by retention")]),
        span(1, 4, input="of the inner span", output="inner"),
        span(1, 5, input="of the step's own span"),
        span(2, 1, input="of another execution"),
    ]
    texts = [content(1, ONE), content(1, TWO), content(1, LONG), content(2, LONG)]
    if request.param == "text sealed before its span":
        store.writer.load([batch(spans[1:2], texts)], AT)
        store.writer.seal(force=True)
    store.writer.load([batch(spans, texts)], AT)
    if request.param == "sealed":
        store.writer.seal(force=True)
    ids = {1: [1], 2: [2], 3: [3], 5: [5, 4]}
    steps = [
        {"execution_id": A, "trace_id": A, "step_id": n, "span_ids": spans, "started_at": NOON + n * SECOND}
        for n, spans in ids.items()
    ]
    mapping = [
        {"trace_id": A, "execution_id": A, "rule": "trace", "started_at": NOON + SECOND, "ended_at": NOON + 6 * SECOND}
    ]
    store.writer.replace_results(results(executions=[{"execution_id": A}], steps=steps, trace_executions=mapping))
    return store


def found(table):
    return {(int(row["step_id"], 16), row["field"]): row["text"] for row in table.to_pylist()}


EXPECTED = {
    (1, "input"): f"[{ONE},{TWO}]",
    (1, "output"): "short",
    (2, "arguments"): LONG,
    (2, "input"): f"[{ONE}]",
    (3, "result"): "kept preview",
    (5, "input"): "of the step's own span",
    (5, "output"): "inner",
}


def test_the_whole_texts_of_an_execution_are_put_together(loaded):
    assert found(loaded.reader.step_content([A])) == EXPECTED
    assert json.loads(EXPECTED[1, "input"])[1]["role"] == "assistant"


def test_one_step_is_read_alone(loaded):
    assert found(loaded.reader.step_content([A], f"{2:016x}")) == {
        key: text for key, text in EXPECTED.items() if key[0] == 2
    }


def test_the_public_view_says_the_same(loaded):
    assert (
        found(loaded.reader.sql(f"select step_id, field, text from step_content where execution_id = '{A}'"))
        == EXPECTED
    )


def test_an_unknown_execution_has_no_texts(store):
    assert store.reader.step_content([trace(99).hex()]).num_rows == 0


def test_freshness_says_how_far_the_jobs_are_behind(store, clock):
    assert store.reader.freshness() == {"newest_received_at": None, "oldest_touched_at": None, "touched_traces": 0}
    store.writer.load([batch([span(1, 1)])], AT)
    fresh = store.reader.freshness()
    assert (fresh["oldest_touched_at"], fresh["touched_traces"]) == (clock.now, 1)
