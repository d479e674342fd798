"""A panic inside a native library, which is no Exception, ends neither a thread nor an answer."""

import threading

import httpx
import pytest
from polars.exceptions import PanicException

from running import running
from whichstep_collector.counters import Counters
from whichstep_collector.job_thread import JobThread
from whichstep_collector.panics import PanicError, contained


def panic(*_arguments, **_options):
    raise PanicException("index out of bounds")


def test_a_panic_is_an_error_like_others_and_an_error_stays_itself():
    with pytest.raises(PanicError, match="PanicException: index out of bounds"):
        contained(panic)
    with pytest.raises(ZeroDivisionError):
        contained(lambda: 1 // 0)
    assert contained(lambda: 7) == 7


def test_a_round_of_the_jobs_that_panics_is_counted_and_repeated():
    again, rounds, counters = threading.Event(), iter((panic,)), Counters()

    def tick():
        next(rounds, again.set)()
        return 60.0

    thread = JobThread(tick, counters=counters)
    thread.start()
    assert again.wait(timeout=20)
    thread.stop(timeout_seconds=20)
    assert counters.value("whichstep_job_failures_total") == 1


def test_a_question_that_panics_is_answered_and_counted(tmp_path, monkeypatch):
    with running(tmp_path) as started, httpx.Client(base_url=started.http, trust_env=False, timeout=20) as client:
        monkeypatch.setattr(started.store.reader, "query", panic)
        response = client.post("/api/v1/query", json={"name": "freshness"})
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"
        monkeypatch.undo()
        assert 'whichstep_api_requests_total{route="/api/v1/query",status="500"} 1' in client.get("/metrics").text
