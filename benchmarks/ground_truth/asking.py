"""What the benchmark asks of a running sidecar: take these runs, and answer from your tables."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from benchmarks.ground_truth.convert import Converted
from benchmarks.sidecar import Sidecar

_WAIT_SECONDS = 300


class Asking:
    """The HTTP API of one sidecar."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    def send(self, body: bytes) -> None:
        """Delivers one OTLP request; a refusal that may be repeated is repeated."""
        connection = http.client.HTTPConnection("127.0.0.1", self._sidecar.http_port, timeout=60)
        while True:
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            response = connection.getresponse()
            said = response.read()
            if response.status == 200:
                return
            if response.status not in {429, 503}:
                raise RuntimeError(f"the sidecar refused a run: {response.status} {said[:200]!r}")
            time.sleep(1)

    def rows(self, select: str) -> list[list[Any]]:
        """The rows of one SELECT over the public views."""
        return self._sidecar.sql(select)

    def execution(self, execution_id: str) -> dict[str, Any]:
        """One execution explained."""
        status, body = self._sidecar.get(f"/api/v1/executions/{execution_id}")
        if status != 200:
            raise RuntimeError(f"the sidecar does not know {execution_id}: {status} {body[:200]!r}")
        document: dict[str, Any] = json.loads(body)
        return document

    def metrics(self, stem: str, *, by: str = "", purpose: str = "all") -> list[dict[str, Any]]:
        """The groups of the metrics of one file."""
        asked = urlencode({"task_type": stem, "purpose": purpose, **({"by": by} if by else {})})
        status, body = self._sidecar.get(f"/api/v1/metrics?{asked}")
        if status != 200:
            raise RuntimeError(f"the sidecar did not answer for {stem}: {status} {body[:200]!r}")
        groups: list[dict[str, Any]] = json.loads(body)["groups"]
        return groups


def imported(asking: Asking, runs: Sequence[Converted]) -> None:
    """Sends the runs and waits until every one is an execution whose results are there."""
    for run in runs:
        asking.send(run.request.SerializeToString())
    wanted = {run.execution_id for run in runs}
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        done = {
            found
            for (found,) in asking.rows(
                "select execution_id from executions where status not in ('running', 'waiting')"
            )
        }
        if wanted <= done:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(wanted - done)} of {len(wanted)} runs are no ended executions")
        time.sleep(0.5)
