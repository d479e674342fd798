"""The child process as the supervisor starts it: ready, locked down, quiet."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import fake_api
import psutil
import pytest
from streamlit import config
from websockets.sync.client import connect

from whichstep_dashboards import serve
from whichstep_dashboards.process import configure
from whichstep_dashboards.settings import DashboardSettings


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory):
    started = time.monotonic()
    with _running(tmp_path_factory.mktemp("elsewhere")) as (process, port):
        yield process, port, time.monotonic() - started


@contextmanager
def _running(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = folder / "stderr"
    with fake_api.serve(fake_api.small()) as endpoint, said.open("w") as stderr:
        child = serve.command(port=port, endpoint=endpoint, token="s3cret")
        process = subprocess.Popen(
            child.argv, env=child.environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=stderr
        )
        try:
            _wait_until_healthy(port, process)
            yield process, port
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert said.read_text() == ""  # it would be on the terminal of whoever started the sidecar


def _wait_until_healthy(port, process):
    for _ in range(400):
        assert process.poll() is None
        try:
            if _get(port, serve.HEALTH_PATH).status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the dashboard did not get ready")


def _get(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_the_dashboard_is_ready_and_serves_its_pages(dashboard):
    _, port, seconds = dashboard
    assert seconds < 15
    for path in ("/", "/executions", "/failing_steps"):
        assert _get(port, path).status == 200


def test_it_listens_on_loopback_only(dashboard):
    process, port, _ = dashboard
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    ]
    assert set(listening) == {"127.0.0.1"}


def test_the_token_is_in_the_environment_and_never_on_the_command_line(dashboard):
    process, _, _ = dashboard
    assert not any("s3cret" in part for part in psutil.Process(process.pid).cmdline())
    assert "s3cret" not in repr(serve.command(port=1, endpoint="http://x", token="s3cret"))


def test_folders_of_the_machine_are_not_served(dashboard):
    _, port, _ = dashboard
    body = _get(port, "/app/static/../app.py")
    assert body.status in {200, 400, 404}  # the page itself, or nothing; never the file
    assert "python" not in (body.getheader("Content-Type") or "")


@pytest.fixture
def configured():
    """Gives this process the dashboard's settings for an address, until the test ends."""
    yield configure
    config.get_config_options(force_reparse=True)


def test_settings_lock_the_process_down(configured):
    configured("127.0.0.1", 8501)
    locked = {
        "server.address": "127.0.0.1",
        "server.port": 8501,
        "server.allowedHosts": ["localhost", "127.0.0.1", "::1"],
        "server.enableXsrfProtection": True,
        "server.enableStaticServing": False,
        "server.fileWatcherType": "none",
        "client.showErrorDetails": "none",
        "browser.gatherUsageStats": False,
    }
    assert {name: config.get_option(name) for name in locked} == locked


def test_foreign_settings_of_streamlit_are_not_inherited():
    base = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "WHICHSTEP_TOKEN": "old", "PATH": "/bin"}
    environment = serve.command(port=1, endpoint="http://x", base_environment=base).environment
    assert "STREAMLIT_SERVER_ADDRESS" not in environment
    assert environment["WHICHSTEP_TOKEN"] == ""
    assert environment["PATH"] == "/bin"


def test_another_address_than_loopback_answers_to_any_host_name(configured):
    configured("0.0.0.0", 8501)
    assert config.get_option("server.allowedHosts") == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how often a thread woke")
def test_nothing_wakes_a_dashboard_that_nobody_looks_at(dashboard):
    process, port, _ = dashboard
    _get(port, serve.HEALTH_PATH)
    time.sleep(1)
    before = _wakes(process)
    time.sleep(2)
    assert _wakes(process) - before <= 2


def _wakes(process):
    """How often its threads woke by themselves so far."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    statuses = [(thread / "status").read_text() for thread in threads]
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[1]) for status in statuses)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_also_under_an_open_page(tmp_path, number):
    with _running(tmp_path) as (process, port), connect(f"ws://127.0.0.1:{port}/_stcore/stream", proxy=None):
        began = time.monotonic()
        process.send_signal(number)
        process.wait(timeout=10)
        assert time.monotonic() - began < 3  # the supervisor's patience


def test_the_supervisor_imports_nothing_heavy():
    heavy = "import sys; import whichstep_dashboards.serve; print({'streamlit', 'pandas', 'pyarrow', 'altair', 'httpx'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", heavy], capture_output=True, text=True, check=True, env=_environment()
    )
    assert found.stdout.strip() == "set()"


def _environment():
    return dict(serve.command(port=1, endpoint="http://x").environment)


def test_settings_come_from_the_environment_and_hide_the_token():
    settings = DashboardSettings.from_environment({"WHICHSTEP_ENDPOINT": "http://h:1/", "WHICHSTEP_TOKEN": "s3cret"})
    assert settings.endpoint == "http://h:1"
    assert settings.token == "s3cret"
    assert "s3cret" not in repr(settings)
    assert DashboardSettings.from_environment({}) == DashboardSettings()
