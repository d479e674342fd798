"""A second opinion over real HTTP: a scripted endpoint on loopback, a real ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.test_answers import NOW, failure, hex_id, put
from whichstep_analytics.answers import Answers
from whichstep_analytics.judge import prompt, verdict
from whichstep_analytics.judge.endpoint import ATTEMPTS_MAX, ChatModel, ModelError
from whichstep_analytics.judge.judge import SURE, Budget, Judge
from whichstep_cli.demo.scripted_model import Reply, chat_completion, serving
from whichstep_store.store import Store

FIRST, SECOND = f"{1:016x}", f"{2:016x}"
SAID = {"step_id": FIRST, "kind": "wrong_tool", "confidence": 0.8, "reason": "it asked for the wrong tool"}


class Script:
    """Answers of a model, one after the other, the last again and again; what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), list[dict[str, Any]]()

    def __call__(self, path: str, request: dict[str, Any]) -> Reply:
        assert path == "/v1/chat/completions"
        self.asked.append(request)
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


def says(content: object) -> Reply:
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}
    return Reply(json.dumps(chat_completion(message, 0, "gpt-4.1-mini", prompt_tokens=1_000)).encode())


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "data", clock=lambda: NOW) as opened:
        yield opened


def steps(number: int, count: int = 2) -> list[dict[str, Any]]:
    """Steps of an execution: all good but the second, which said why."""
    return [
        {
            "execution_id": hex_id(number), "trace_id": hex_id(number), "step_id": at, "span_ids": [at], "position": at,
            "type": "tool_call", "name": f"tool {at}", "path": f"planner/tool {at}", "status": "error" if at == 2 else "ok",
            "error_message": "no such order" if at == 2 else None, "arguments": f'{{"order": {number}}}',
        }
        for at in range(1, count + 1)
    ]  # fmt: skip


@contextmanager
def judging(store: Store, script: Callable[[str, dict[str, Any]], Reply], **budget: float) -> Iterator[Judge]:
    allowed = Budget(**{"calls": 10, "usd": 1.0, **budget})
    with serving(script) as url, closing(ChatModel(f"{url}/v1", "gpt-4.1-mini", wait_seconds=0.01)) as model:
        yield Judge(store, Answers(store, clock=lambda: NOW), model, budget=allowed, clock=lambda: NOW)


@contextmanager
def asking(*replies: Reply) -> Iterator[tuple[ChatModel, Script]]:
    script = Script(*replies)
    with serving(script) as url, closing(ChatModel(f"{url}/v1", "m", wait_seconds=0.01)) as model:
        yield model, script


def opinion(store: Store, number: int = 1) -> Any:
    return Answers(store, clock=lambda: NOW).execution(hex_id(number))["judge"]


def test_a_verdict_is_kept_beside_the_rules_and_says_whether_they_agree(store):
    put(store, failure(1), steps=steps(1))
    script = Script(says(SAID))
    with judging(store, script) as judge:
        answer = judge.judge(hex_id(1))
    assert (answer["status"], answer["agrees"], answer["calls_today"]) == ("judged", False, 1)
    assert answer["cost_today_usd"] > 0
    kept = opinion(store)
    assert (kept["step"], kept["kind"], kept["confidence"], kept["agrees"]) == (1, "wrong_tool", 0.8, False)
    assert (kept["reason"], kept["author"]) == ("it asked for the wrong tool", "judge gpt-4.1-mini")
    execution = Answers(store, clock=lambda: NOW).execution(hex_id(1))
    assert execution["failing_step_id"] == SECOND
    (said,) = execution["evaluations"]
    assert (said["name"], said["source"], said["label"], said["trusted"]) == ("failing_step", "LLM", FIRST, False)
    assert "no such order" in script.asked[0]["messages"][1]["content"]


def test_the_same_question_is_asked_once(store):
    put(store, failure(1), steps=steps(1))
    script = Script(says({**SAID, "step_id": SECOND, "kind": "tool_error"}))
    with judging(store, script) as judge:
        first, again = judge.judge(hex_id(1)), judge.judge(hex_id(1))
    assert len(script.asked) == 1
    assert (first["verdict"], first["agrees"]) == (again["verdict"], True)
    assert (again["calls_today"], again["detail"]) == (1, "the same question was answered before")
    assert len(Answers(store, clock=lambda: NOW).execution(hex_id(1))["evaluations"]) == 1


def test_an_answer_that_cannot_be_read_is_kept_as_such_and_guessed_from_no_further(store):
    put(store, failure(1), steps=steps(1))
    with judging(store, Script(says("It was step 1, I think."))) as judge:
        assert judge.judge(hex_id(1))["status"] == "malformed"
    kept = opinion(store)
    assert (kept["malformed"], kept["step_id"], kept["agrees"]) == (True, None, None)
    assert kept["reason"] == "the answer is not one JSON object"


def test_a_busy_endpoint_is_asked_again(store):
    put(store, failure(1), steps=steps(1))
    script = Script(Reply(b"{}", status=429), Reply(b"{}", status=503), says(SAID))
    with judging(store, script) as judge:
        assert judge.judge(hex_id(1))["status"] == "judged"
    assert len(script.asked) == 3


def test_an_endpoint_that_stays_busy_is_given_up_and_the_call_counts(store):
    put(store, failure(1), steps=steps(1))
    script = Script(Reply(b"{}", status=500))
    with judging(store, script) as judge:
        answer = judge.judge(hex_id(1))
    assert (answer["status"], answer["calls_today"], len(script.asked)) == ("failed", 1, ATTEMPTS_MAX)
    assert answer["detail"] == "the judge gave no answer: the endpoint answered 500"
    assert opinion(store) is None


def test_a_refusal_is_not_repeated_and_names_what_to_check():
    with asking(Reply(b'{"error": "secret words"}', status=401)) as (model, script):
        with pytest.raises(ModelError, match="answered 401; check WHICHSTEP_JUDGE"):
            model.ask([])
        assert len(script.asked) == 1


def test_a_model_that_wants_the_newer_name_of_the_limit_gets_it():
    complaint = b'{"error": {"message": "Use max_completion_tokens instead"}}'
    with asking(Reply(complaint, status=400), says("yes")) as (model, script):
        assert model.ask([]).text == "yes"
    assert [sorted(asked) for asked in script.asked] == [
        ["max_tokens", "messages", "model"],
        ["max_completion_tokens", "messages", "model"],
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}'])
def test_what_is_no_chat_completion_is_no_answer(body):
    with asking(Reply(body)) as (model, _), pytest.raises(ModelError, match="no chat completion"):
        model.ask([])


def test_nobody_at_the_endpoint_is_no_answer():
    with serving(Script(says("x"))) as url:
        gone = url
    with closing(ChatModel(gone, "m", wait_seconds=0.01)) as model, pytest.raises(ModelError, match="no connection"):
        model.ask([])


@pytest.mark.parametrize("budget", [{"calls": 1}, {"usd": 0.0001}])
def test_a_day_costs_no_more_than_its_budget_and_a_restart_refills_nothing(store, budget):
    put(store, failure(1), failure(2), steps=[*steps(1), *steps(2)])
    script = Script(says(SAID))
    with judging(store, script, **budget) as judge:
        assert judge.judge(hex_id(1))["status"] == "judged"
    with judging(store, script, **budget) as judge:
        answer = judge.judge(hex_id(2))
        assert (answer["status"], answer["verdict"]) == ("budget", None)
        assert judge.judge(hex_id(1))["status"] == "judged"  # what was answered before costs nothing
    assert len(script.asked) == 1
    assert opinion(store, 2) is None


def test_by_itself_it_judges_failures_that_the_rules_are_not_sure_of_and_each_once(store):
    unsure = {"failure_confidence": SURE - 0.1}
    put(
        store,
        failure(1),
        failure(2, **unsure),
        failure(3, failing_step_id=None, failure_confidence=None),
        failure(4, **unsure, purpose="demo"),
        failure(5, **unsure, success=None),
        steps=[step for number in range(1, 6) for step in steps(number)],
    )
    script = Script(says(SAID))
    with judging(store, script) as judge:
        judge.tick()
        assert len(script.asked) == 2
        judge.tick()
    assert len(script.asked) == 2
    assert [number for number in range(1, 6) if opinion(store, number)] == [2, 3]


def test_what_still_runs_has_no_steps_or_does_not_exist_is_not_asked_about(store):
    put(store, failure(1, status="running"), failure(2, step_count=0), steps=steps(1))
    script = Script(says(SAID))
    with judging(store, script) as judge:
        assert judge.judge(hex_id(1))["status"] == "open"
        assert judge.judge(hex_id(2))["status"] == "empty"
        assert judge.judge(hex_id(9)) is None
    assert script.asked == []


# The answer, read strictly


def test_none_is_a_verdict():
    said = {"step_id": "none", "kind": "none", "confidence": 1, "reason": "all went well"}
    assert verdict.parse(json.dumps(said), step_ids=[FIRST]) == verdict.Verdict(None, None, 1.0, "all went well")


def test_a_code_fence_around_the_object_is_no_fault():
    assert verdict.parse(f"```json\n{json.dumps(SAID)}\n```", step_ids=[FIRST]).step_id == FIRST


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"step_id": SECOND}, "step_id"),
        ({"step_id": 1}, "step_id"),
        ({"kind": "bad luck"}, "kind"),
        ({"kind": "none"}, "contradict"),
        ({"confidence": 1.2}, "confidence"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"reason": ""}, "reason"),
        ({"more": 1}, "keys"),
    ],
)
def test_whatever_does_not_fit_is_malformed(change, why):
    with pytest.raises(verdict.MalformedError, match=why):
        verdict.parse(json.dumps({**SAID, **change}), step_ids=[FIRST])


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_text_is_read_as_what_it_is_not(text: str):
    with pytest.raises(verdict.MalformedError):
        verdict.parse(text, step_ids=[FIRST])


# The question, bounded


def explained(count: int, text: str) -> dict[str, Any]:
    made: Sequence[dict[str, Any]] = [
        {
            "step_id": f"{at:016x}", "position": at, "type": "tool_call", "name": "tool", "result": text,
            "status": "error" if at == count // 2 else "ok", "error_message": text, "arguments": text,
        }
        for at in range(1, count + 1)
    ]  # fmt: skip
    return {"input": text, "final_output": text, "status": "ok", "success": False, "steps": made}


def test_a_question_is_bounded_and_keeps_the_errors_the_beginning_and_the_end():
    asked = prompt.messages(explained(10_000, 'say "hi"\n' * 1_000))
    assert sum(len(message["content"]) for message in asked) <= prompt.PROMPT_CHARACTERS_MAX
    said = json.loads(asked[1]["content"])
    kept = [step["position"] for step in said["steps"]]
    assert {1, 5_000, 10_000} <= set(kept)
    assert kept == sorted(kept)
    assert len(kept) + said["steps_left_out"] == 10_000


def test_a_question_is_told_by_its_prompt_and_model():
    one, other = prompt.messages(explained(2, "a")), prompt.messages(explained(2, "b"))
    assert prompt.digest("m", one) == prompt.digest("m", prompt.messages(explained(2, "a")))
    assert len({prompt.digest("m", one), prompt.digest("m", other), prompt.digest("n", one)}) == 3
