"""The child process as the supervisor starts it: ready, locked down, quiet."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time

import fake_api
import psutil
import pytest

from whichstep_dashboards import serve
from whichstep_dashboards.settings import DashboardSettings


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with fake_api.serve(fake_api.small()) as endpoint:
        child = serve.command(port=port, endpoint=endpoint, token="s3cret")
        process = subprocess.Popen(
            child.argv, env=child.environment, cwd=tmp_path_factory.mktemp("elsewhere"), stdout=subprocess.DEVNULL
        )
        try:
            started = time.monotonic()
            _wait_until_healthy(port, process)
            yield process, port, time.monotonic() - started
        finally:
            process.terminate()
            process.wait(timeout=10)


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


def test_settings_lock_the_process_down():
    child = serve.command(host="127.0.0.1", port=8501, endpoint="http://127.0.0.1:4318")
    flags = dict(zip(child.argv[5::2], child.argv[6::2], strict=True))
    assert flags["--server.address"] == "127.0.0.1"
    assert flags["--server.enableXsrfProtection"] == "true"
    assert flags["--server.enableStaticServing"] == "false"
    assert flags["--server.fileWatcherType"] == "none"
    assert flags["--client.showErrorDetails"] == "none"
    assert flags["--browser.gatherUsageStats"] == "false"


def test_foreign_settings_of_streamlit_are_not_inherited():
    base = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "WHICHSTEP_TOKEN": "old", "PATH": "/bin"}
    environment = serve.command(port=1, endpoint="http://x", base_environment=base).environment
    assert "STREAMLIT_SERVER_ADDRESS" not in environment
    assert environment["WHICHSTEP_TOKEN"] == ""
    assert environment["PATH"] == "/bin"


def test_another_address_than_loopback_answers_to_any_host_name():
    environment = serve.command(host="0.0.0.0", port=1, endpoint="http://x", base_environment={}).environment
    assert "STREAMLIT_SERVER_ALLOWED_HOSTS" not in environment


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
