"""What does a step cost the host, over the plain OpenTelemetry SDK with the same attributes? And the import?

Each side runs in a process of its own, in turn, against a sink that answers every request with 200: 50 tool steps
under a root, again and again, 130 B of arguments and 480 B of result each. The caller's CPU is the time of its
thread; the process's CPU includes encoding and sending. Medians over the rounds, on one machine in one run.

    python -m benchmarks.sdk.bench_overhead
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROUNDS = 7
STEPS = 50
ROOTS = 40
ARGUMENTS = {"order_id": "A-1042", "reason": "arrived broken, the customer asks for a refund " * 2}
RESULT = {"status": "ok", "notes": "the order was found and can be refunded " * 11}


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in MEASURES:
        print(json.dumps(MEASURES[sys.argv[1]]()))
        return
    server, endpoint = _sink()
    results: dict[str, list[dict[str, float]]] = {name: [] for name in MEASURES}
    for _ in range(ROUNDS):
        for name in MEASURES:
            results[name].append(_in_a_process(name, endpoint))
    server.shutdown()
    plain, ours = _median(results["plain"]), _median(results["ours"])
    for name, figures in (
        ("plain OpenTelemetry", plain),
        ("whichstep", ours),
        ("whichstep decorator", _median(results["decorated"])),
    ):
        print(f"{name:20}  caller {figures['caller_us']:6.1f} us/step  process {figures['process_us']:6.1f} us/step")
    added = ours["caller_us"] - plain["caller_us"]
    print(
        f"added by whichstep    caller {added:+6.1f} us/step ({ours['caller_us'] / plain['caller_us']:.2f} x); limit +10"
    )
    base, whole = _median(results["import_otel"])["cpu_ms"], _median(results["import_both"])["cpu_ms"]
    alone = _median(results["import_alone"])["cpu_ms"]
    print(
        f"import whichstep      {alone:.1f} ms alone; {whole - base:+.1f} ms over the OpenTelemetry SDK and exporter; limit +30"
    )


def measure_plain() -> dict[str, float]:
    """The OpenTelemetry SDK by itself."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=os.environ["WHICHSTEP_ENDPOINT"] + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=8192))
    tracer = provider.get_tracer("bench")

    def root() -> None:
        attributes = {
            "whichstep.step.type": "workflow",
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": "bench",
            "whichstep.task.type": "bench",
            "whichstep.execution.id": "0" * 32,
        }
        with tracer.start_as_current_span("bench", attributes=attributes):
            for _ in range(STEPS):
                attributes = {
                    "whichstep.step.type": "tool_call",
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": "lookup_order",
                    "whichstep.execution.id": "0" * 32,
                    "gen_ai.tool.call.arguments": json.dumps(ARGUMENTS),
                }
                with tracer.start_as_current_span("execute_tool lookup_order", attributes=attributes) as span:
                    span.set_attribute("gen_ai.tool.call.result", json.dumps(RESULT))

    return _measured(root, provider.force_flush)


def measure_ours() -> dict[str, float]:
    """Our context managers."""
    import whichstep

    def root() -> None:
        with whichstep.task("bench"):
            for _ in range(STEPS):
                with whichstep.tool("lookup_order", arguments=ARGUMENTS) as call:
                    call.result(RESULT)

    return _measured(root, whichstep.flush)


def measure_decorated() -> dict[str, float]:
    """Our decorators."""
    import whichstep

    @whichstep.tool
    def lookup_order(order_id: str, reason: str) -> object:  # noqa: ARG001  recorded, not used
        return RESULT

    @whichstep.task
    def root() -> None:
        for _ in range(STEPS):
            lookup_order(**ARGUMENTS)

    return _measured(root, whichstep.flush)


def import_otel() -> dict[str, float]:
    """The OpenTelemetry SDK and its HTTP exporter."""
    return _import_cpu("opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


def import_both() -> dict[str, float]:
    """The same, and all of the SDK that a first step loads."""
    otel = ("opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
    return _import_cpu(*otel, "whichstep", "whichstep.steps")


def import_alone() -> dict[str, float]:
    """`import whichstep` as a program writes it."""
    return _import_cpu("whichstep")


MEASURES = {
    "plain": measure_plain,
    "ours": measure_ours,
    "decorated": measure_decorated,
    "import_otel": import_otel,
    "import_both": import_both,
    "import_alone": import_alone,
}


def _measured(root, flush) -> dict[str, float]:
    for _ in range(5):
        root()
    flush()
    process = time.process_time()
    caller = 0.0
    for _ in range(ROOTS):
        began = time.thread_time()
        root()
        caller += time.thread_time() - began
        time.sleep(0.005)  # lets the exporting thread in: an agent waits for models most of the time
    flush()
    steps = ROOTS * STEPS
    return {"caller_us": caller / steps * 1e6, "process_us": (time.process_time() - process) / steps * 1e6}


def _import_cpu(*modules: str) -> dict[str, float]:
    began = time.process_time()
    for module in modules:
        __import__(module)
    return {"cpu_ms": (time.process_time() - began) * 1e3}


def _in_a_process(name: str, endpoint: str) -> dict[str, float]:
    environment = {**os.environ, "WHICHSTEP_ENDPOINT": endpoint, "WHICHSTEP_SPOOL_DIR": "off"}
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.sdk.bench_overhead", name],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(answer.stdout)


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(entry[key] for entry in rounds) for key in rounds[0]}


def _sink() -> tuple[ThreadingHTTPServer, str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


if __name__ == "__main__":
    main()
