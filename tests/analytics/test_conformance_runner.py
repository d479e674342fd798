"""Conformance of stored executions, against a real store."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from store_builders import NOON, SECOND, batch, content, digest, log, span, trace
from whichstep.contract import parse
from whichstep_analytics.runner import JobRunner
from whichstep_store.batches import JournalPosition
from whichstep_store.store import Store

CONTRACT = parse({"name": "support", "level": 2, "steps": {"a": {"next": "b"}, "b": {"next": "end"}}})
STRICTER = parse({"name": "support", "level": 2, "steps": {"a": {"next": "c"}, "c": {"next": "end"}}})


class Bench:
    """A store; `start` is what a process does that opens it."""

    def __init__(self, folder: Path) -> None:
        self.now = NOON + 3600 * SECOND
        self.store = Store.open(folder, clock=lambda: self.now)
        self._loaded = 0

    def load(self, spans=(), contents=(), logs=()) -> None:
        self._loaded += 1
        self.store.writer.load([batch(spans, contents, logs)], JournalPosition(1, self._loaded))

    def start(self, *contracts) -> JobRunner:
        runner = JobRunner(self.store, clock=lambda: self.now, contracts={found.name: found for found in contracts})
        runner.drain()
        return runner

    def rows(self):
        return self.store.reader.sql("select * from conformance order by execution_id").to_pylist()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.store.close()


def run(number: int, *names: str, workflow: str = "support", **columns):
    root = span(number, 1, type="workflow", step_name=workflow, workflow=workflow, ended_at=NOON + 60 * SECOND)
    return [root, *(span(number, at, parent_span_id=1, type="other", step_name=name, **columns) for at, name in enumerate(names, start=2))]  # fmt: skip


def carried(number: int, contract, **columns):
    attributes = {"whichstep.workflow.contract_digest": contract.digest, "whichstep.workflow.name": contract.name}
    body = columns.pop("body", json.dumps(contract.to_dict()))
    return log(number, event_name="whichstep.workflow.contract", evaluation_name=None, evaluation_score=None, attributes=json.dumps(attributes), body=body, **columns)  # fmt: skip


def test_executions_are_held_to_the_configured_contract_of_their_workflow(bench):
    bench.load([*run(1, "a", "b"), *run(2, "b"), *run(3, "x", workflow="other")])
    bench.start(CONTRACT)
    found = {row["execution_id"]: row for row in bench.rows()}
    assert set(found) == {trace(1).hex(), trace(2).hex()}
    assert found[trace(1).hex()]["conformant"] is True
    broken = found[trace(2).hex()]
    assert (broken["conformant"], broken["source"], broken["level"], broken["contract_digest"]) == (False, "configured", 2, CONTRACT.digest)  # fmt: skip
    assert [(move["move"], move["step"]) for move in json.loads(broken["deviations"])] == [("model", "a")]


def test_an_execution_is_held_to_the_contract_that_it_carried_before_any_other(bench):
    bench.load(run(1, "a", "c"), logs=[carried(1, STRICTER)])
    bench.start(CONTRACT)
    (row,) = bench.rows()
    assert (row["conformant"], row["source"], row["contract_digest"]) == (True, "carried", STRICTER.digest)
    (known,) = bench.store.reader.sql("select * from contracts").to_pylist()
    assert parse(json.loads(known["contract"])) == STRICTER


def test_a_contract_that_comes_later_than_its_execution_is_applied(bench):
    bench.load(run(1, "a", "c"))
    runner = bench.start(CONTRACT)
    assert bench.rows()[0]["conformant"] is False
    bench.load(logs=[carried(1, STRICTER)])
    bench.now += 10 * SECOND
    while runner.tick() < 5:
        bench.now += SECOND
    assert bench.rows()[0]["contract_digest"] == STRICTER.digest


def test_a_contract_that_is_changed_added_or_taken_away_is_applied_at_the_next_start(bench):
    bench.load([*run(1, "a", "b"), *run(2, "a", "c")])
    bench.start()
    assert bench.rows() == []
    bench.start(CONTRACT)
    assert sorted(row["conformant"] for row in bench.rows()) == [False, True]
    bench.start(STRICTER)
    assert {row["contract_digest"] for row in bench.rows()} == {STRICTER.digest}
    bench.start()
    assert bench.rows() == []


def test_an_execution_that_goes_on_is_judged_again(bench):
    bench.load(run(1, "a")[1:])
    runner = bench.start(CONTRACT)
    assert bench.rows() == []  # nobody knows its workflow yet
    bench.load(run(1, "a", "b"))
    bench.now += 10 * SECOND
    runner.drain()
    assert [row["conformant"] for row in bench.rows()] == [True]


def test_a_contract_that_cannot_be_read_is_said_and_holds_nobody(bench, caplog):
    bench.load([*run(1, "a"), *run(2, "a")], logs=[carried(1, CONTRACT, body='{"name": "support", "level": 9}')])
    with caplog.at_level(logging.WARNING, "whichstep.contracts"):
        bench.start()
    assert "cannot be read: contract" in caplog.text
    assert "level is 9" in caplog.text
    assert bench.rows() == []


def test_whole_outputs_are_fetched_where_the_preview_was_cut(bench):
    schema = {"type": "object", "required": ["risk"]}
    contract = parse({"name": "support", "level": 1, "steps": {"a": {"output": schema}}})
    right, wrong = (json.dumps({"why": "x" * 2000, name: 1}) for name in ("risk", "rsk"))
    for number, text in ((1, right), (2, wrong)):
        root, step = run(number, "a", output=text[:1024], output_parts=[digest(text)], output_is_list=False)
        bench.load([root, step], [content(number, text)])
    bench.start(contract)
    found = {row["execution_id"]: (row["conformant"], row["unchecked_outputs"]) for row in bench.rows()}
    assert found == {trace(1).hex(): (True, 0), trace(2).hex(): (False, 0)}


def test_conformance_goes_with_its_execution(bench):
    bench.load(run(1, "a", "b"))
    bench.start(CONTRACT)
    bench.now += 200 * 86_400 * SECOND
    bench.store.retention.apply()
    assert bench.rows() == []
