"""The server of both processes: it sleeps, and it ends when it is asked to."""

import sys
import threading
import time

import httpx
import pytest
import uvicorn

from running import wakes
from whichstep_collector.http_server import HttpServer
from whichstep_collector.quiet_server import QuietServer


async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def running():
    server = HttpServer(answer)
    yield server, server.start("127.0.0.1", 0)
    server.stop(grace_seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how often a thread woke")
def test_nothing_wakes_a_server_that_nobody_asks(running):
    server, port = running
    assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text == "ok"
    time.sleep(0.5)  # the connection is closed meanwhile
    before = wakes(server._thread)
    time.sleep(1)
    assert wakes(server._thread) - before <= 1


def test_it_ends_as_soon_as_it_is_asked(running):
    server, _ = running
    began = time.monotonic()
    server.stop(grace_seconds=1)
    assert not server._thread.is_alive()
    assert time.monotonic() - began < 1


def test_one_that_was_asked_before_it_served_ends_too():
    server = QuietServer(uvicorn.Config(answer, port=0, lifespan="off", log_config=None))
    server.ask_to_end()
    thread = threading.Thread(target=server.run)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    server.ask_to_end()  # to ask again does no harm
