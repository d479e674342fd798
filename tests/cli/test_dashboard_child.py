"""The dashboard's supervision, with a small HTTP server in its place."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from whichstep_cli import child, dashboard
from whichstep_cli.dashboard import Dashboard, Place
from whichstep_cli.errors import UsageError
from whichstep_cli.ports import choose_port

SERVER = textwrap.dedent("""
    import http.server, sys
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")
        def log_message(self, *args): ...
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
""")


@pytest.fixture
def place(monkeypatch):
    found = Place("127.0.0.1", choose_port("127.0.0.1", 0, "--dashboard-port"))
    command = dashboard.serve.Command(
        argv=(sys.executable, "-c", SERVER, str(found.port)), environment=dict(os.environ)
    )
    monkeypatch.setattr(dashboard.serve, "command", lambda **_: command)
    return found


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_is_ready_when_it_answers_and_gone_when_stopped(place):
    watched = Dashboard(place, endpoint="http://127.0.0.1:1", token=None)
    watched.start()
    assert watched.wait_until_ready(10)
    pid = watched._child.pid
    watched.stop()
    assert gone(pid)


def test_a_child_that_is_killed_is_started_again(place, monkeypatch):
    monkeypatch.setattr(dashboard, "BACK_OFF_SECONDS", (0.05,))
    watched = Dashboard(place, endpoint="http://127.0.0.1:1", token=None)
    watched.start()
    assert watched.wait_until_ready(10)
    first = watched._child.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: watched._child.pid != first and dashboard.answers(place))
    watched.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", {child.__file__!r}, sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
""",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: gone(pid))


def test_a_port_in_use_is_named_with_its_option(place):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}.*--dashboard-port"):
            choose_port("127.0.0.1", port, "--dashboard-port")
