from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from store_builders import NOON, batch, conformance, content, log, results, span, trace
from whichstep_store import describe, public_views, schema
from whichstep_store.results import GROUNDING_FIELDS
from whichstep_store.results import schema as result_schema
from whichstep_store.store import Store

ROOT = Path(__file__).parents[2]
A = trace(1).hex()

COLUMNS = {
    "executions": "execution_id, task_id, rerun_of, trace_ids, session_id, turn, user_id, task_type, agent, workflow, "
    "service, release, configuration_id, environment, purpose, tags, metadata, started_at, ended_at, status, input, "
    "output, success, success_source, first_pass, self_corrected, escalated, escalation_reason, violated, latency_ms, "
    "active_ms, cost_usd, input_tokens, output_tokens, step_count, retry_count, failing_step_id, failing_step_name, "
    "cause_step_id, failure_kind, failure_reason, failure_confidence, failure_signature, autonomy_level, external_id",
    "steps": "step_id, execution_id, parent_step_id, type, name, path, agent, position, attempt, requested_by, "
    "started_at, ended_at, latency_ms, status, error_type, error_message, recovered, model, provider, input_tokens, "
    "output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, tool, arguments, result, query, "
    "sources, input, output, output_summary, approval_id, dialect, flags",
    "approvals": "approval_id, execution_id, step_id, state, action, arguments, evidence, summary, risk_level, rule, "
    "policy_digest, agent, task_type, release, created_at, expires_at, decision, decided_by, decided_at, notes, "
    "edited_arguments, consumed_at, delivered_at",
    "actions": "action, risk_level, rule, ran, step_id, execution_id, approval_id",
    "trace_executions": "trace_id, execution_id, rule",
    "metrics_daily": "day, metric, purpose, release, task_type, agent, environment, numerator, denominator, n, known, "
    "value, lower, upper",
    "metrics_weekly": "week, metric, whole, purpose, release, task_type, agent, environment, numerator, denominator, n, "
    "known, value, lower, upper",
    "spans": "trace_id, span_id, parent_span_id, execution_id, name, kind, scope, service, started_at, ended_at, "
    "status, attributes, events, links",
    "step_content": "execution_id, step_id, field, text",
}
OTHERS = {
    "evaluations", "expectations", "tool_choices", "tool_matches", "configurations", "releases", "sessions", "failure_signatures", "gates", "grounding",
    "contracts", "conformance",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a row behind every view that can have one without people."""
    with Store.open(tmp_path_factory.mktemp("data")) as opened:
        received = batch([span(1, 1, expectation="{}", input="hi"), span(1, 2)], [content(1, "x")], [log(1)])
        opened.writer.load([received], None)
        execution = {
            "execution_id": A, "trace_ids": [A], "started_at": NOON, "release": "r1", "service": "support",
            "configuration_id": A, "session_id": "s", "failure_signature": "f", "failing_step_id": 2**64 - 1,
        }  # fmt: skip
        step = {"execution_id": A, "trace_id": A, "step_id": 1, "span_ids": [1], "type": "tool_call", "tool": "t"}
        mapping = {"trace_id": A, "execution_id": A, "rule": "trace", "started_at": NOON, "ended_at": NOON}
        match = {"execution_id": A, "started_at": NOON, "expected": "t", "chosen": "t", "step_id": 1}
        opened.writer.replace_results(
            results(executions=[execution], steps=[step], trace_executions=[mapping], tool_matches=[match])
        )
        opened.writer.replace_conformance(*conformance(A))
        checked = {"execution_id": A, "step_id": 1, "span_count": 1, "version": 1, "checked": 1, "ungrounded": ["A-1"]}
        opened.writer.replace_grounding(pa.Table.from_pylist([checked], result_schema(GROUNDING_FIELDS)))
        yield opened


def test_the_views_of_the_contract_are_there():
    assert set(public_views.names()) == set(COLUMNS) | OTHERS


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_begins_with_the_columns_of_the_contract_in_its_order(store, view):
    promised = COLUMNS[view].split(", ")
    assert store.reader.sql(f"select * from {view}").column_names[: len(promised)] == promised


@pytest.mark.parametrize("view", sorted(set(COLUMNS) | OTHERS))
def test_every_column_of_a_view_has_a_sentence(store, view):
    said = describe.sentences(view, "views")
    assert [name for name in store.reader.sql(f"select * from {view}").column_names if not said.get(name)] == []


@pytest.mark.parametrize(
    "view", sorted((set(COLUMNS) | OTHERS) - {"approvals", "gates", "metrics_daily", "metrics_weekly"})
)
def test_every_view_shows_rows_with_hex_ids(store, view):
    rows = store.reader.sql(f"select * from {view}").to_pylist()
    assert rows
    for row in rows:
        for name, value in row.items():
            if name in {"execution_id", "trace_id", "rerun_of", "configuration_id", "latest_execution_id"} and value:
                assert re.fullmatch("[0-9a-f]{32}", value), name
            if name in {"step_id", "span_id", "failing_step_id"} and value:
                assert re.fullmatch("[0-9a-f]{16}", value), name


def test_times_have_nanoseconds(store):
    for view in ("executions", "steps", "spans"):
        kinds = store.reader.sql(f"select started_at, ended_at from {view}").schema.types
        assert [str(kind) for kind in kinds] == ["timestamp[ns]", "timestamp[ns]"]


@pytest.mark.parametrize("view", sorted((set(COLUMNS) | OTHERS) - {"spans", "step_content"}))
def test_no_view_but_spans_and_step_content_reads_texts(view):
    text = schema.ddl("views", view)
    assert not re.search(r"sealed_|span_open|content_open|log_open", text)


def test_the_page_of_tables_is_current():
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == describe.reference(), "run: make docs"
