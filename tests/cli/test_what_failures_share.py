"""`whichstep failures`, `drift`, `grounding` and `compare` over one sidecar, as text and as JSON."""

import json
import time

import httpx
import pytest

from builders import as_json, request, span
from sidecar_process import sidecar_process

SECOND = 10**9


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        begun = time.time_ns() - 600 * SECOND
        for number, customer in enumerate(("Bob", "Ada", "Eve"), start=1):
            send(running, number, begun, release="1.0", error=f"customer {customer} not found")
        send(
            running,
            4,
            begun,
            release="1.1",
            prompt="Be brief.\nBe kind.",
            answer="Refunded \x1b[31m under RF-88123, 43.75.",
        )
        running.wait_for_executions(4)
        yield running


def send(sidecar, number, begun, *, release, prompt="Be brief.", error=None, answer="Done."):
    agent = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "desk",
        "whichstep.outcome.success": error is None,
    }
    call = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4.1-mini",
        "gen_ai.usage.input_tokens": 500 * number,
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": prompt}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answer}]}]),
    }
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "error.type": "LookupError"}
    at = {"start": begun + number * SECOND, "end": begun + (number + 1) * SECOND}
    spans = [
        span("desk", trace=number, id=1, status=2 if error else 1, **at, attributes=agent),
        span("chat", trace=number, id=2, parent=1, **at, attributes=call),
    ]
    if error:
        spans.append(span("find", trace=number, id=3, parent=1, status=2, message=error, **at, attributes=tool))
    body = as_json(request(*spans, resource={"service.name": "support", "service.version": release}))
    headers = {"content-type": "application/json"}
    assert httpx.post(f"{sidecar.http}/v1/traces", content=body, headers=headers, trust_env=False).status_code == 200


def test_failures_in_other_words_are_one_line_that_opens_to_all_of_them(sidecar):
    found = sidecar.wait_for(lambda: one_signature(sidecar))
    assert "customer <*> not found" in found["label"]
    listed = sidecar.json("executions", "list", "--signature", found["key"]["signature"])
    assert listed["total"] == found["count"] == 3
    assert "customer <*> not found" in sidecar.run("failures", "--by", "signature").stdout


def one_signature(sidecar):
    groups = sidecar.json("failures", "--by", "signature")["groups"]
    return groups[0] if len(groups) == 1 else None


def test_drift_says_n_and_interval_of_each_bucket(sidecar):
    (calls,) = sidecar.json("drift", "--by", "calls")["dimensions"]
    assert [(bucket["bucket"], bucket["known"], bucket["failed_here"]) for bucket in calls["buckets"]] == [("1", 4, 3)]
    said = sidecar.run("drift")
    assert "input tokens of a call" in said.stdout
    assert "75.0%" in said.stdout
    assert "4 of 4 ended executions" in said.stderr
    assert sidecar.run("drift", "--by", "mood", check=False).returncode == 2


def test_grounding_lists_made_up_values_and_counts_what_was_checked(sidecar):
    found = sidecar.wait_for(lambda: checked(sidecar))
    assert (found["with_values"], found["ungrounded"]) == (1, 1)
    said = sidecar.run("grounding")
    assert "RF-88123" in said.stdout
    assert "1 of 1 answers" in said.stdout
    assert "answers were checked" in said.stderr
    shown = sidecar.run("executions", "show", f"{4:032x}").stdout
    assert "ungrounded: 2 of 2 values of the answer stand in no source: RF-88123, 43.75" in shown


def checked(sidecar):
    found = sidecar.json("grounding")
    return found if found["ungrounded"] else None


def test_compare_shows_the_changed_prompt_beside_the_metrics_and_no_control_characters(sidecar):
    found = sidecar.json("compare", "1.0", "1.1")
    assert [(one["part"], one["kind"]) for one in found["changes"]] == [("prompt", "changed")]
    assert found["metrics"]["task_success_rate"]["value"] == 1.0
    said = sidecar.run("compare", "1.0", "1.1").stdout
    assert "+Be kind." in said
    assert "task_success_rate" in said
    assert "\x1b" not in said
    missing = sidecar.run("compare", "1.0", "9.9", check=False)
    assert missing.returncode == 2
    assert "releases are 1.0, 1.1" in missing.stderr
