"""Two releases side by side, from spans as they are received to the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from builders import START, request
from builders import span as sent
from whichstep_analytics.answers import Answers
from whichstep_analytics.runner import JobRunner
from whichstep_collector.decode import decode_traces
from whichstep_collector.normalise import normalise_traces
from whichstep_store.filters import FilterError, Filters
from whichstep_store.store import Store

NOW = START + 3_600 * 10**9


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "data", clock=lambda: NOW) as opened:
        yield opened


def run(
    store: Store, number: int, release: str, *, prompt: str = "Be brief.", model: str = "gpt-4.1-mini", success=True
) -> None:
    """One execution of a release, received as any sender would send it."""
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": prompt}]),
        "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "lookup", "description": "x" * 400}]),
    }
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "whichstep.outcome.success": success}
    spans = (
        sent("desk", trace=number, id=1, attributes=agent),
        sent("chat", trace=number, id=2, parent=1, attributes={**told, "gen_ai.agent.name": "desk"}),
    )
    body = request(*spans, resource={"service.name": "support", "service.version": release}).SerializeToString()
    store.writer.load([normalise_traces(decode_traces(body, json=False), received_at=START + 10**9)], None)


def compared(store: Store, before: str, after: str, filters: Filters | None = None):
    JobRunner(store, clock=lambda: NOW).drain()
    return Answers(store, clock=lambda: NOW).compare(filters or Filters(), before=before, after=after)


def test_a_changed_prompt_and_model_stand_beside_the_metric_that_moved(store):
    for number in range(1, 21):
        run(store, number, "1.0", success=number > 10)
        run(store, number + 100, "1.1", prompt="Be brief.\nBe kind.", model="gpt-4.1")
    found = compared(store, "1.0", "1.1")
    assert (found["before"]["executions"], found["after"]["executions"], found["warnings"]) == (20, 20, [])
    assert [(one["part"], one["name"], one["kind"]) for one in found["changes"]] == [
        ("prompt", "desk", "changed"),
        ("model", "desk", "changed"),
    ]
    assert "+Be kind." in found["changes"][0]["diff"]
    success = found["metrics"]["task_success_rate"]
    assert (success["previous"]["value"], success["value"], success["change"]["value"]) == (0.5, 1.0, 0.5)
    assert success["change"]["lower"] > 0


def test_sealed_texts_are_read_too(store):
    run(store, 1, "1.0")
    run(store, 2, "1.1", prompt="Be kind.")
    JobRunner(store, clock=lambda: NOW).drain()
    store.writer.seal(force=True)
    assert [one["part"] for one in compared(store, "1.0", "1.1")["changes"]] == ["prompt"]


def test_a_release_that_ran_two_configurations_is_warned_about_and_each_can_be_compared(store):
    run(store, 1, "1.0")
    run(store, 2, "1.1", prompt="Be kind.")
    run(store, 3, "1.1", prompt="Be exact.")
    found = compared(store, "1.0", "1.1")
    assert found["warnings"] == ["release 1.1 ran 2 configurations of desk: its figures mix them"]
    one, other = (item["configuration_id"] for item in found["after"]["configurations"])
    found = compared(store, one[:12], other)
    assert [(change["part"], change["kind"]) for change in found["changes"]] == [("prompt", "changed")]
    assert [found[side]["kind"] for side in ("before", "after")] == ["configuration"] * 2
    listed = Answers(store, clock=lambda: NOW).executions(Filters(configuration=(one,)))
    assert listed["total"] == 1


def test_the_doctor_warns_of_a_release_with_two_configurations(store):
    run(store, 1, "1.0")
    JobRunner(store, clock=lambda: NOW).drain()
    answers = Answers(store, clock=lambda: NOW)
    assert {check["id"]: check["status"] for check in answers.doctor()["checks"]}["configurations"] == "ok"
    run(store, 2, "1.0", prompt="Be kind.")
    JobRunner(store, clock=lambda: NOW).drain()
    (check,) = [check for check in answers.doctor()["checks"] if check["id"] == "configurations"]
    assert (check["status"], "desk of release 1.0 2" in check["summary"]) == ("warn", True)


def test_a_release_beside_itself_has_not_changed_nor_moved(store):
    run(store, 1, "1.0")
    found = compared(store, "1.0", "1.0")
    assert (found["changes"], found["metrics"]["task_success_rate"]["value"]) == ([], 1.0)


def test_an_unknown_side_names_the_releases_that_there_are(store):
    run(store, 1, "1.0")
    with pytest.raises(FilterError, match=r"'2\.0' is no release or configuration.*releases are 1\.0"):
        compared(store, "1.0", "2.0")
    with pytest.raises(FilterError, match="releases are none"):
        compared(store, "1.0", "1.0", Filters(purpose=("dataset",)))


def test_calls_that_tell_nothing_of_what_they_ran_are_counted(store):
    body = request(sent("desk", trace=9, id=1, attributes={"gen_ai.operation.name": "invoke_agent"}),
                   resource={"service.name": "s", "service.version": "0.9"}).SerializeToString()  # fmt: skip
    store.writer.load([normalise_traces(decode_traces(body, json=False), received_at=START + 10**9)], None)
    run(store, 1, "1.0")
    assert compared(store, "0.9", "1.0")["warnings"] == ["what 1 of 1 executions of 0.9 ran is not known"]
