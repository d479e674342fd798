"""A whole sidecar on free ports in this process, and plain ways to talk to it."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from whichstep_collector.settings import Settings
from whichstep_collector.sidecar import Sidecar
from whichstep_store.store import Store

PROTOBUF, JSON = "application/x-protobuf", "application/json"
STARTED_AT = 1_790_000_000_000_000_000


class NoAnswers:
    """Answers of a store that nobody has computed anything for."""

    def executions(self, filters, *, limit, cursor, order):
        return {"executions": [], "total": 0, "next_cursor": None, "asked": [filters.pairs(), limit, cursor, order]}

    def execution(self, execution_id):
        if execution_id == "f" * 32:
            return {"execution_id": execution_id, "steps": [{"step_id": "a" * 16}]}
        return None

    def step(self, execution_id, step_id):
        return None

    def metrics(self, filters, *, by):
        return {"by": list(by), "groups": []}

    def failures(self, filters, *, by):
        return {"by": by, "groups": []}

    def actions(self, filters, *, kind, limit):
        return {"kind": kind, "actions": [], "counts": {}}

    def approvals(self, filters):
        return {"requests": 0, "asked": filters.pairs()}

    def drift(self, filters, *, by):
        return {"executions": 0, "dimensions": [{"by": name} for name in by]}

    def compare(self, filters, *, before, after):
        return {"before": {"name": before}, "after": {"name": after}}

    def grounding(self, filters, *, limit):
        return {"rate": None, "latest": [limit]}

    def filters(self, filters):
        return {"release": []}

    def workflows(self, filters):
        return {"workflows": [], "asked": filters.pairs()}

    def workflow(self, filters, name, *, success_bar, conformance_bar):
        return {"workflow": name, "bars": [success_bar, conformance_bar]} if name == "refund" else None

    def check_workflow(self, filters, contract):
        return {"workflow": contract["name"]}

    def learn_workflow(self, filters, name, *, support, level):
        return {"workflow": name, "support": support, "level": level}

    def doctor(self):
        raise RuntimeError("a secret in an exception")


class Running:
    """A started sidecar with its store."""

    def __init__(self, sidecar: Sidecar, store: Store) -> None:
        self.sidecar, self.store = sidecar, store
        addresses = sidecar.start()
        self.http, self.grpc = addresses.http, addresses.grpc
        self.http_port, self.grpc_port = (urlsplit(address).port for address in addresses)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.http_port), timeout=10)

    def count(self, name: str, **labels: str) -> float:
        return self.sidecar.counters.value(name, **labels)

    def span_ids(self) -> list[int]:
        rows = self.store._database.read("select span_id from span_rows order by span_id")
        return rows["span_id"].to_pylist()

    def await_spans(self, count: int, seconds: float = 15) -> list[int]:
        wait_until(lambda: len(self.span_ids()) >= count, seconds)
        return self.span_ids()


@contextlib.contextmanager
def running(
    data_dir: Path,
    *,
    answers=None,
    tick: Callable[[], float] = lambda: 60.0,
    policy=None,
    clock=time.time_ns,
    **settings,
) -> Iterator[Running]:
    """A sidecar over a fresh or given data folder for the block; drained at its end."""
    chosen = Settings(
        **{"data_dir": data_dir, "http_port": 0, "grpc_port": 0, "dashboard": False, "load_interval_seconds": 0.02,
           "disk_free_bytes_min": 0, "drain_seconds": 15.0, **settings}
    )  # fmt: skip
    with Store.open(data_dir, clock=clock) as store:
        sidecar = Sidecar(chosen, store, answers=answers or NoAnswers(), tick=tick, policy=policy)
        started = Running(sidecar, store)
        try:
            yield started
        finally:
            sidecar.stop()


def traces(*span_ids: int, trace: int = 1, name: str = "step", **attributes: str) -> ExportTraceServiceRequest:
    """A request with one span an id; id 0 makes an invalid one."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.scope.name = "tests"
    for number in span_ids:
        span = Span(
            trace_id=trace.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            name=name,
            start_time_unix_nano=STARTED_AT,
            end_time_unix_nano=STARTED_AT + 1_000_000,
        )
        for key, value in attributes.items():
            span.attributes.add(key=key).value.string_value = value
        scope.spans.append(span)
    return request


def logs(count: int = 1) -> ExportLogsServiceRequest:
    """A request with evaluation events."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in range(count):
        record = scope.log_records.add(
            time_unix_nano=STARTED_AT + number,
            event_name="gen_ai.evaluation.result",
            trace_id=b"\1" * 16,
            span_id=b"\2" * 8,
        )
        record.attributes.add(key="gen_ai.evaluation.name").value.string_value = "helpful"
    return request


def wait_until(claim: Callable[[], bool], seconds: float = 15) -> None:
    """Return once a claim is true; fail when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def wakes(thread: threading.Thread) -> int:
    """How often a thread went to sleep so far; Linux only."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)
    assert found
    return int(found[1])


if __name__ == "__main__":  # a process of its own, to be killed: prints its address, ends with its input
    with running(Path(sys.argv[1])) as sidecar_process:
        sys.stdout.write(sidecar_process.http + "\n")
        sys.stdout.flush()
        sys.stdin.read()
