"""What is recomputed when, against a real store."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from store_builders import NOON, SECOND, batch, digest, hex_id, log, span, trace
from whichstep_analytics import job
from whichstep_analytics.answers import Answers
from whichstep_analytics.jobs.executions import ABANDONED_AFTER_NS
from whichstep_analytics.runner import JobRunner
from whichstep_store import approvals
from whichstep_store.batches import JournalPosition
from whichstep_store.filters import Filters
from whichstep_store.store import Store


class Clock:
    now = NOON + 3600 * SECOND

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class Bench:
    """A store with its runner; `load` is what the loader does."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = Store.open(folder, clock=self.clock)
        self.runner = JobRunner(self.store, clock=self.clock)
        self._loaded = 0

    def load(self, *spans: dict[str, Any]) -> None:
        self._loaded += 1
        spans = tuple({**row, "received_at": self.clock.now} for row in spans)
        self.store.writer.load([batch(spans)], JournalPosition(1, self._loaded))

    def executions(self) -> list[dict[str, Any]]:
        found = self.store._database.read(
            "select replace(cast(execution_id as varchar), '-', '') as execution_id, * exclude (execution_id) "
            "from execution_rows order by started_at"
        )
        return found.to_pylist()

    def count(self, table: str) -> int:
        return int(self.store._database.read(f"select count(*) as n from {table}")["n"][0].as_py())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def root(number: int = 1, **columns: Any) -> dict[str, Any]:
    return span(number, 1, type="agent", agent="support", **columns)


def child(span_id: int, number: int = 1, **columns: Any) -> dict[str, Any]:
    return span(number, span_id, parent_span_id=1, **columns)


def test_an_ended_root_is_computed_at_once(bench: Bench) -> None:
    bench.load(root(), child(2))
    bench.runner.tick()
    (found,) = bench.executions()
    assert (found["status"], found["step_count"], found["span_count"]) == ("ok", 2, 2)
    assert bench.count("touched_traces") == 0


def test_without_a_root_it_waits_for_quiet(bench: Bench) -> None:
    bench.load(child(2))
    wait = bench.runner.tick()
    assert bench.executions() == []
    assert 0 < wait <= 2
    bench.clock.pass_seconds(wait)
    bench.runner.tick()
    assert [row["status"] for row in bench.executions()] == ["running"]


def test_a_trickle_without_quiet_is_computed_after_four_seconds(bench: Bench) -> None:
    for number in range(2, 8):
        bench.load(child(number))
        bench.runner.tick()
        bench.clock.pass_seconds(0.9)
    assert len(bench.executions()) == 1


def test_a_long_run_is_recomputed_ever_more_rarely(bench: Bench) -> None:
    recomputes = 0
    for start in range(2, 3_000, 50):
        bench.load(*(child(number) for number in range(start, start + 50)))
        before = bench.count("touched_traces")
        bench.runner.tick()
        recomputes += bench.count("touched_traces") < before
        bench.clock.pass_seconds(1.1)
    assert bench.executions()[0]["span_count"] > 2_000
    assert recomputes < 40  # of 60 batches


def test_a_large_run_is_recomputed_once_a_quarter_that_it_grows_so_its_cost_is_not_its_square(bench: Bench) -> None:
    bench.load(*(child(number) for number in range(2, 2_102)))
    bench.clock.pass_seconds(3)
    bench.runner.tick()
    recomputes = 0
    for start in range(2_102, 9_102, 250):
        bench.load(*(child(number) for number in range(start, start + 250)))
        bench.runner.tick()
        recomputes += bench.count("touched_traces") == 0
        bench.clock.pass_seconds(1.1)  # never quiet
    assert 4 <= recomputes <= 7  # of 28 batches; 1.25^7 = 9_100 / 2_100 and a bit


def test_late_spans_change_the_result_and_double_nothing(bench: Bench) -> None:
    bench.load(root(), child(2))
    bench.runner.tick()
    bench.load(child(3), child(2))
    bench.clock.pass_seconds(3)
    bench.runner.tick()
    assert [row["step_count"] for row in bench.executions()] == [3]
    assert bench.count("step_rows") == 3


def test_spans_that_arrive_while_it_computes_are_not_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.load(root())
    read = bench.store.reader.job_inputs

    def read_while_more_arrives(*arguments: Any, **bounds: Any) -> Any:
        found = read(*arguments, **bounds)
        bench.load(child(2))
        return found

    monkeypatch.setattr(bench.store.reader, "job_inputs", read_while_more_arrives)
    bench.runner.tick()
    monkeypatch.undo()
    assert bench.count("touched_traces") == 1
    bench.clock.pass_seconds(3)
    bench.runner.tick()
    assert [row["step_count"] for row in bench.executions()] == [2]


def test_a_trace_that_joins_later_replaces_the_execution_and_leaves_an_alias(bench: Bench) -> None:
    bench.load(root(2, started_at=NOON + 50 * SECOND, links_join=True, linked_trace_ids=[trace(1)]))
    bench.runner.tick()
    bench.clock.pass_seconds(2.1)
    bench.load(root(1, started_at=NOON))
    bench.runner.tick()
    (found,) = bench.executions()
    assert found["execution_id"] == hex_id(trace(1))
    assert found["span_count"] == 2
    assert bench.count("step_rows") == 2
    assert bench.count("execution_aliases") == 1


def test_an_earlier_trace_of_a_session_moves_the_turns_of_later_ones(bench: Bench) -> None:
    bench.load(root(2, started_at=NOON + 50 * SECOND, session_id="s"))
    bench.runner.tick()
    bench.clock.pass_seconds(2.1)
    bench.load(root(1, started_at=NOON, session_id="s"))
    bench.runner.tick()
    assert [row["turn"] for row in bench.executions()] == [1, 2]


def test_the_trace_after_a_wait_resumes_it_in_whichever_order_they_arrive(bench: Bench) -> None:
    waiting = [
        root(1, session_id="s", started_at=NOON),
        child(2, type="tool_call", tool="refund", control_flow="interrupt", started_at=NOON),
    ]
    resumed = root(2, session_id="s", started_at=NOON + 9 * SECOND)
    bench.load(resumed)
    bench.runner.tick()
    bench.clock.pass_seconds(2.1)
    bench.load(*waiting)
    bench.runner.tick()
    assert [row["execution_id"] for row in bench.executions()] == [hex_id(trace(1))]


def test_silence_past_the_deadline_abandons_what_still_runs(bench: Bench) -> None:
    bench.load(root(ended_at=None), child(2))
    bench.clock.pass_seconds(3)
    bench.runner.tick()
    assert [row["status"] for row in bench.executions()] == ["running"]
    bench.clock.now += ABANDONED_AFTER_NS
    bench.runner.tick()
    bench.clock.pass_seconds(6)
    bench.runner.tick()
    assert [row["status"] for row in bench.executions()] == ["abandoned"]


def test_results_of_an_older_version_are_recomputed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.load(root(), child(2))
    bench.runner.drain()
    monkeypatch.setattr("whichstep_analytics.job.RESULT_VERSION", job.RESULT_VERSION + 1)
    bench.clock.pass_seconds(10)
    bench.runner.tick()
    assert [row["result_version"] for row in bench.executions()] == [job.RESULT_VERSION]


def test_an_idle_store_is_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.load(root())
    bench.runner.drain()
    monkeypatch.setattr(bench.store.writer, "replace_results", lambda _results: pytest.fail("nothing was due"))
    for _ in range(5):
        assert bench.runner.tick() >= 1
        bench.clock.pass_seconds(2.1)


def test_drain_computes_everything_at_once(bench: Bench) -> None:
    bench.load(*(root(number) for number in range(1, 40)), child(2, number=99))
    bench.runner.drain()
    assert bench.count("execution_rows") == 40
    assert bench.count("touched_traces") == 0


def test_the_rows_in_the_store_are_those_that_the_jobs_give(bench: Bench) -> None:
    bench.load(root(input="hi", tags=["a"]), child(2, tool="lookup", type="tool_call", error=True, error_message="x"))
    bench.runner.drain()
    (found,) = bench.executions()
    assert (found["input"], found["tags"], found["failing_step_id"], found["failing_step_name"]) == (
        "hi",
        ["a"],
        2,
        "step 2",
    )
    steps = pl.from_arrow(
        bench.store._database.read("select * exclude (execution_id, trace_id) from step_rows order by position")
    )
    assert isinstance(steps, pl.DataFrame)
    assert steps["path"].to_list() == ["step 1", "step 1/step 2"]


ONE, OTHER = digest("first"), digest("second")


def one_request() -> list[list[dict[str, Any]]]:
    """What a web request sends that runs two tasks, request by request; the second task goes on in another trace."""
    first, second = ({"execution_key": key, "execution_rule": "explicit"} for key in (ONE, OTHER))
    return [
        [root(task_id="T-1", **first) | {"span_id": 2, "parent_span_id": 1}, span(1, 3, parent_span_id=2)],
        [root(task_id="T-2", **second) | {"span_id": 4, "parent_span_id": 1}, span(1, 5, parent_span_id=4)],
        [root(2, **second)],
        [span(1, 1, type="none")],
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_tasks_that_share_a_trace_stay_apart_in_whichever_order_they_arrive(bench: Bench, order: list[int]) -> None:
    for request in order:
        bench.load(*one_request()[request])
        bench.clock.pass_seconds(5)
        bench.runner.tick()
    found = {row["execution_id"]: (row["task_id"], row["span_count"]) for row in bench.executions()}
    assert found == {hex_id(ONE): ("T-1", 2), hex_id(OTHER): ("T-2", 3)}
    assert bench.count("step_rows") == 5
    assert bench.count("trace_executions") == 4  # two tasks and the rest of the request; the second trace
    assert bench.count("execution_aliases where execution_id not in (select execution_id from execution_rows)") == 0


def test_what_was_said_or_expected_in_a_shared_trace_is_of_its_execution(bench: Bench) -> None:
    first, second, *rest = one_request()
    first[0]["expectation"] = '{"tools": ["lookup"]}'
    bench.load(*first, *second, *(row for rows in rest for row in rows))
    said = [log(1, span_id=5, digest=digest("a")), log(1, span_id=2, execution_key=ONE, digest=digest("b"))]
    bench.store.writer.load([batch(logs=said)], JournalPosition(1, 99))
    bench.runner.drain()
    reader, text = bench.store.reader, hex_id
    expected = reader.sql(
        "select execution_id from expectations", row_limit=9, time_limit_seconds=9, memory_limit=1 << 28
    )
    assert expected["execution_id"].to_pylist() == [text(ONE)]
    for key, steps in ((ONE, [f"{2:016x}"]), (OTHER, [f"{5:016x}"])):
        evaluations = reader.query("execution_evaluations", {"execution_id": text(key)})
        assert evaluations["step_id"].to_pylist() == steps
    spans = reader.sql(
        "select execution_id from spans order by span_id, trace_id",
        row_limit=9,
        time_limit_seconds=9,
        memory_limit=1 << 28,
    )
    assert sorted(filter(None, spans["execution_id"].to_pylist())) == sorted([text(ONE), text(OTHER), text(OTHER)])
    assert len(spans) == 6


def the_execution(bench: Bench, number: int = 1) -> dict[str, Any]:
    (found,) = [row for row in bench.executions() if row["execution_id"] == hex_id(trace(number))]
    return found


def test_a_late_evaluation_opens_an_execution_again_and_the_next_one_too(bench: Bench) -> None:
    bench.load(root(outcome_success=True))
    bench.runner.drain()
    assert the_execution(bench)["success_source"] == "code"
    for score, success in ((0.0, False), (1.0, True)):
        bench.clock.pass_seconds(86_400)
        bench.store.ledger.add_evaluation(
            execution_id=hex_id(trace(1)), name="task_success", score=score, source="HUMAN"
        )
        bench.clock.pass_seconds(3)
        bench.runner.tick()
        assert (the_execution(bench)["success"], the_execution(bench)["success_source"]) == (success, "human")
    assert the_execution(bench)["success_reason"] == "a person said success"


def test_an_evaluation_that_came_over_otlp_a_day_later_opens_it_too(bench: Bench) -> None:
    bench.load(root())
    bench.runner.drain()
    bench.clock.pass_seconds(86_400)
    late = log(1, evaluation_name="task_success", evaluation_score=1.0, occurred_at=bench.clock.now)
    bench.store.writer.load([batch(logs=[late])], JournalPosition(1, 50))
    bench.clock.pass_seconds(3)
    bench.runner.tick()
    assert (the_execution(bench)["success"], the_execution(bench)["success_source"]) == (True, "evaluator")


@pytest.mark.parametrize("decision", ["edit", "reject"])
def test_a_person_who_edits_or_rejects_an_action_makes_it_no_success(bench: Bench, decision: str) -> None:
    bench.load(root(outcome_success=True))
    bench.runner.drain()
    asked = approvals.Requirement("approve", "rule", "digest")
    request = approvals.Approval(
        approval_id="a", execution_id=hex_id(trace(1)), step_id=None, state="pending", action="send_email",
        arguments="{}", evidence="[]", summary=None, risk_level="approve", rule="rule", policy_digest="digest",
        agent=None, task_type=None, release=None, created_at=0, expires_at=0, arguments_digest="",
    )  # fmt: skip
    made = bench.store.ledger.approvals.create(request, expires_in=3600 * SECOND).approval
    edited = {"arguments": '{"to": "b"}', "digest": "other"} if decision == "edit" else {}
    verdict = approvals.Verdict("ann", decision, **edited)
    bench.store.ledger.approvals.decide(made.approval_id, verdict, lambda _approval: asked)
    bench.store.show_decisions()
    bench.clock.pass_seconds(3)
    bench.runner.tick()
    found = the_execution(bench)
    assert (found["success"], found["success_source"], found["first_pass"]) == (False, "human", False)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_reruns_are_found_in_whatever_order_executions_arrive(bench: Bench, order: tuple[int, ...]) -> None:
    for number in order:
        started_at = NOON + number * 60 * SECOND
        asked = {"session_id": "s", "input": "refund order 4711, please", "outcome_success": True}
        bench.load(root(number, started_at=started_at, **asked))
        bench.runner.drain()
        bench.clock.pass_seconds(10)
    found = [
        (row["rerun_of"] and row["rerun_of"].replace("-", ""), row["first_pass"], row["turn"])
        for row in bench.executions()
    ]
    assert found == [(None, False, 1), (hex_id(trace(1)), False, 2), (hex_id(trace(2)), False, 3)]


def test_attempts_at_a_task_with_an_id_are_told_apart_from_its_first(bench: Bench) -> None:
    for number in (2, 1):
        task = {"task_id": "T-17", "outcome_success": number == 2}
        bench.load(root(number, started_at=NOON + number * 60 * SECOND, **task))
        bench.runner.drain()
        bench.clock.pass_seconds(10)
    assert [(row["rerun_rule"], row["success"], row["first_pass"]) for row in bench.executions()] == [
        (None, False, False),
        ("task", True, False),
    ]


def refused(number: int, customer: str) -> dict[str, Any]:
    """The root of an execution that failed, saying whom it was about."""
    said = {"error": True, "error_type": "LookupError", "error_message": f"customer {customer} not found"}
    return span(number, 1, type="agent", step_name="desk", started_at=NOON + number * SECOND, **said)


def test_failures_in_other_words_become_one_signature_and_stay_it_when_the_runner_starts_anew(bench: Bench) -> None:
    bench.load(refused(1, "Bob"), refused(2, "Ada"))
    bench.runner.drain()
    answers = Answers(bench.store, clock=bench.clock)
    (group,) = answers.failures(Filters(), by="signature")["groups"]
    assert group["label"].endswith("customer <*> not found")
    assert group["count"] == 2
    bench.load(refused(3, "Eve"))
    JobRunner(bench.store, clock=bench.clock).drain()
    (after,) = answers.failures(Filters(), by="signature")["groups"]
    assert (after["key"], after["count"]) == (group["key"], 3)
    listed = answers.executions(Filters(signature=(after["key"]["signature"],)))
    assert listed["total"] == 3
    view = bench.store.reader.sql("select executions, share, example_execution_ids, weeks from failure_signatures")
    (row,) = view.to_pylist()
    assert (row["executions"], row["share"], len(row["example_execution_ids"])) == (3, 1.0, 3)
    assert row["weeks"] == ["2026-W39: 3"]


def test_a_known_signature_is_not_mined_again_and_a_new_one_is_by_a_tick(bench: Bench) -> None:
    bench.load(refused(1, "Bob"))
    bench.runner.drain()
    assert bench.count("failure_templates") == 1
    bench.load(refused(2, "Ada"))
    bench.clock.pass_seconds(10)
    bench.runner.tick()
    assert bench.count("failure_templates") == 1  # recomputed, its signature waits
    bench.clock.pass_seconds(10)
    bench.runner.tick()
    assert bench.count("failure_templates") == 2
