"""`whichstep up` as its users run it: a process with doors, one owner, an orderly end."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import psutil
import pytest

from sidecar_process import sidecar_process, whichstep
from whichstep_store.owner import holder


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data"), dashboard=True) as running:
        yield running


def test_the_addresses_it_prints_are_those_that_answer(sidecar):
    assert sidecar.get("/healthz") == {"status": "ok"}
    host, port = sidecar.grpc.removeprefix("http://").split(":")
    socket.create_connection((host, int(port)), timeout=5).close()
    sidecar.wait_for(lambda: answers(f"{sidecar.dashboard}/_stcore/health"), 60)


def answers(url):
    try:
        return httpx.get(url, trust_env=False, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_second_owner_is_refused_and_told_who_the_first_is(sidecar):
    folder = data_dir(sidecar)
    done = whichstep("up", "--data-dir", folder, "--http-port", "0", "--grpc-port", "0", "--no-dashboard", check=False)
    assert done.returncode == 4
    assert str(sidecar.pid) in done.stderr
    assert sidecar.http in done.stderr
    assert "Traceback" not in done.stderr


def test_reading_a_folder_with_an_owner_asks_the_owner(sidecar):
    done = whichstep("doctor", "--data-dir", data_dir(sidecar), "--format", "json")
    assert any(check["id"] == "journal" for check in json.loads(done.stdout)["checks"])


def test_a_port_in_use_is_named(sidecar, tmp_path):
    port = sidecar.http.rpartition(":")[2]
    done = whichstep(
        "up", "--data-dir", tmp_path, "--http-port", port, "--grpc-port", "0", "--no-dashboard", check=False
    )
    assert done.returncode == 2
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_a_public_address_without_a_token_is_refused(tmp_path):
    done = whichstep("up", "--data-dir", tmp_path, "--host", "0.0.0.0", "--no-dashboard", check=False)
    assert done.returncode == 2
    assert "WHICHSTEP_TOKEN" in done.stderr


def test_the_dashboard_ends_with_a_sidecar_that_is_killed(tmp_path):
    with sidecar_process(tmp_path / "data", dashboard=True, exit_code=-signal.SIGKILL) as running:
        running.wait_for(lambda: answers(f"{running.dashboard}/_stcore/health"), 60)
        os.kill(running.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while answers(f"{running.dashboard}/_stcore/health"):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_what_serves_has_none_of_the_libraries_of_the_command_line(sidecar):
    """typer and what it needs would stay in memory; native libraries show in the list of what is mapped."""
    mapped = {Path(part.path).name for part in psutil.Process(sidecar.pid).memory_maps()}
    assert any(name.startswith("_duckdb") for name in mapped)
    assert not any(name.startswith("_pydantic_core") for name in mapped)


def test_ctrl_c_ends_it_at_once_though_it_sleeps(tmp_path):
    with sidecar_process(tmp_path / "data", dashboard=True) as running:
        running.wait_for(lambda: answers(f"{running.dashboard}/_stcore/health"), 60)
        time.sleep(1)
        began = time.monotonic()
        os.kill(running.pid, signal.SIGINT)
        running.process.wait(20)
        assert time.monotonic() - began < 4  # it drains, seals and ends the dashboard meanwhile


def data_dir(sidecar):
    return sidecar.process.args[sidecar.process.args.index("--data-dir") + 1]


def test_the_folder_names_its_owner(sidecar):
    assert holder(Path(data_dir(sidecar))) == (sidecar.pid, sidecar.http)
