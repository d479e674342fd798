"""`whichstep demo` as a newcomer meets it: a process that says what it does, and ends when it is asked to."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest

from sidecar_process import environment, whichstep
from whichstep.policy import Policy
from whichstep_cli.demo.held import POLICY

START = "import sys; from whichstep_cli.__main__ import main; main(sys.argv[1:])"
WITHOUT_FRAMEWORKS = f"import sys; sys.modules['langgraph'] = None; {START}"


@contextmanager
def demo(data_dir, *arguments, program=START):
    """A demo in a process group of its own; on free ports, for ports in use have a test elsewhere."""
    command = [sys.executable, "-c", program, "demo", "--data-dir", str(data_dir), *arguments]
    command += ["--http-port", "0", "--grpc-port", "0", "--dashboard-port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), process_group=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process, words):
    """What it has said, up to the line with these words."""
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return "".join(said)
    raise AssertionError(f"it ended without saying {words!r}: {''.join(said)} {process.stderr.read()}")


def interrupt(process):
    """Ctrl-C on a terminal reaches the whole group; answers the exit code and what was said to it."""
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with demo(tmp_path_factory.mktemp("data"), "--weeks", "1", program=WITHOUT_FRAMEWORKS) as process:
        process.said = lines_until(process, "until Ctrl-C")
        yield process
        assert interrupt(process) == (0, "")


def test_without_the_frameworks_it_says_how_to_get_them_and_sends_the_history(running):
    assert "live agents: left out, langgraph is not installed; pip install 'whichstep[demo]'" in running.said
    assert re.search(r"history: \d+ executions of 1 weeks", running.said)


def test_the_sidecar_that_it_starts_has_the_sample_policy(running):
    (endpoint,) = re.findall(r"API +(\S+)", running.said)
    told = httpx.get(f"{endpoint}/api/v1/policy", trust_env=False).json()
    assert told["digest"] == Policy.load(POLICY).digest
    deadline = time.monotonic() + 30  # the jobs follow what was sent
    while not httpx.get(f"{endpoint}/api/v1/actions?purpose=demo", trust_env=False).json()["counts"]["actions"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_what_it_sends_is_said_to_be_sample_data(running):
    assert "sample data" in running.said
    assert "purpose demo" in running.said


def test_the_dashboard_it_points_to_is_there(running):
    (url,) = re.findall(r"Look at (\S+)/\?purpose=demo", running.said)
    assert httpx.get(f"{url}/_stcore/health", trust_env=False).status_code == 200


def test_a_second_one_uses_the_sidecar_of_the_first_and_says_so(running):
    (endpoint,) = re.findall(r"API +(\S+)", running.said)
    (url,) = re.findall(r"Look at (\S+)", running.said)
    by_endpoint = whichstep("demo", "--weeks", "0", "--no-agents", "--endpoint", endpoint)
    by_folder = whichstep("demo", "--weeks", "0", "--no-agents", "--data-dir", data_dir(running))
    for done in (by_endpoint, by_folder):
        assert f"Using the sidecar that runs at {endpoint}." in done.stdout
        assert f"Look at {url}" in done.stdout


def data_dir(process):
    return process.args[process.args.index("--data-dir") + 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_while_it_sends_it_says_how_to_go_on(tmp_path, number):
    with demo(tmp_path / "data", "--weeks", "52", "--no-agents") as process:
        lines_until(process, "Sending sample data")
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1, errors
    assert "the same command sends the rest" in errors
    assert "Traceback" not in errors
