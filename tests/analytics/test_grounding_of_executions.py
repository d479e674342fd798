"""From whole texts in the store to a flag on the step, a suspect of a failure, and a rate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.test_runner import Bench
from store_builders import NOON, SECOND, batch, content, hex_id, span, trace
from whichstep_analytics.answers import Answers
from whichstep_analytics.grounding import answers
from whichstep_analytics.grounding_runner import GroundingRunner
from whichstep_analytics.runner import JobRunner
from whichstep_store.batches import JournalPosition
from whichstep_store.filters import FilterError, Filters


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def run(number: int, answer: str, *, result: str = '{"total": "42.50"}', **root: Any) -> list[dict[str, Any]]:
    """An agent that asks a tool and answers."""
    at = {"started_at": NOON + number * SECOND}
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "what does order A-4403 cost?"}]}])
    return [
        span(
            number, 1, type="agent", step_name="desk", agent="desk", input="what does order A-4403 cost?", **at, **root
        ),
        span(number, 2, type="tool_call", parent_span_id=1, tool="lookup", step_name="lookup", result=result, **at),
        span(number, 3, type="llm_call", parent_span_id=1, step_name="model", input=asked, output=answer, **at),
    ]


def explained(bench: Bench, number: int) -> dict[str, Any]:
    found = Answers(bench.store, clock=bench.clock).execution(hex_id(trace(number)))
    assert found is not None
    return found


def test_an_answer_whose_values_all_stand_somewhere_is_grounded(bench: Bench) -> None:
    bench.load(*run(1, "Order A-4403 costs $42.50."))
    bench.runner.drain()
    found = explained(bench, 1)
    assert found["grounding"] == {"step_id": f"{3:016x}", "checked": 2, "ungrounded": []}
    assert not any("ungrounded_output" in step["flags"] for step in found["steps"])


def test_made_up_values_flag_the_step_that_says_them(bench: Bench) -> None:
    bench.load(*run(1, "Order A-4403 costs $43.75, reference RF-88123."))
    bench.runner.drain()
    found = explained(bench, 1)
    assert found["grounding"] == {"step_id": f"{3:016x}", "checked": 3, "ungrounded": ["$43.75", "RF-88123"]}
    assert [step["step_id"] for step in found["steps"] if "ungrounded_output" in step["flags"]] == [f"{3:016x}"]
    assert found["failing_step_id"] is None  # nobody says that it failed
    view = bench.store.reader.sql(
        "select execution_id, checked, ungrounded_count, ungrounded from grounding"
    ).to_pylist()
    assert view == [
        {"execution_id": hex_id(trace(1)), "checked": 3, "ungrounded_count": 2, "ungrounded": ["$43.75", "RF-88123"]}
    ]


def test_of_a_failure_the_made_up_answer_is_a_suspect(bench: Bench) -> None:
    bench.load(*run(1, "It costs $43.75.", outcome_success=False))
    bench.runner.drain()
    (suspect,) = [one for one in explained(bench, 1)["suspects"] if one["kind"] == "ungrounded_output"]
    assert suspect["step_id"] == f"{3:016x}"
    assert "$43.75" in suspect["reason"]


def test_of_an_answer_that_names_nothing_no_text_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_ids: object) -> None:
        pytest.fail("the texts were read")

    monkeypatch.setattr(bench.store.reader, "distinct_texts", read)
    asks = json.dumps(
        [{"role": "assistant", "parts": [{"type": "tool_call", "name": "pay", "arguments": {"id": 4711}}]}]
    )
    bench.load(*run(1, "It is on its way."), *run(2, asks))
    bench.runner.drain()
    for number in (1, 2):
        assert explained(bench, number)["grounding"] == {"step_id": f"{3:016x}", "checked": 0, "ungrounded": []}


@given(st.lists(st.tuples(st.sampled_from(("llm_call", "agent", "tool_call")), st.sampled_from(("ok", "error")),
                          st.booleans(), st.sampled_from((None, " ", "Done.", "It costs $43.75.", '{"a": 17}'))), min_size=1))  # fmt: skip
def test_what_previews_settle_is_what_the_whole_texts_say(said: list[tuple[str, str, bool, str | None]]) -> None:
    due = pl.DataFrame({"execution_id": ["e"], "span_count": pl.Series([len(said)], dtype=pl.Int32)})
    rows = [
        ("e", f"{at + 2**63:016x}", None if top else f"{1:016x}", kind, at, status, text)
        for at, (kind, status, top, text) in enumerate(said)
    ]
    names = ("execution_id", "step_id", "parent_step_id", "type", "position", "status", "output")
    steps = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String) | {"position": pl.Int32}, orient="row")
    texts = steps.select("execution_id", "step_id", field=pl.lit("output"), part=pl.lit(1), text="output").drop_nulls()
    whole = answers.run(due, steps.drop("output"), texts)
    settled = answers.silent(due, steps)
    assert settled.schema == whole.schema
    assert settled.equals(
        whole if whole["step_id"].is_not_null().item() and not whole["checked"].item() else whole.clear()
    )


def test_a_value_far_into_a_long_text_is_found(bench: Bench) -> None:
    """Narrow rows have the first KiB only; the check reads the whole."""
    long = json.dumps({"notes": "x" * 5_000, "total": "42.50"})
    text = content(1, long)
    rows = run(1, "It costs $42.50.", result=long[:1024])
    rows[1] |= {"result_parts": [text["hash"]]}
    bench.store.writer.load([batch(rows, [text])], JournalPosition(1, 1))
    bench.runner.drain()
    assert explained(bench, 1)["grounding"]["ungrounded"] == []


def test_a_message_that_other_steps_were_given_too_is_still_a_source_and_what_a_guardrail_reads_is_none(
    bench: Bench,
) -> None:
    asked = content(
        1, json.dumps({"role": "user", "parts": [{"type": "text", "content": "order A-4403, 42.50 " + "x" * 2_000}]})
    )
    rows = run(1, "Order A-4403 costs $42.50, reference RF-88123.", result="{}")
    given = {"input": asked["text"][:1024], "input_parts": [asked["hash"]], "input_is_list": True}
    rows[2] |= given
    at = {"parent_span_id": 1, "started_at": NOON + SECOND}
    chain = span(1, 4, type="other", step_name="chain", **at, **given)
    guard = span(
        1, 5, type="guardrail", step_name="guard", input="Order A-4403 costs $42.50, reference RF-88123.", **at
    )
    bench.store.writer.load([batch([*rows, chain, guard], [asked])], JournalPosition(1, 1))
    bench.runner.drain()
    assert explained(bench, 1)["grounding"]["ungrounded"] == ["RF-88123"]


def test_an_answer_is_checked_again_when_spans_come_late(bench: Bench) -> None:
    bench.load(*run(1, "It costs $43.75."))
    bench.runner.drain()
    assert explained(bench, 1)["grounding"]["ungrounded"] == ["$43.75"]
    late = {"tool": "price", "step_name": "price", "parent_span_id": 1, "started_at": NOON + SECOND}
    bench.load(span(1, 9, type="tool_call", result='{"price": 43.75}', **late))
    bench.clock.pass_seconds(10)
    bench.runner.drain()
    found = explained(bench, 1)
    assert found["grounding"]["ungrounded"] == []
    assert not any("ungrounded_output" in step["flags"] for step in found["steps"])


def test_the_rate_is_of_answers_with_values_and_says_how_many_were_checked(bench: Bench) -> None:
    bench.load(*run(1, "It costs $42.50."), *run(2, "It costs $43.75."), *run(3, "I do not know."))
    bench.load(span(4, 1, type="agent", step_name="desk", ended_at=None))
    bench.runner.drain()
    answers = Answers(bench.store, clock=bench.clock)
    found = answers.grounding(Filters())
    counts = {name: found[name] for name in ("executions", "checked", "with_values", "ungrounded", "rate")}
    assert counts == {"executions": 3, "checked": 3, "with_values": 2, "ungrounded": 1, "rate": 0.5}
    assert found["lower"] < 0.5 < found["upper"]
    assert [(row["execution_id"], row["ungrounded"]) for row in found["latest"]] == [(hex_id(trace(2)), ["$43.75"])]
    assert answers.grounding(Filters(release=("none",)))["rate"] is None
    with pytest.raises(FilterError, match="limit"):
        answers.grounding(Filters(), limit=0)


def test_what_a_crash_left_unchecked_is_checked_at_the_next_start(bench: Bench) -> None:
    bench.load(*run(1, "It costs $43.75."))
    bench.runner.drain()
    with bench.store._database.writing() as session:
        session.execute("delete from grounding_rows")
    JobRunner(bench.store, clock=bench.clock).drain()
    assert explained(bench, 1)["grounding"]["ungrounded"] == ["$43.75"]


def test_a_backlog_is_looked_up_once_and_checked_slice_by_slice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 8):
        bench.load(*run(number, f"Order A-4403 costs ${number}3.75."))
    bench.runner.drain()
    monkeypatch.setattr("whichstep_analytics.grounding.answers.VERSION", answers.VERSION + 1)
    monkeypatch.setattr("whichstep_analytics.grounding_runner._SLICE", 2)
    runner, reader = GroundingRunner(bench.store), bench.store.reader
    asked: list[Any] = []
    query = reader.query
    monkeypatch.setattr(
        reader, "query", lambda name, bound: asked.append((name, bound.get("execution_ids"))) or query(name, bound)
    )
    assert [runner.refresh() for _ in range(5)] == [True, True, True, True, False]
    assert asked.count(("grounding_due", None)) == 1
    due = {"execution_ids": None, "version": answers.VERSION, "limit": 10}
    assert query("grounding_due", due).num_rows == 0


def test_an_execution_whose_texts_are_not_kept_is_checked_for_nothing(bench: Bench) -> None:
    bench.load(span(1, 1, type="agent", step_name="desk", output=""), span(2, 1, type="agent", step_name="desk"))
    bench.runner.drain()
    assert Answers(bench.store, clock=bench.clock).grounding(Filters())["rate"] is None
