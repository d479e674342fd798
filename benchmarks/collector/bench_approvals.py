"""How fast is the reviewer's desk? The inbox with 10,000 pending requests, and a decision on its way to the agent.

    python -m benchmarks.collector.bench_approvals [pending] [decisions]

A real sidecar with its dashboard, real HTTP. *Inbox*: the page of 50 requests that the dashboard and `approvals list`
ask for, and the light page. *Decision*: from the reviewer's POST to the first line of the held function, in an agent
that waits by the SDK; the least, the median and the most. Milliseconds on the wall.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.sidecar import Sidecar

import whichstep

INBOX_LIMIT_MS = 500
DECISION_LIMIT_MS = 300
OPENED = 10
_LIST = "/api/v1/approvals?state=pending&limit=50"


class Caller:
    """One kept-alive connection."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})

    def ask(self, path: str, body: Any = None) -> bytes:
        self._connection.request(
            "GET" if body is None else "POST", path, None if body is None else json.dumps(body), self._headers
        )
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path} was answered with {answer.status}: {text[:200]!r}")
        return text


def main() -> None:
    pending, decisions = (int(each) for each in (*sys.argv[1:], "10000", "30")[:2])
    with tempfile.TemporaryDirectory(prefix="whichstep-bench-") as folder:
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        with Sidecar(data_dir, dashboard=True) as sidecar:
            token = (data_dir / "reviewer.token").read_text(encoding="utf-8").strip()
            agent, reviewer = Caller(sidecar.http_port), Caller(sidecar.http_port, token)
            waited = _decisions(sidecar, reviewer, decisions)
            began = time.perf_counter()
            for number in range(pending):
                agent.ask("/api/v1/approvals", _request(number))
            asked = (time.perf_counter() - began) / pending * 1e3
            sidecar.tree.await_quiet()
            listed, page = _milliseconds(reviewer, _LIST), _milliseconds(reviewer, "/approvals")
            total = json.loads(reviewer.ask(_LIST))["total"]
            crowded = _decisions(sidecar, reviewer, decisions)
            whichstep.flush()
    print(
        f"inbox of {total:,} pending requests ({asked:.1f} ms to ask for one): list {listed:.0f} ms, "
        f"light page {page:.0f} ms (target {INBOX_LIMIT_MS})"
    )
    for how, found in (("alone", waited), (f"beside {pending:,} others", crowded)):
        print(
            f"a decision reaches the waiting agent, {how}: {min(found):.0f} to {max(found):.0f} ms, "
            f"median {statistics.median(found):.0f} (target {DECISION_LIMIT_MS})"
        )


def _request(number: int) -> dict[str, Any]:
    return {
        "action": "send_external_email",
        "arguments": {
            "to": f"customer-{number}@example.com",
            "subject": "Your refund",
            "body": "It is on its way. " * 40,
        },
        "evidence": [{"source": "policy-3", "text": "Refunds within 30 days. " * 10, "score": 0.9}] * 3,
        "agent": "support",
        "summary": f"answer the customer of ticket {number}",
    }


def _milliseconds(caller: Caller, path: str) -> float:
    """Median of a few; the first, which may find nothing cached, is one of them."""
    taken = []
    for _ in range(OPENED):
        began = time.perf_counter()
        caller.ask(path)
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def _decisions(sidecar: Sidecar, reviewer: Caller, count: int) -> list[float]:
    """Milliseconds from the decision to the action, one after the other."""
    whichstep.configure(endpoint=f"http://127.0.0.1:{sidecar.http_port}", policy={"held": "approve"}, service="held")
    ran: list[float] = []

    @whichstep.tool("held")
    def act(number: int) -> None:  # noqa: ARG001  recorded, not used
        ran.append(time.perf_counter())

    taken = []
    for number in range(count):
        waiting = threading.Thread(target=act, args=(number,))
        waiting.start()
        while not (found := json.loads(reviewer.ask("/api/v1/approvals?state=pending&action=held"))["approvals"]):
            time.sleep(0.01)
        time.sleep(0.05)  # the agent asks first, and waits then
        decided = time.perf_counter()
        reviewer.ask(f"/api/v1/approvals/{found[0]['approval_id']}/decision", {"decision": "approve"})
        waiting.join()
        taken.append((ran[-1] - decided) * 1e3)
    return taken


if __name__ == "__main__":
    main()
