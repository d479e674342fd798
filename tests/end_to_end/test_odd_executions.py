"""Executions that no agent should send, through real doors: every question has a stated answer, never a crash."""

import json
import math
import time

import httpx
import pytest

from builders import log, log_request, request, span
from sidecar_process import sidecar_process

NOW = time.time_ns() - 3600 * 10**9
UNTIMED, ONE_STEP, LONG, SILENT, NO_STEPS, ODD_SCORES, CONTRADICTED, MISLED, TIMELESS = range(1, 10)
STEPS = 10_000
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup"}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support"}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
FAILED = {"whichstep.outcome.success": False}


def agent(number, **attributes):
    return timed(number, 1, **AGENT, **attributes)


def timed(number, id, *, parent=None, **attributes):  # noqa: A002
    return span("s", trace=number, id=id, parent=parent, start=NOW + id, end=NOW + id + 10**9, attributes=attributes)


def untimed(number, id, *, parent=None, **attributes):  # noqa: A002
    return span("s", trace=number, id=id, parent=parent, start=NOW, end=NOW, attributes=attributes)


def evaluation(number, score=None, label=None, at=NOW):
    said = {"gen_ai.evaluation.name": "task_success", "gen_ai.evaluation.score.value": score}
    said["gen_ai.evaluation.score.label"] = label
    given = {name: value for name, value in said.items() if value is not None}
    return log("gen_ai.evaluation.result", trace=number, id=1, at=at, attributes=given)


def sent():
    """Spans by request."""
    long = [timed(LONG, id, parent=1, **TOOL, **{"gen_ai.tool.call.id": f"c{id}"}) for id in range(2, STEPS + 1)]  # noqa: A001
    expectation = json.dumps({"tools": ["lookup", "no_such_tool"], "ordered": True})
    yield [
        untimed(UNTIMED, 1, **AGENT, **FAILED, **{"whichstep.step.index": 0}),
        untimed(UNTIMED, 2, parent=1, **CALL, **{"whichstep.step.index": 1}),
        untimed(UNTIMED, 3, parent=1, **TOOL, **{"whichstep.step.index": 2}),
        timed(ONE_STEP, 1, **CALL, **FAILED),
        agent(SILENT),
        span("s", trace=TIMELESS, id=1, start=0, end=0, attributes=AGENT),
        timed(NO_STEPS, 1, **{"openinference.span.kind": "PROMPT"}),
        agent(ODD_SCORES),
        agent(CONTRADICTED),
        agent(MISLED, **{"whichstep.expectation": expectation}),
        timed(MISLED, 2, parent=1, **TOOL),
    ]
    yield [agent(LONG, **FAILED), *long[: STEPS // 2]]
    yield long[STEPS // 2 :]


ENDED = {f"{number:032x}" for number in (UNTIMED, ONE_STEP, LONG, SILENT, ODD_SCORES, CONTRADICTED, MISLED)}


def listed(sidecar):
    return sidecar.get("/api/v1/executions", purpose="all", limit=100)["executions"]


def ended(sidecar):
    return {item["execution_id"] for item in listed(sidecar) if item["status"] != "running"}


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("odd") / "data") as running:
        with httpx.Client(base_url=running.http, trust_env=False, timeout=60) as door:
            headers = {"content-type": "application/x-protobuf"}
            for spans in sent():
                body = request(*spans, scope="odd").SerializeToString()
                assert door.post("/v1/traces", content=body, headers=headers).status_code == 200
            said = log_request(
                evaluation(ODD_SCORES, score=math.nan),
                evaluation(ODD_SCORES, score=math.inf),
                evaluation(CONTRADICTED, score=1.0, label="pass"),
                evaluation(CONTRADICTED, score=0.0, label="fail", at=NOW + 1),
            )
            assert door.post("/v1/logs", content=said.SerializeToString(), headers=headers).status_code == 200
        running.wait_for(
            lambda: running.sql("select count(*) from steps where name = 'lookup'").item() >= STEPS, seconds=60
        )
        running.wait_for(lambda: len(ended(running)) == len(ENDED) and len(listed(running)) > len(ENDED))
        yield running


def document(sidecar, number):
    """One execution; no answer holds a number that JSON does not know."""
    text = httpx.get(f"{sidecar.http}/api/v1/executions/{number:032x}", trust_env=False, timeout=30).text
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in an answer"))


def test_steps_without_times_are_in_the_order_of_their_index_and_took_nobody_knows_how_long(sidecar):
    found = document(sidecar, UNTIMED)
    assert [(step["name"], step["latency_ms"]) for step in found["steps"]] == [
        ("support", None),
        ("gpt-4o-mini", None),
        ("lookup", None),
    ]
    assert found["failure_kind"] is not None


def test_an_execution_that_never_says_when_is_running_and_in_no_figure_of_the_ended(sidecar):
    found = document(sidecar, TIMELESS)
    assert (found["status"], found["total_latency_ms"], found["failure_kind"]) == ("running", None, None)
    assert "no_start" in found["steps"][0]["flags"]
    assert ended(sidecar) == ENDED


def test_an_execution_of_one_step_names_it(sidecar):
    found = document(sidecar, ONE_STEP)
    assert len(found["steps"]) == 1
    assert found["failing_step_id"] in (None, found["steps"][0]["step_id"])
    assert found["failure_kind"] is not None


def test_ten_thousand_steps_are_shown_and_the_failure_has_a_kind(sidecar):
    found = document(sidecar, LONG)
    assert found["step_count"] == STEPS
    assert found["failure_kind"] is not None
    assert sidecar.run("executions", "show", f"{LONG:032x}").stdout


def test_an_execution_without_steps_is_none(sidecar):
    assert f"{NO_STEPS:032x}" not in {item["execution_id"] for item in listed(sidecar)}


def test_an_outcome_that_nobody_tells_is_unknown_and_names_no_step(sidecar):
    found = document(sidecar, SILENT)
    assert (found["success"], found["failing_step_id"], found["failure_kind"]) == (None, None, None)


def test_scores_that_are_no_number_decide_nothing(sidecar):
    found = document(sidecar, ODD_SCORES)
    assert found["success"] is None
    assert {evaluation["score"] for evaluation in found["evaluations"]} == {None}


def test_of_contradictory_evaluations_the_latest_counts_and_the_other_is_said(sidecar):
    found = document(sidecar, CONTRADICTED)
    assert sorted(evaluation["label"] for evaluation in found["evaluations"]) == ["fail", "pass"]
    assert (found["success"], found["success_disputed"]) == (False, True)
    assert found["success_reason"] == "an evaluator said failure; an evaluator said otherwise"


def test_an_expected_tool_that_nobody_knows_is_said_to_be_unknown(sidecar):
    tools = sidecar.get("/api/v1/tools", purpose="all")
    assert tools["unknown"] == ["no_such_tool"]
    assert sidecar.run("tools", "--purpose", "all").stdout.count("is it misspelt?") == 1


def test_every_figure_of_nothing_is_null_with_a_reason(sidecar):
    (group,) = sidecar.get("/api/v1/metrics", purpose="adversarial")["groups"]
    for name, figure in group["metrics"].items():
        assert (figure["value"], figure["known"]) == (None, 0), name
        assert figure["reason"], name


@pytest.mark.parametrize("path", ["metrics", "failures", "drift", "grounding", "actions", "tools", "workflows", "approvals/figures"])  # fmt: skip
def test_every_question_about_all_of_them_is_answered(sidecar, path):
    answer = httpx.get(f"{sidecar.http}/api/v1/{path}", params={"purpose": "all"}, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} in an answer"))
