"""What do the doors and the journal cost a span, apart from decoding and from the store?

    python -m benchmarks.collector.bench_doors

A sidecar process takes requests of 512 spans (about 1.5 KB each) over both doors. Once with the whole pipeline, once
with a pipeline that returns one prepared batch, so that only doors and journal are left. Prints CPU of the process a
span, spans a second and acknowledgement times of one client that waits for each answer.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import grpc
import httpx
import psutil
from benchmarks.load import support_requests

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
REQUESTS = 200


def serve(folder: str, pipeline: str) -> None:
    """The sidecar process: prints its ports, lives until its input closes."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from running import running
    from whichstep_collector.ingest import Ingest, Prepared
    from whichstep_collector.loader import Loader

    if pipeline == "doors":
        real, prepared = Ingest.prepare, []

        def prepare(ingest: Ingest, request: object) -> Prepared:
            if not prepared:
                prepared.append(real(ingest, request))
            return prepared[0]

        Ingest.prepare, Loader.run = prepare, lambda _: None
    with running(Path(folder), journal_backlog_bytes_max=1 << 40, drain_seconds=1) as started:
        print(started.http_port, started.grpc_port, flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def sidecar(pipeline: str):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.collector.bench_doors", "--serve", folder, pipeline]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = [int(port) for port in process.stdout.readline().split()]
        try:
            yield psutil.Process(process.pid), ports
        finally:
            process.stdin.close()
            process.wait()


def post(client: httpx.Client, body: bytes) -> None:
    client.post("/v1/traces", content=body).raise_for_status()


def measure(name: str, process: psutil.Process, requests: list, send) -> str:
    for request in requests[:5]:
        send(request.body)
    time.sleep(0.5)
    cpu, started, waits = sum(process.cpu_times()[:2]), time.monotonic(), []
    for request in requests[5:]:
        sent = time.monotonic()
        send(request.body)
        waits.append(time.monotonic() - sent)
    wall = time.monotonic() - started
    spans = sum(request.spans for request in requests[5:])
    if name.startswith("whole"):
        time.sleep(1)
    cpu = sum(process.cpu_times()[:2]) - cpu
    waits.sort()
    return (
        f"{name}: {cpu / spans * 1e6:.1f} us CPU a span, {spans / wall:,.0f} spans/s, "
        f"acknowledged p50 {waits[len(waits) // 2] * 1e3:.1f} ms p99 {waits[int(len(waits) * 0.99)] * 1e3:.1f} ms"
    )


def main() -> None:
    requests = list(support_requests(REQUESTS * 52, seed=1, start_ns=time.time_ns()))[:REQUESTS]
    size = sum(len(request.body) for request in requests) / sum(request.spans for request in requests)
    print(f"doors: {len(requests)} requests, {size:,.0f} bytes a span")
    for pipeline in ("doors", "whole path"):
        with sidecar(pipeline) as (process, (http_port, grpc_port)):
            with httpx.Client(
                base_url=f"http://127.0.0.1:{http_port}",
                headers={"content-type": "application/x-protobuf"},
                trust_env=False,
                timeout=60,
            ) as client:
                print(measure(f"{pipeline}, HTTP", process, requests, partial(post, client)))
            with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
                print(measure(f"{pipeline}, gRPC", process, requests, channel.unary_unary(EXPORT)))


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(*sys.argv[sys.argv.index("--serve") + 1 :])
    else:
        main()
