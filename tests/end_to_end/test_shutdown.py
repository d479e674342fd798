"""SIGTERM, or `stop`, under load: in flight is answered, new is refused retryably, acknowledged is in the store."""

import threading
import time

import grpc
import httpx
import pytest

from running import PROTOBUF, running, traces, wait_until
from whichstep_collector.journal import segment_numbers
from whichstep_store.store import Store


def stored_ids(folder):
    with Store.open(folder) as store:
        return store._database.read("select span_id from span_rows order by 1")["span_id"].to_pylist()


def test_what_was_acknowledged_under_load_is_in_the_store_when_stop_returns(tmp_path):
    acknowledged, seen, lock, gone = [], set(), threading.Lock(), threading.Event()

    def send(first, endpoint):
        with httpx.Client(base_url=endpoint, trust_env=False, timeout=30) as client:
            for number in range(first, first + 100_000):
                body = traces(number).SerializeToString()
                try:
                    status = client.post("/v1/traces", content=body, headers={"content-type": PROTOBUF}).status_code
                except httpx.HTTPError:
                    gone.set()
                    return
                with lock:
                    seen.add(status)
                    if status == 200:
                        acknowledged.append(number)

    with running(tmp_path) as started:
        arguments = [(first, started.http) for first in (1, 200_000, 400_000)]
        threads = [threading.Thread(target=send, args=pair) for pair in arguments]
        [thread.start() for thread in threads]
        wait_until(lambda: len(acknowledged) > 30)
        assert started.sidecar.stop()
        assert segment_numbers(tmp_path / "journal") == []
        [thread.join() for thread in threads]
        started.sidecar.stop = lambda: None
    assert gone.is_set()
    assert seen <= {200, 503}
    assert stored_ids(tmp_path) == sorted(acknowledged)


def test_while_draining_what_is_new_is_refused_retryably_on_both_doors(tmp_path):
    with running(tmp_path) as started:
        admission = started.sidecar._admission
        held = admission.enter(10)
        stopping = threading.Thread(target=started.sidecar.stop)
        stopping.start()
        wait_until(lambda: admission.stopping)
        body = traces(1).SerializeToString()
        response = httpx.post(
            started.http + "/v1/traces", content=body, headers={"content-type": PROTOBUF}, trust_env=False, timeout=30
        )
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        with grpc.insecure_channel(f"127.0.0.1:{started.grpc_port}") as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            with pytest.raises(grpc.RpcError) as refused:
                export(body, timeout=10)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "google.rpc.retryinfo-bin" in dict(refused.value.trailing_metadata())
            assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x02"
        assert httpx.get(started.http + "/readyz", trust_env=False, timeout=30).status_code == 503
        admission.leave(held)
        stopping.join()
        started.sidecar.stop = lambda: None


def test_a_stop_that_runs_out_of_time_still_loses_nothing(tmp_path, monkeypatch):
    with running(tmp_path, drain_seconds=0.2, load_interval_seconds=30) as started:
        body = traces(1, 2, 3).SerializeToString()
        httpx.post(
            started.http + "/v1/traces", content=body, headers={"content-type": PROTOBUF}, trust_env=False, timeout=30
        ).raise_for_status()
        load = started.store.writer.load
        monkeypatch.setattr(started.store.writer, "load", lambda *arguments: time.sleep(1.5) or load(*arguments))
        assert not started.sidecar.stop()
        started.sidecar.stop = lambda: None
    wait_until(lambda: not started.sidecar._loader._thread.is_alive())
    with running(tmp_path) as started:
        assert started.await_spans(3) == [1, 2, 3]
