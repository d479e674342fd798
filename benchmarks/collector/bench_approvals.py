"""How fast is the reviewer's desk? The inbox with 10,000 pending requests, and a decision on its way to the agent.

    python -m benchmarks.collector.bench_approvals [pending] [decisions]

A real sidecar with its dashboard, real HTTP. *Inbox*: the page of 50 requests that the dashboard and `approvals list`
ask for, the dashboard's whole page (its script, run in this process against that sidecar: first, and after), and the light
page. *Decision*: from the reviewer's POST to the first line of the held function, in an agent
that waits by the SDK; the least, the median and the most. Milliseconds on the wall.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.sidecar import Sidecar
from streamlit import util
from streamlit.testing.v1 import AppTest

import whichstep
from whichstep_dashboards import serve, settings

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
            first, again = _dashboard_page(sidecar, token, pending)
            total = json.loads(reviewer.ask(_LIST))["total"]
            crowded = _decisions(sidecar, reviewer, decisions)
            whichstep.flush()
    print(
        f"inbox of {total:,} pending requests ({asked:.1f} ms to ask for one): list {listed:.0f} ms, "
        f"light page {page:.0f} ms, dashboard's page {first:.0f} ms, then {again:.0f} (target {INBOX_LIMIT_MS})"
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


def _dashboard_page(sidecar: Sidecar, token: str, pending: int) -> tuple[float, float]:
    """Milliseconds of the first run of the page, which imports and asks everything, and the median of those after."""
    endpoint = f"http://127.0.0.1:{sidecar.http_port}"
    page = AppTest.from_file(str(serve.APP), default_timeout=60)
    page._page_hash = (getattr(util, "calc_hash", None) or util.calc_md5)("approvals")  # noqa: SLF001 (no public way)
    taken = []
    for _ in range(OPENED):
        began = time.perf_counter()
        with patch.dict(os.environ, {settings.ENDPOINT_VARIABLE: endpoint, settings.TOKEN_VARIABLE: token}):
            page.run()
        taken.append((time.perf_counter() - began) * 1e3)
    if not any(f"of {pending:,}**" in text.value for text in page.markdown):
        raise RuntimeError(f"the page does not show {pending:,} requests: {page.exception}")
    return taken[0], statistics.median(taken[1:])


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
