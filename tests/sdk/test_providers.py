"""With a tracer provider of the application: a process of its own each, for the global provider is set once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import json, sys
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import whichstep
from whichstep.testing import capture

theirs = InMemorySpanExporter()
def set_provider():
    provider = TracerProvider(resource=Resource({"service.name": "app"}))
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    trace.set_tracer_provider(provider)
    return provider
def show(captured, **more):
    print(json.dumps({"ours": captured.spans, "starts": captured.start_records, "theirs": [json.loads(s.to_json()) for s in theirs.get_finished_spans()], **more}))
"""


@pytest.fixture
def run(tmp_path):
    def run(program):
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "WHICHSTEP_"))},
            "PYTHONPATH": str(ROOT / "sdk"),
            "WHICHSTEP_SPOOL_DIR": "off",
        }
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", PRELUDE + program],
            env=environment, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_only_agent_spans_of_the_applications_provider_come_to_us_and_its_exporters_get_all(run):
    got = run("""
set_provider()
web, http = trace.get_tracer("opentelemetry.instrumentation.fastapi"), trace.get_tracer("opentelemetry.instrumentation.httpx")
graph, own = trace.get_tracer("openinference.instrumentation.langchain"), trace.get_tracer("my.app")
with capture() as captured:
    with web.start_as_current_span("GET /"), whichstep.task("t"):
        with graph.start_as_current_span("agent"), http.start_as_current_span("POST"):
            with own.start_as_current_span("by attribute", attributes={"gen_ai.operation.name": "chat"}):
                pass
            with own.start_as_current_span("plumbing"), whichstep.tool("deep"):
                pass
    show(captured)
""")
    ours = {span["name"]: span for span in got["ours"]}
    theirs = {span["name"] for span in got["theirs"]}
    assert set(ours) == {"t", "agent", "by attribute", "execute_tool deep"}
    assert theirs == {"GET /", "t", "agent", "POST", "by attribute", "plumbing", "execute_tool deep"}
    assert ours["t"]["parent_span_id"] is None, "the web server's span is not sent, so the task is a root"
    assert ours["agent"]["parent_span_id"] == ours["t"]["span_id"]
    assert ours["by attribute"]["parent_span_id"] == ours["agent"]["span_id"], "hung on the nearest span that is sent"
    assert ours["execute_tool deep"]["parent_span_id"] == ours["agent"]["span_id"]
    assert ours["t"]["resource"]["service.name"] == "app"
    assert {span["attributes"].get("whichstep.execution.id") for span in got["theirs"] if span["name"] != "GET /"} == {
        ours["t"]["execution_id"]
    }


def test_two_tasks_in_one_request_of_the_application_are_two_executions(run):
    got = run("""
set_provider()
web = trace.get_tracer("web")
with capture() as captured:
    with web.start_as_current_span("GET /"):
        with whichstep.task("a"): pass
        with whichstep.task("b"): pass
    show(captured)
""")
    assert len({span["execution_id"] for span in got["ours"]}) == 2
    assert len({span["trace_id"] for span in got["ours"]}) == 1


def test_start_records_never_reach_the_applications_exporters(run):
    got = run("""
set_provider()
with capture() as captured:
    with whichstep.task("t"): pass
    show(captured)
""")
    assert len(got["starts"]) == 1
    assert [span["name"] for span in got["theirs"]] == ["t"]
    assert "whichstep.pending" not in got["theirs"][0]["attributes"]


def test_recording_alone_leaves_the_global_provider_unset_and_one_set_later_is_used(run):
    got = run("""
with capture() as captured:
    with whichstep.task("before"): pass
    untouched = type(trace.get_tracer_provider()).__name__
    provider = set_provider()
    with whichstep.task("after"): pass
    show(captured, untouched=untouched, same=whichstep.tracer_provider() is provider)
""")
    assert got["untouched"] == "ProxyTracerProvider"
    assert got["same"]
    assert [span["name"] for span in got["ours"]] == ["before", "after"]
    assert [span["name"] for span in got["theirs"]] == ["after"]


def test_instrument_makes_ours_the_global_provider_so_frameworks_that_trace_themselves_are_heard(run):
    got = run("""
before = trace.get_tracer("autogen-core")
whichstep.instrument()
with capture() as captured:
    with whichstep.task("t") as execution:
        with trace.get_tracer("opentelemetry.instrumentation.httpx").start_as_current_span("POST"):
            with before.start_as_current_span("execute_tool lookup_order"): pass
    with trace.get_tracer("opentelemetry.instrumentation.fastapi").start_as_current_span("GET /"): pass
    with trace.get_tracer("my.app").start_as_current_span("nightly"): pass
    show(captured, same=trace.get_tracer_provider() is whichstep.tracer_provider(), id=execution.execution_id)
""")
    assert got["same"]
    task, tool = got["ours"]
    assert (task["name"], tool["name"]) == ("t", "execute_tool lookup_order")
    assert tool["parent_span_id"] == task["span_id"], "hung on the nearest span that is sent"
    assert tool["execution_id"] == got["id"]


def test_instrument_replaces_no_provider_of_the_application(run):
    got = run("""
provider = set_provider()
whichstep.instrument()
with capture() as captured:
    with trace.get_tracer("autogen-core").start_as_current_span("execute_tool lookup_order"): pass
    show(captured, same=trace.get_tracer_provider() is provider)
""")
    assert got["same"]
    assert [span["name"] for span in got["ours"]] == [span["name"] for span in got["theirs"]]


def test_instrument_leaves_the_global_provider_alone_where_it_is_told_to(run):
    got = run("""
whichstep.instrument(set_global=False)
whichstep.instrument(tracer_provider=TracerProvider())
with capture() as captured:
    show(captured, untouched=type(trace.get_tracer_provider()).__name__)
""")
    assert got["untouched"] == "ProxyTracerProvider"


def test_what_a_framework_left_open_in_our_global_provider_ends_with_the_process(run):
    got = run("""
whichstep.instrument()
with capture() as captured:
    left = trace.get_tracer("autogen-core").start_span("invoke_agent a")
    whichstep.shutdown()
    show(captured)
""")
    assert [span["attributes"]["whichstep.control_flow"] for span in got["ours"]] == ["cancelled"]


def test_what_the_application_does_not_sample_is_not_sent(run):
    got = run("""
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
with capture() as captured:
    with whichstep.task("t") as execution:
        with whichstep.llm("m") as call: call.output("x")
    show(captured, execution_id=execution.execution_id)
""")
    assert got["ours"] == got["starts"] == []
    assert len(got["execution_id"]) == 32


def test_a_remote_parent_stays_the_parent(run):
    got = run("""
from opentelemetry.trace import SpanContext, NonRecordingSpan, TraceFlags
set_provider()
remote = trace.set_span_in_context(NonRecordingSpan(SpanContext(1 << 100, 77, True, TraceFlags(1))))
with capture() as captured:
    with trace.get_tracer("web").start_as_current_span("GET /", context=remote):
        with whichstep.task("t"): pass
    show(captured)
""")
    (task,) = got["ours"]
    assert task["parent_span_id"] == f"{77:016x}"
    assert task["execution_id"] != task["trace_id"]
