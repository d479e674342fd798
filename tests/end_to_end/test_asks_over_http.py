"""An agent in any language: OTLP spans of its own, and a request for approval over plain HTTP, with no span for it."""

import time

import httpx

from builders import request, span
from sidecar_process import sidecar_process

TRACE = f"{7:032x}"
NOW = time.time_ns() - 60 * 10**9
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "issue_refund"}


def send(sidecar, *spans):
    body = request(*spans).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    httpx.post(f"{sidecar.http}/v1/traces", content=body, headers=headers, trust_env=False).raise_for_status()


def asked(sidecar):
    """Status of the execution, and of its approvals."""
    found = sidecar.get(f"/api/v1/executions/{TRACE}")
    return found["status"], [step["status"] for step in found["steps"] if step["type"] == "approval"]


def test_its_execution_waits_and_shows_what_was_decided(tmp_path):
    with (
        sidecar_process(tmp_path / "data", "--no-dashboard") as sidecar,
        httpx.Client(base_url=sidecar.http, trust_env=False) as api,
    ):
        token = (tmp_path / "data" / "reviewer.token").read_text().strip()
        reviewer = {"authorization": f"Bearer {token}"}
        send(sidecar, span("clerk", trace=7, id=1, start=NOW, end=NOW + 10**9, attributes=AGENT))
        sidecar.wait_for_executions(1)
        body = {"action": "issue_refund", "arguments": {"amount": 950}, "execution_id": TRACE, "agent": "clerk"}
        request_id = api.post("/api/v1/approvals", json=body).json()["approval_id"]
        sidecar.wait_for(lambda: asked(sidecar) == ("waiting", ["pending_approval"]))
        where = f"/api/v1/approvals/{request_id}"
        decided = api.post(f"{where}/decision", json={"decision": "approve"}, headers=reviewer)
        assert decided.status_code == 200, decided.text
        sidecar.wait_for(lambda: asked(sidecar) == ("ok", ["ok"]))
        digest = decided.json()["arguments_digest"]
        used = api.post(f"{where}/consume", json={"arguments_digest": digest, "consumer": "clerk-1"})
        assert used.status_code == 200, used.text
        ran = span("refund", trace=7, id=3, parent=1, start=time.time_ns(), end=time.time_ns() + 10**6, attributes=TOOL | {
            "whichstep.approval.id": request_id,
        })  # fmt: skip
        send(sidecar, ran)

        def steps():
            return sidecar.get(f"/api/v1/executions/{TRACE}")["steps"]

        sidecar.wait_for(lambda: [step["type"] for step in steps()] == ["agent", "approval", "tool_call"])
        waited, did = steps()[1:]
        assert (waited["approval_id"], waited["name"], waited["agent"]) == (request_id, "issue_refund", "clerk")
        assert waited["arguments"] == '{"amount":950}'
        assert "derived" in waited["flags"]
        assert did["approval_id"] == request_id
