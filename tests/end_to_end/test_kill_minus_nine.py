"""kill -9 at random moments while real clients send: every acknowledged span is there once, whatever is deleted."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from running import PROTOBUF, running, traces, wait_until
from whichstep_collector.journal import read_batches

SPANS_A_REQUEST = 16


class Sidecar:
    """A sidecar process over one folder that can be killed and started again."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def start(self) -> str:
        command = [sys.executable, str(Path(__file__).parents[1] / "running.py"), str(self.data_dir)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.http = self.process.stdout.readline().strip()
        assert self.http
        return self.http

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Sender:
    """A client that sends ever new spans and notes those that were acknowledged; like exporters, it repeats."""

    def __init__(self, number: int) -> None:
        self.acknowledged: set[int] = set()
        self.endpoint = ""
        self._next = number * 10_000_000 + 1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._stop.is_set():
                ids = range(self._next, self._next + SPANS_A_REQUEST)
                body = traces(*ids, trace=ids[0], note="x" * 200).SerializeToString()
                try:
                    response = client.post(
                        self.endpoint + "/v1/traces", content=body, headers={"content-type": PROTOBUF}
                    )
                except (httpx.HTTPError, httpx.InvalidURL):
                    time.sleep(0.02)  # the same spans again, as an exporter would
                    continue
                assert response.status_code == 200
                self.acknowledged.update(ids)
                self._next += SPANS_A_REQUEST


@pytest.mark.parametrize("delete_database", [False, True], ids=["database kept", "database deleted"])
def test_every_acknowledged_span_is_there_once_after_kills_at_random_moments(tmp_path, delete_database):
    source = random.Random(7)
    sidecar = Sidecar(tmp_path)
    senders = [Sender(number) for number in (1, 2)]
    try:
        for _ in range(3):
            endpoint = sidecar.start()
            for sender in senders:
                sender.endpoint = endpoint
            before = sum(len(sender.acknowledged) for sender in senders)
            wait_until(lambda: sum(len(sender.acknowledged) for sender in senders) > before, 60)  # noqa: B023
            time.sleep(source.uniform(0.05, 0.6))
            sidecar.kill()
            if delete_database:
                for path in tmp_path.glob("whichstep.duckdb*"):
                    path.unlink()
    finally:
        for sender in senders:
            sender.stop()
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    assert len(acknowledged) > 10 * SPANS_A_REQUEST
    with running(tmp_path) as started:
        wait_until(lambda: started.count("whichstep_journal_backlog_bytes") == 0, 60)
        stored = started.span_ids()
    assert acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))


def test_the_journal_alone_holds_what_was_acknowledged_just_before_a_kill(tmp_path):
    sidecar = Sidecar(tmp_path)
    endpoint = sidecar.start()
    body = traces(*range(1, 100)).SerializeToString()
    response = httpx.post(
        endpoint + "/v1/traces", content=body, headers={"content-type": PROTOBUF}, trust_env=False, timeout=30
    )
    sidecar.kill()
    assert response.status_code == 200
    found = {number for batch in read_batches(tmp_path / "journal") for number in batch.spans["span_id"].to_pylist()}
    assert found == set(range(1, 100))
