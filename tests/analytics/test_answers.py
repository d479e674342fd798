import json
from importlib.resources import files

import jsonschema
import pytest

from store_builders import DAY, NOON, SECOND, batch, content, digest, log, results, span
from whichstep_analytics import render
from whichstep_analytics.answers import Answers, Check
from whichstep_analytics.runner import JobRunner
from whichstep_store import named
from whichstep_store.batches import JournalPosition
from whichstep_store.filters import FilterError, Filters
from whichstep_store.store import Store

NOW = NOON + 3600 * SECOND


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data", clock=lambda: NOW) as opened:
        yield opened


@pytest.fixture
def answers(store):
    return Answers(store, clock=lambda: NOW)


def hex_id(number):
    return f"{number:032x}"


def execution(number, **columns):
    """A successful execution in production that started `number` seconds after noon."""
    return {
        "execution_id": hex_id(number),
        "task_id": hex_id(number),
        "trace_ids": [hex_id(number)],
        "service": "support",
        "agent": "planner",
        "release": "1.0",
        "purpose": "production",
        "status": "ok",
        "success": True,
        "success_source": "code",
        "first_pass": True,
        "self_corrected": False,
        "escalated": False,
        "latency_ms": 2_000.0,
        "active_ms": 1_000.0 * number,
        "cost_usd": 0.01,
        "input_tokens": 80,
        "output_tokens": 20,
        "step_count": 2,
        "started_at": NOON + number * SECOND,
        "ended_at": NOON + (number + 2) * SECOND,
        "last_received_at": NOON + (number + 3) * SECOND,
        "root_ended": True,
        **columns,
    }


def failure(number, **columns):
    """An execution that failed in its second step because of its first."""
    return execution(
        number,
        **{
            "status": "error",
            "success": False,
            "success_source": "inferred",
            "failing_step_id": 2,
            "failing_step_name": "issue_refund",
            "failing_step_path": "planner/issue_refund",
            "cause_step_id": 1,
            "failure_kind": "tool_error",
            "failure_reason": "issue_refund raised ValueError",
            "failure_confidence": 0.9,
            "failure_signature": "issue_refund ValueError",
            "suspects": json.dumps(
                [{"step_id": "0000000000000002", "kind": "tool_error", "score": 0.9, "reason": "raised ValueError"}]
            ),
            **columns,
        },
    )


def step(number, step_id, **columns):
    return {
        "execution_id": hex_id(number),
        "step_id": step_id,
        "trace_id": hex_id(number),
        "span_ids": [step_id],
        "type": "llm_call",
        "name": f"step {step_id}",
        "path": f"planner/step {step_id}",
        "position": step_id,
        "attempt": 1,
        "started_at": NOON + number * SECOND,
        "status": "ok",
        "dialect": "whichstep",
        **columns,
    }


def put(store, *executions, steps=(), **more):
    store.writer.replace_results(results(executions=executions, steps=steps, **more))


def trace_of(number):
    return {"trace_id": hex_id(number), "execution_id": hex_id(number), "rule": "trace"}


# The list


def test_a_list_is_paged_to_its_end_without_loss_or_repeat(store, answers):
    put(store, *(execution(number) for number in range(1, 8)))
    seen, cursor = [], None
    while True:
        page = answers.executions(Filters(), limit=3, cursor=cursor, order="started_at:desc")
        seen += [row["execution_id"] for row in page["executions"]]
        assert page["total"] == 7
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [hex_id(number) for number in range(7, 0, -1)]


def test_rows_with_equal_keys_are_paged_once_each(store, answers):
    put(store, *(execution(number, cost_usd=0.5) for number in range(1, 6)))
    first = answers.executions(Filters(), limit=2, order="cost_usd:asc")
    second = answers.executions(Filters(), limit=9, order="cost_usd:asc", cursor=first["next_cursor"])
    ids = [row["execution_id"] for row in first["executions"] + second["executions"]]
    assert sorted(ids) == [hex_id(number) for number in range(1, 6)]


@pytest.mark.parametrize(("order", "expected"), [("cost_usd:desc", [2, 1, 3]), ("cost_usd:asc", [1, 2, 3])])
def test_unknown_values_come_last_in_either_direction(store, answers, order, expected):
    put(store, execution(1, cost_usd=0.1), execution(2, cost_usd=0.2), execution(3, cost_usd=None))
    rows = answers.executions(Filters(), order=order)["executions"]
    assert [row["execution_id"] for row in rows] == [hex_id(number) for number in expected]


def test_a_row_is_the_execution_with_times_and_ids_as_text(store, answers):
    put(store, failure(1, metadata='{"tier": "gold"}', tags=["vip"]))
    row = answers.executions(Filters())["executions"][0]
    assert row["started_at"] == "2026-09-21T12:00:01.000000000Z"
    assert (row["failing_step_id"], row["cause_step_id"]) == ("0000000000000002", "0000000000000001")
    assert (row["metadata"], row["tags"], row["rerun_of"]) == ({"tier": "gold"}, ["vip"], None)
    assert "page_key" not in row
    json.dumps(row, allow_nan=False)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [1, 2, 3]),
        (Filters(purpose=()), [1, 2, 3, 4]),
        (Filters(purpose=("demo",)), [4]),
        (Filters(release=("2.0",)), [2]),
        (Filters(release=("2.0", "")), [2, 3]),
        (Filters(success=("false",)), [2]),
        (Filters(success=("unknown",)), [3]),
        (Filters(status=("error",)), [2]),
        (Filters(failing_step=("issue_refund",)), [2]),
        (Filters(failing_step=("planner/issue_refund",)), [2]),
        (Filters(failure_kind=("tool_error",)), [2]),
        (Filters(query="REFUND for"), [1]),
        (Filters(query="100%"), []),
        (Filters(since=NOON + 2 * SECOND), [2, 3]),
        (Filters(until=NOON + 2 * SECOND), [1]),
        (Filters(session_id=("s1",)), [3]),
        (Filters(agent=("'; drop table execution_rows; --",)), []),
    ],
)
def test_filters_find_what_they_say(store, answers, filters, expected):
    put(
        store,
        execution(1, input="a refund for me"),
        failure(2, release="2.0"),
        execution(3, release=None, success=None, success_source=None, session_id="s1"),
        execution(4, purpose="demo"),
    )
    page = answers.executions(filters, order="started_at:asc")
    assert [row["execution_id"] for row in page["executions"]] == [hex_id(number) for number in expected]
    assert page["total"] == len(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "input:asc"}, "order is 'input:asc'"),
        ({"order": "cost_usd:up"}, "order is 'cost_usd:up'"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": 1_001}, "limit is 1001"),
        ({"cursor": "garbage"}, "cursor is damaged"),
        ({"cursor": "WzEsMl0"}, "cursor is damaged"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(answers, options, message):
    with pytest.raises(FilterError, match=message):
        answers.executions(Filters(), **options)


# One execution


def explained(store, answers):
    refund = step(1, 2, type="tool_call", name="issue_refund", status="error", parent_step_id=1, tool="issue_refund")
    put(store, failure(1), steps=[refund, step(1, 1)], trace_executions=[trace_of(1)])
    return answers.execution(hex_id(1))


def test_an_execution_is_explained_with_its_failing_and_cause_step(store, answers):
    document = explained(store, answers)
    assert [(one["step"], one["name"]) for one in document["steps"]] == [(1, "step 1"), (2, "issue_refund")]
    assert document["failing_step"]["name"] == "issue_refund"
    assert document["cause_step"]["step_id"] == "0000000000000001"
    assert document["suspects"][0]["reason"] == "raised ValueError"
    assert (document["total_latency_ms"], document["total_cost_usd"], document["success"]) == (2_000, 0.01, False)
    assert document["summary"] == (
        "planner ended in an error; it failed. The failure first shows in step 2, issue_refund (tool_error): "
        "issue_refund raised ValueError. The decision that led there was step 1, step 1. 2 steps, 2 s, $0.01."
    )


def test_an_execution_keeps_to_its_published_schema(store, answers):
    schema = json.loads((files("whichstep_analytics") / "execution_schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    put(store, execution(2, success=None, cost_usd=None, ended_at=None, latency_ms=None, status="running"))
    for document in (explained(store, answers), answers.execution(hex_id(2))):
        jsonschema.validate(document, schema)
        assert set(document) == set(schema["properties"])
        for one in document["steps"]:
            assert set(one) == set(schema["$defs"]["step"]["properties"])


def test_the_list_and_the_document_speak_of_the_same_columns(store, answers):
    document = explained(store, answers)
    assert set(answers.executions(Filters())["executions"][0]) <= set(document)


def test_evaluations_of_senders_and_of_the_ledger_are_listed(store, answers):
    said = log(None, execution_key=bytes(15) + b"\x01", evaluation_label="good", evaluation_source="LLM")
    store.writer.load([batch(logs=[said])], JournalPosition(1, 1))
    evaluations = explained(store, answers)["evaluations"]
    assert [(one["name"], one["label"], one["trusted"]) for one in evaluations] == [("helpful", "good", False)]


@pytest.mark.parametrize("text", [hex_id(0xAB), hex_id(0xAB).upper(), "ticket-17", hex_id(0xCD), hex_id(0xEF)])
def test_an_execution_is_found_by_id_external_id_alias_or_trace(store, answers, text):
    put(
        store,
        execution(0xAB, external_id="ticket-17"),
        aliases=[{"alias": hex_id(0xCD), "execution_id": hex_id(0xAB)}],
        trace_executions=[{"trace_id": hex_id(0xEF), "execution_id": hex_id(0xAB), "rule": "links"}],
    )
    assert answers.execution(text)["execution_id"] == hex_id(0xAB)


def test_the_first_digits_find_an_execution_where_they_are_enough(store, answers):
    put(
        store,
        execution(1, execution_id="abcdef01" + "0" * 24),
        execution(2, execution_id="abcdef02" + "0" * 24),
    )
    assert answers.execution("abcdef02")["started_at"] == "2026-09-21T12:00:02.000000000Z"
    with pytest.raises(FilterError, match="means several executions: abcdef01"):
        answers.execution("abcdef")


@pytest.mark.parametrize("text", [hex_id(9), "nope", "", "abc", "'", "%"])
def test_there_is_no_answer_for_an_execution_that_is_not_there(store, answers, text):
    put(store, execution(1))
    assert answers.execution(text) is None


def test_a_step_opens_to_its_whole_texts(store, answers):
    whole = "long " * 1_000
    rows = span(1, 2, output=whole[:1_024], output_parts=[digest(whole)], output_is_list=False, input="hello")
    store.writer.load([batch(spans=[rows], contents=[content(1, whole)])], JournalPosition(1, 1))
    JobRunner(store, clock=lambda: NOW).drain()
    found = answers.step(rows["trace_id"].hex(), "0000000000000002")
    assert found["fields"] == {"input": "hello", "output": whole}


def test_a_step_without_texts_is_there_and_others_are_not(store, answers):
    put(store, execution(1), steps=[step(1, 2)])
    assert answers.step(hex_id(1), "0000000000000002")["fields"] == {}
    for execution_id, step_id in ((hex_id(1), "0000000000000003"), (hex_id(1), "2"), (hex_id(2), "0000000000000002")):
        assert answers.step(execution_id, step_id) is None


# Metrics


def test_metrics_are_those_of_the_executions_that_match(store, answers):
    put(store, execution(1), failure(2), execution(3, purpose="demo", success=False))
    document = answers.metrics(Filters())
    assert (document["since"], document["until"], document["by"]) == (None, None, [])
    metrics = document["groups"][0]["metrics"]
    assert (metrics["task_success_rate"]["value"], metrics["error_rate"]["value"]) == (0.5, 0.5)
    assert metrics["latency_p95"]["value"] == 2_000
    assert metrics["cost_per_task"]["value"] == pytest.approx(0.02)
    assert metrics["policy_violation_rate"]["reason"] == "no execution ran under a policy"
    assert metrics["error_rate"]["previous"] is None
    json.dumps(document, allow_nan=False)


def test_metrics_stand_beside_the_window_before(store, answers):
    before = [failure(number, started_at=NOON - DAY + number * SECOND) for number in range(1, 5)]
    put(store, *before, execution(5), execution(6), failure(7), since=NOON - 2 * DAY)
    figure = answers.metrics(Filters(since=NOW - DAY))["groups"][0]["metrics"]["error_rate"]
    assert figure["value"] == pytest.approx(1 / 3)
    # The window before begins two days before now: it holds the four that failed.
    assert figure["previous"]["value"] == 1
    assert figure["change"]["value"] == pytest.approx(-2 / 3)
    assert figure["change"]["lower"] < figure["change"]["value"] < figure["change"]["upper"]


def test_metrics_are_grouped_and_compared_group_by_group(store, answers):
    put(
        store,
        execution(1, release="1.0", started_at=NOON - DAY),
        execution(2, release="1.0"),
        failure(3, release="2.0"),
        since=NOON - 2 * DAY,
    )
    groups = answers.metrics(Filters(since=NOW - DAY), by=["release", "configuration"])["groups"]
    assert [group["group"] for group in groups] == [
        {"release": "1.0", "configuration": None},
        {"release": "2.0", "configuration": None},
    ]
    assert groups[0]["metrics"]["error_rate"]["previous"]["value"] == 0
    assert groups[1]["metrics"]["error_rate"]["previous"] is None


def test_a_change_has_a_test_and_a_trend_its_weeks(store, answers):
    """Eleven weeks: of a hundred executions a week, one more a week is escalated; the last is not over."""
    rows = [
        execution(
            1_000 * week + number, started_at=NOON - week * 7 * DAY + number * SECOND, escalated=number < 20 - week
        )
        for week in range(11)
        for number in range(100)
    ]
    put(store, *rows, since=NOON - 90 * DAY)
    JobRunner(store, clock=lambda: NOW).drain()
    figure = answers.metrics(Filters(since=NOW - 7 * DAY))["groups"][0]["metrics"]["human_escalation_rate"]
    assert figure["value"] == 0.2
    assert figure["change"]["words"].startswith("no clear change: up 1.0 points (p = 0.8")
    assert figure["change"]["mix_adjusted"] is None
    trend = figure["trend"]
    assert (trend["weeks"], trend["slope"]["direction"], trend["disagree"]) == (10, "rising", False)
    assert trend["slope"]["value"] == pytest.approx(0.01, abs=0.001)
    latency = answers.metrics(Filters(since=NOW - 7 * DAY))["groups"][0]["metrics"]["latency_p95"]["trend"]
    assert latency["weeks"] == 10
    by_release = answers.metrics(Filters(since=NOW - 7 * DAY), by=["release"])["groups"][0]["metrics"]
    assert by_release["human_escalation_rate"]["trend"]["slope"]["value"] == pytest.approx(trend["slope"]["value"])
    assert "cannot be added up" in by_release["latency_p95"]["trend"]["reason"]
    json.dumps(answers.metrics(Filters(since=NOW - 7 * DAY)), allow_nan=False)


def test_no_trend_is_claimed_for_what_weeks_are_not_kept_by(store, answers):
    put(store, execution(1))
    assert answers.metrics(Filters(status=("ok",)))["groups"][0]["metrics"]["error_rate"]["trend"] is None
    assert answers.metrics(Filters(), by=["service"])["groups"][0]["metrics"]["error_rate"]["trend"] is None
    assert answers.metrics(Filters())["groups"][0]["metrics"]["error_rate"]["trend"]["reason"].startswith("0 weeks")


def test_a_mix_of_task_types_that_misleads_is_said_over_time_and_between_groups(store, answers):
    """Both task types do better in release 2 and in the last day, which has more of the hard ones."""
    counts = {("1", "easy"): (810, 900), ("1", "hard"): (30, 100), ("2", "easy"): (95, 100), ("2", "hard"): (450, 900)}
    rows, number = [], 0
    for (release, task_type), (successes, cases) in counts.items():
        for place in range(cases):
            number += 1
            started_at = NOON + (number - (DAY // SECOND if release == "1" else 0)) * SECOND // 10
            shown = {"release": release, "task_type": task_type, "success": place < successes, "started_at": started_at}
            rows.append(execution(number, **shown))
    put(store, *rows, since=NOON - 2 * DAY)
    document = answers.metrics(Filters(), by=["release"])
    assert any(
        said.startswith("task_success_rate, 2 against 1: down 29.5 points") and "held: up 12.5 points" in said
        for said in document["disagreements"]
    )
    assert document["groups"][0]["metrics"]["task_success_rate"]["mix_adjusted"]["value"] == pytest.approx(0.6)
    change = answers.metrics(Filters(since=NOON, until=NOON + DAY))["groups"][0]["metrics"]["task_success_rate"][
        "change"
    ]
    assert (change["verdict"], change["mix_adjusted"]["verdict"], change["disagree"]) == ("down", "up", True)


def test_an_empty_store_has_metrics_that_say_so(answers):
    metrics = answers.metrics(Filters())["groups"][0]["metrics"]
    assert all(figure["reason"] == "no execution matches" for figure in metrics.values())
    assert answers.metrics(Filters(), by=["day"])["groups"] == []


def test_tools_are_judged_where_an_expectation_was_set(store, answers):
    calls = [
        step(1, 2, type="tool_call", tool="lookup_order"),
        step(1, 3, type="tool_call", tool="issue_refund"),
        step(1, 4, type="tool_call", tool="issue_refund", attempt=2),
    ]
    judged = {
        "expectation": '{"tools": ["lookup_order"]}', "expectation_source": "code", "tool_accuracy": 0.5,
        "tools_expected": 1, "tools_called": 2, "tools_matched": 1, "tool_order": 0.5,
    }  # fmt: skip
    put(store, execution(1, **judged), execution(2), steps=calls)
    figure = answers.metrics(Filters())["groups"][0]["metrics"]["tool_selection_accuracy"]
    assert (figure["value"], figure["known"], figure["n"]) == (0.5, 1, 2)
    document = answers.tools(Filters())
    tools = {row["tool"]: row for row in document["tools"]}
    assert {name: row["calls"] for name, row in tools.items()} == {"lookup_order": 1, "issue_refund": 2}
    assert document["metrics"]["tool_selection_accuracy"]["value"] == 0.5


def test_an_unknown_grouping_is_refused(answers):
    with pytest.raises(FilterError, match="cannot group by colour; group by release"):
        answers.metrics(Filters(), by=["colour"])


# Failures


def test_failures_open_to_the_executions_behind_them(store, answers):
    put(store, failure(1), failure(2), failure(3, failing_step_path=None, failing_step_name=None), execution(4))
    document = answers.failures(Filters(), by="step")
    assert (document["failed"], document["executions"]) == (3, 4)
    first, second = document["groups"]
    assert (first["label"], first["count"], first["share"]) == ("planner/issue_refund", 2, pytest.approx(2 / 3))
    assert first["examples"] == [hex_id(2), hex_id(1)]
    assert first["weeks"] == [{"week": "2026-W39", "count": 2}]
    assert second["label"] == "no single step"
    for group in document["groups"]:
        found = answers.executions(Filters(success=("false",), failing_path=(group["key"]["failing_path"],)))
        assert found["total"] == group["count"]
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("by", ["step", "kind", "signature"])
def test_a_group_opens_exactly_the_executions_that_it_counts(store, answers, by):
    """Though a step at the root is called as another one deeper down: its path is the other one's name."""
    deeper = [failure(number, failing_step_path="planner/refund", failing_step_name="refund") for number in (1, 2)]
    root = failure(3, failing_step_path="refund", failing_step_name="refund", failure_kind=None, failure_signature="x")
    nowhere = failure(4, failing_step_path=None, failing_step_name=None, failure_kind=None, failure_signature=None)
    put(store, *deeper, root, nowhere, execution(5))
    for group in answers.failures(Filters(), by=by)["groups"]:
        key = {name: (value,) for name, value in group["key"].items()}
        found = answers.executions(Filters(success=("false",), **key))
        assert found["total"] == group["count"]
        assert {row["execution_id"] for row in found["executions"]} == set(group["examples"])


def test_a_failure_that_only_the_latest_release_has_is_new(store, answers):
    put(
        store,
        failure(1, started_at=NOON - DAY),
        failure(2, release="2.0"),
        failure(3, release="2.0", failure_kind="loop"),
        since=NOON - 2 * DAY,
    )
    groups = answers.failures(Filters(since=NOON), by="kind")["groups"]
    assert {group["label"]: group["new_since_release"] for group in groups} == {"tool_error": None, "loop": "2.0"}


@pytest.mark.parametrize("by", ["step", "kind", "signature"])
def test_without_executions_there_are_no_failures(answers, by):
    assert answers.failures(Filters(), by=by) == {"by": by, "failed": 0, "executions": 0, "groups": []}


def test_failures_are_counted_by_known_words_only(answers):
    with pytest.raises(FilterError, match="count by step, kind, signature"):
        answers.failures(Filters(), by="mood")


# Filters and doctor


def test_filter_values_are_counted_over_every_purpose(store, answers):
    put(store, execution(1), execution(2, release="2.0", purpose="demo"), execution(3, release=None))
    facets = answers.filters(Filters())
    assert facets["purpose"] == [{"value": "production", "count": 2}, {"value": "demo", "count": 1}]
    assert {row["value"]: row["count"] for row in facets["release"]} == {"1.0": 1, "2.0": 1, None: 1}
    assert answers.filters(Filters(purpose=("demo",)))["release"] == [{"value": "2.0", "count": 1}]


def checks(document):
    return {check["id"]: check for check in document["checks"]}


def test_a_doctor_without_data_says_how_to_send_some(answers):
    found = checks(answers.doctor())
    assert found["freshness"]["status"] == "warn"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in found["freshness"]["remedy"]
    assert found["jobs"]["status"] == "ok"
    assert "schema version" in found["schema"]["summary"]


def test_a_doctor_names_what_it_did_not_understand_and_what_is_missing(store, answers):
    rows = [
        span(1, 1, received_at=NOW),
        span(1, 2, parent_span_id=77, received_at=NOW, flags=["truncated", "redacted"]),
        span(
            1,
            3,
            dialect="unknown",
            type="other",
            scope="odd.library",
            name="do_thing",
            received_at=NOW,
            attributes='{"odd.key":"secret","n":1}',
        ),
        span(1, 6, dialect="otel_genai", type="other", flags=["guessed"], scope="new", name="dream m", received_at=NOW),
        span(2, 4, started_at=NOW + 60 * SECOND, received_at=NOW, service="skewed"),
    ]
    store.writer.load([batch(spans=rows)], JournalPosition(1, 1))
    put(store, execution(1, status="abandoned"), steps=[step(1, 5, model="mystery-1", input_tokens=3)])
    found = checks(answers.doctor())
    assert found["orphans"]["summary"] == "1 of 5 spans have a parent that never arrived"
    detail = found["spans_understood"]["detail"]
    assert "odd.library: 1, as 'do_thing' in trace" in detail
    assert "with n, odd.key" in detail
    assert "otel_genai" in detail
    assert "secret" not in detail
    assert "whichstep.step.type" in found["spans_understood"]["remedy"]
    assert "skewed: up to 1 min 00 s" in found["clock_skew"]["detail"]
    assert found["truncated"]["status"] == "warn"
    assert found["redacted"]["status"] == "ok"
    assert "mystery-1: 1 calls" in found["prices"]["detail"]
    assert found["missing_roots"]["detail"] == f"for instance {hex_id(1)}"
    assert "whichstep (3)" in found["dialects"]["summary"]


def test_a_doctor_asks_those_who_know_more(store):
    probe = Check("journal", "fail", "the journal is 2 GB behind", remedy="look at the disk")
    found = Answers(store, clock=lambda: NOW, probes=[lambda: [probe]]).doctor()["checks"]
    assert found[0] == {
        "id": "journal",
        "status": "fail",
        "summary": "the journal is 2 GB behind",
        "detail": None,
        "remedy": "look at the disk",
    }


# The queries themselves


def test_every_filter_is_bound_in_the_part_that_all_queries_share():
    assert named.parameters("executions_count") == set(Filters().parameters())


@pytest.mark.parametrize(
    "name",
    ["execution_profiles", "execution_numbers", "failure_rows", "failure_totals", "tool_table", "executions_list"],
)
def test_figures_and_lists_share_their_filters(name):
    assert set(Filters().parameters()) <= named.parameters(name)


# From spans


def test_spans_become_an_explained_execution(store, answers):
    """The whole way: rows as the collector writes them, the jobs, the document."""
    common = {"session_id": "s1", "task_type": "refund_request", "release": "2.0", "agent": "planner"}
    root = span(7, 1, type="agent", step_name="planner", error=True, ended_at=NOON + 9 * SECOND, **common)
    call = {"parent_span_id": 1, **common}
    asked = span(
        7, 2, type="llm_call", step_name="gpt", model="gpt-x", asked_tools=["issue_refund"], asked_call_ids=[""], **call
    )
    failed = span(
        7, 3, type="tool_call", step_name="issue_refund", tool="issue_refund", error=True,
        error_type="ValueError", error_message="no such order", arguments='{"order": 1}', **call,
    )  # fmt: skip
    store.writer.load([batch(spans=[root, asked, failed])], JournalPosition(1, 1))
    JobRunner(store, clock=lambda: NOW).drain()
    document = answers.execution(root["trace_id"].hex())
    schema = json.loads((files("whichstep_analytics") / "execution_schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    assert document["failing_step"]["name"] == "issue_refund"
    assert (document["success"], document["failure_kind"]) == (False, "tool_error")
    assert "✗ failing step: step 3, issue_refund (tool_error" in render.text(document)
    group = answers.failures(Filters(), by="step")["groups"][0]
    assert group["examples"] == [document["execution_id"]]
    assert answers.metrics(Filters())["groups"][0]["metrics"]["error_rate"]["value"] == 1
