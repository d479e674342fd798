"""Over a real port: a sidecar that is there, away, slow, or refusing."""

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import whichstep
from whichstep import attributes as names
from whichstep.runtime import running, set_up
from whichstep.settings import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def deliver(tmp_path):
    """Record to an endpoint for the test, with the settings given."""
    runtime = running()
    previous = runtime.setup

    def use(endpoint, **settings):
        chosen = {"flush_interval_seconds": 30.0, "spool_dir": tmp_path / "spool", **settings}
        runtime.use(set_up(replace(load({"endpoint": endpoint}), **chosen)))
        runtime.provider()
        return runtime.delivery

    yield use
    runtime.delivery.close(timeout_seconds=0.1)
    runtime.use(previous)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _files(folder):
    return sorted(folder.rglob("*.otlp"))


def test_what_is_recorded_arrives_and_flush_says_how_much(deliver, sidecar):
    deliver(sidecar.endpoint, headers=(("authorization", "Bearer t"),))
    with whichstep.task("t"), whichstep.tool("a"):
        whichstep.evaluate(name="e", score=1)
    assert whichstep.flush(timeout=5) == 4  # start record, task, tool, evaluation
    assert whichstep.flush(timeout=5) == 0
    assert [span["name"] for span in sidecar.spans] == ["t", "execute_tool a", "t"]
    assert sidecar.events[0]["name"] == "e"
    path, headers, _ = sidecar.requests[0]
    assert (path, headers["content-type"], headers["authorization"]) == (
        "/v1/traces",
        "application/x-protobuf",
        "Bearer t",
    )


def test_service_release_and_environment_are_said_on_the_resource(deliver, sidecar):
    deliver(sidecar.endpoint, service="desk", release="1.2", environment="prod")
    with whichstep.tool("a"):
        pass
    whichstep.evaluate(name="e", execution_id="x", score=1)
    whichstep.flush(timeout=5)
    for record in (*sidecar.spans, *sidecar.events):
        got = record["resource"]
        assert (got["service.name"], got["service.version"], got["deployment.environment.name"]) == (
            "desk",
            "1.2",
            "prod",
        )


def test_bodies_can_be_compressed(deliver, sidecar):
    import gzip

    deliver(sidecar.endpoint, gzip=True)
    with whichstep.tool("a"):
        pass
    whichstep.flush(timeout=5)
    _, headers, body = sidecar.requests[0]
    assert headers["content-encoding"] == "gzip"
    assert b"execute_tool a" in gzip.decompress(body)


def test_while_the_sidecar_is_away_batches_wait_on_disk_and_arrive_later_in_order(
    deliver, start_sidecar, tmp_path, caplog
):
    port = _free_port()
    deliver(f"http://127.0.0.1:{port}")
    for number in range(3):
        with whichstep.tool(f"tool{number}"):
            pass
        assert whichstep.flush(timeout=5) == 0
    files = _files(tmp_path / "spool")
    assert len(files) == 3
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1, "said once"
    assert str(port) in said[0]
    assert "whichstep up" in said[0]
    sidecar = start_sidecar(port)
    with whichstep.tool("tool3"):
        pass
    assert whichstep.flush(timeout=5) == 4
    assert [span["step"] for span in sidecar.spans] == ["tool0", "tool1", "tool2", "tool3"]
    assert _files(tmp_path / "spool") == []


@pytest.mark.parametrize("status", [429, 503, 401])
def test_a_refusal_that_can_be_mended_makes_the_batch_wait(deliver, sidecar, tmp_path, status):
    delivery = deliver(sidecar.endpoint)
    sidecar.status = status
    with whichstep.tool("a"):
        pass
    assert whichstep.flush(timeout=5) == 0
    assert len(_files(tmp_path / "spool")) == 1
    sidecar.status = 200
    assert delivery.flush(timeout_seconds=5)
    with whichstep.tool("b"):
        pass
    assert whichstep.flush(timeout=5) == 2
    assert delivery.dropped_total == 0


def test_a_final_refusal_is_counted_and_said_once(deliver, sidecar, tmp_path, caplog):
    delivery = deliver(sidecar.endpoint)
    sidecar.status = 400
    for _ in range(2):
        with whichstep.tool("a"):
            pass
        whichstep.flush(timeout=5)
    assert delivery.dropped_total == 2
    assert _files(tmp_path / "spool") == []
    assert len([record for record in caplog.records if "400" in record.getMessage()]) == 1


def test_what_a_partial_success_rejects_is_counted(deliver, sidecar):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    sidecar.answer = answer.SerializeToString()
    delivery = deliver(sidecar.endpoint)
    for name in ("a", "b"):
        with whichstep.tool(name):
            pass
    assert whichstep.flush(timeout=5) == 1
    assert delivery.dropped_total == 1


def test_a_full_spool_drops_the_oldest_and_counts_them(deliver, tmp_path, caplog):
    delivery = deliver(f"http://127.0.0.1:{_free_port()}", spool_bytes_max=4000)
    for number in range(8):
        with whichstep.tool(f"tool{number}", arguments="x" * 500):
            pass
        whichstep.flush(timeout=5)
    files = _files(tmp_path / "spool")
    assert sum(file.stat().st_size for file in files) <= 4000
    assert delivery.dropped_total == 8 - len(files) > 0
    assert b"tool7" in files[-1].read_bytes()
    assert len([record for record in caplog.records if "spool is full" in record.getMessage()]) == 1


def test_a_spool_that_cannot_be_written_costs_spans_and_nothing_else(deliver, tmp_path):
    (tmp_path / "file").write_text("in the way")
    delivery = deliver(f"http://127.0.0.1:{_free_port()}", spool_dir=tmp_path / "file")
    with whichstep.tool("a"):
        pass
    whichstep.flush(timeout=5)
    assert delivery.dropped_total == 1


def test_a_sidecar_that_hangs_never_holds_the_host_up(deliver, sidecar, tmp_path):
    sidecar.hold.clear()
    delivery = deliver(sidecar.endpoint, queue_records_max=50, timeout_seconds=5.0)
    with whichstep.tool("first"):
        pass
    began = time.monotonic()
    assert not delivery.flush(timeout_seconds=0.2)
    for _ in range(100):
        with whichstep.tool("more"):
            pass
    assert time.monotonic() - began < 2
    assert delivery.dropped_total == 50
    assert not delivery.close(timeout_seconds=0.2)
    kept = b"".join(file.read_bytes() for file in _files(tmp_path / "spool"))
    assert b"first" in kept, "what is in flight is kept as well: twice is harmless, lost is not"
    assert kept.count(b"execute_tool more") == 50


def test_long_texts_are_bounded_in_memory_too(deliver, sidecar):
    sidecar.hold.clear()
    delivery = deliver(sidecar.endpoint, queue_characters_max=100_000)
    for _ in range(20):
        with whichstep.tool("t", arguments="x" * 20_000):
            pass
    assert delivery.dropped_total == 15


def test_a_large_batch_is_sent_in_several_bodies(deliver, sidecar):
    deliver(sidecar.endpoint)
    for _ in range(30):
        with whichstep.tool("t", arguments="x" * 200_000):
            pass
    assert whichstep.flush(timeout=10) == 30
    assert len(sidecar.requests) > 1
    assert all(len(body) <= 4 * 1024 * 1024 for _, _, body in sidecar.requests)


def test_a_span_that_cannot_be_encoded_costs_itself_only(deliver, sidecar):
    delivery = deliver(sidecar.endpoint)
    tracer = whichstep.tracer_provider().get_tracer("openinference.odd")
    with whichstep.tool("good"):
        tracer.start_span("bad \ud800 name").end()
    assert whichstep.flush(timeout=5) == 1
    assert delivery.dropped_total == 1
    assert [span["step"] for span in sidecar.spans] == ["good"]


def test_many_threads_lose_nothing(deliver, sidecar):
    deliver(sidecar.endpoint, flush_interval_seconds=0.05)

    def work():
        for _ in range(200):
            with whichstep.tool("t"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whichstep.flush(timeout=10)
    assert len({span["span_id"] for span in sidecar.spans}) == 800


def _run(program, endpoint, tmp_path, **environ):
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "WHICHSTEP_"))},
        "PYTHONPATH": str(ROOT / "sdk"),
        "WHICHSTEP_ENDPOINT": endpoint,
        "WHICHSTEP_SPOOL_DIR": str(tmp_path / "spool"),
        **environ,
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_short_program_loses_nothing_at_its_end(sidecar, tmp_path):
    done = _run(
        "import whichstep, threading\n"
        "whichstep.task('t').__enter__()\n"
        "generator = whichstep.step(lambda: (yield 1))\n"
        "with whichstep.tool('a'): pass\n",
        sidecar.endpoint,
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [span["step"] for span in sidecar.spans] == ["t", "a", "t"]
    assert sidecar.spans[-1]["attributes"][names.CONTROL_FLOW] == "cancelled"


def test_without_a_sidecar_a_program_runs_as_ever_and_the_next_one_delivers(start_sidecar, tmp_path):
    port = _free_port()
    program = "import whichstep\nwith whichstep.tool('a'): pass\nprint('done')"
    began = time.monotonic()
    first = _run(program, f"http://127.0.0.1:{port}", tmp_path)
    assert time.monotonic() - began < 10
    assert (first.returncode, first.stdout) == (0, "done\n")
    assert first.stderr.count("\n") == 1, first.stderr
    assert "whichstep cannot reach the sidecar" in first.stderr
    sidecar = start_sidecar(port)
    second = _run(program, f"http://127.0.0.1:{port}", tmp_path)
    assert second.stderr == ""
    assert len(sidecar.spans) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_delivers_its_own_spans_only(sidecar, tmp_path):
    done = _run(
        "import os, whichstep\n"
        "with whichstep.tool('before'): pass\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    with whichstep.tool('child'): pass\n"
        "    whichstep.flush(5)\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "with whichstep.tool('after'): pass\n",
        sidecar.endpoint,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(span["step"] for span in sidecar.spans) == ["after", "before", "child"]


def test_bad_settings_are_said_and_do_not_stop_the_host(sidecar, tmp_path):
    done = _run(
        "import whichstep\n"
        "whichstep.configure(endpoint='nonsense', redact='/none/such')\n"
        "whichstep.configure(endpoint='nonsense', redact='/none/such')\n"
        "with whichstep.tool('a', arguments={'k': 'content'}): pass\n",
        sidecar.endpoint,
        tmp_path,
    )
    assert done.returncode == 0
    assert "argument endpoint" in done.stderr
    assert "no content is captured" in done.stderr
    (span,) = sidecar.spans
    assert names.TOOL_ARGUMENTS not in span["attributes"]


def test_after_shutdown_steps_still_run(sidecar, tmp_path):
    done = _run(
        "import whichstep\n"
        "with whichstep.tool('a'): pass\n"
        "whichstep.shutdown(); whichstep.shutdown()\n"
        "with whichstep.tool('b'): pass\n"
        "print('alive')\n",
        sidecar.endpoint,
        tmp_path,
    )
    assert done.stdout == "alive\n"
    assert [span["step"] for span in sidecar.spans] == ["a"]
    assert "shut down" in done.stderr
