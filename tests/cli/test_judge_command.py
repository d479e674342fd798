"""`whichstep judge` as its users run it: a sidecar with a judge on loopback, and one without."""

import json
import time

import httpx
import pytest

from builders import as_json, request, span
from sidecar_process import sidecar_process
from whichstep_cli.demo.scripted_model import Reply, chat_completion, serving
from whichstep_collector.errors import SettingsError
from whichstep_collector.settings import describe, load

KEY = "sk-secret-words"


def accuses(step):
    """A model that always blames the step called so, read from what it was asked."""

    def answer(_path, asked):
        steps = json.loads(asked["messages"][1]["content"])["steps"]
        (blamed,) = [one for one in steps if one["name"] == step]
        said = {"step_id": blamed["step_id"], "kind": "wrong_tool", "confidence": 0.9, "reason": "it need not be asked"}
        message = {"role": "assistant", "content": json.dumps(said)}
        return Reply(json.dumps(chat_completion(message, 0, "gpt-4.1-mini", prompt_tokens=500)).encode())

    return answer


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with serving(accuses("planner")) as url:
        settings = {
            "WHICHSTEP_JUDGE_ENDPOINT": f"{url}/v1",
            "WHICHSTEP_JUDGE_MODEL": "gpt-4.1-mini",
            "WHICHSTEP_JUDGE_API_KEY": KEY,
            "WHICHSTEP_JUDGE_CALLS_PER_DAY": "2",
            "WHICHSTEP_JUDGE_AUTOMATIC": "no",
        }
        with sidecar_process(tmp_path_factory.mktemp("data"), settings=settings) as running:
            now = time.time_ns() - 60 * 10**9
            for number in (1, 2, 3):
                send(running, number, now)
            running.wait_for_executions(3)
            yield running


def send(sidecar, number, now):
    """A run of which nobody knows the failing step: its code says that it failed, after steps that all went well."""
    outcome = {
        "whichstep.outcome.success": False,
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "planner",
    }
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4.1-mini"}
    times = {"start": now, "end": now + 10**9}
    body = as_json(
        request(
            span("planner", trace=number, id=number * 10, **times, attributes=outcome),
            span("chat", trace=number, id=number * 10 + 1, parent=number * 10, **times, attributes=asked),
        )
    )
    done = httpx.post(
        f"{sidecar.http}/v1/traces", content=body, headers={"content-type": "application/json"}, trust_env=False
    )
    assert done.status_code == 200, done.text


def test_one_execution_is_judged_and_shown_beside_the_rules(sidecar):
    execution_id = f"{1:032x}"
    answer = sidecar.json("judge", execution_id)
    assert (answer["status"], answer["verdict"]["kind"]) == ("judged", "wrong_tool")
    shown = sidecar.wait_for(lambda: sidecar.json("executions", "show", execution_id)["judge"])
    assert (shown["step_name"], shown["agrees"]) == ("planner", False)
    text = sidecar.run("executions", "show", execution_id).stdout
    assert (
        "second opinion: step 1, planner (wrong_tool), confidence 90%; judge gpt-4.1-mini differs from the rules"
        in text
    )


def test_those_that_match_are_judged_up_to_the_budget_of_the_day(sidecar):
    sidecar.json("judge", f"{1:032x}")  # asked before, or now: one of two calls
    answer = sidecar.json("judge", "--since", "1h", "--sure")
    assert answer["asked"] == 3
    assert sorted(one["status"] for one in answer["judged"]) == ["budget", "judged", "judged"]
    said = sidecar.run("judge", "--since", "1h", "--sure")
    assert "today: 2 of 2 calls" in said.stderr
    assert "agree on 0 of" in said.stderr


def test_an_id_and_filters_together_are_refused(sidecar):
    assert sidecar.run("judge", "ab", "--since", "1h", check=False).returncode == 2


def test_without_a_judge_it_says_how_to_set_one_and_what_that_means(tmp_path):
    with sidecar_process(tmp_path) as bare:
        done = bare.run("judge", "ab" * 16, check=False)
    assert done.returncode == 2
    assert "WHICHSTEP_JUDGE_ENDPOINT" in done.stderr
    assert "sent there" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"WHICHSTEP_JUDGE_MODEL": "m"}, "set together"),
        ({"WHICHSTEP_JUDGE_MODEL": "m", "WHICHSTEP_JUDGE_ENDPOINT": "localhost"}, "no http:// or https://"),
    ],
)
def test_half_a_judge_is_refused_at_the_start(tmp_path, settings, words):
    with pytest.raises(SettingsError, match=words):
        load({"data_dir": tmp_path}, settings)


def test_the_key_is_never_shown():
    loaded = load({}, {"WHICHSTEP_JUDGE_API_KEY": KEY})
    assert loaded.settings.judge_api_key == KEY
    assert KEY not in repr(loaded.settings)
    assert KEY not in str(describe(loaded))
