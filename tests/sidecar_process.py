"""`whichstep up` as a process of its own, on free ports, for tests that go through real doors."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

import httpx
import polars as pl
import pyarrow as pa

from whichstep_cli.__main__ import main


class SidecarProcess:
    """A running sidecar: its addresses, and the commands that ask it."""

    def __init__(self, process, ready):
        self.process = process
        self.http, self.grpc, self.dashboard = ready["http"], ready["grpc"], ready["dashboard"]
        self.pid = ready["pid"]

    def get(self, path, **parameters):
        response = httpx.get(f"{self.http}{path}", params=parameters, trust_env=False)
        response.raise_for_status()
        return response.json()

    def sql(self, query):
        """The rows of one SELECT over the public views, as a Polars frame."""
        response = httpx.post(
            f"{self.http}/api/v1/query",
            json={"sql": query},
            headers={"accept": "application/vnd.apache.arrow.stream"},
            trust_env=False,
        )
        assert response.status_code == 200, response.text
        return pl.from_arrow(pa.ipc.open_stream(response.content).read_all())

    def run(self, *arguments, check=True):
        return whichstep(*arguments, "--endpoint", self.http, check=check)

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--format", "json").stdout)

    def wait_for(self, condition, seconds=20):
        """The first true value of `condition()`."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.1)
        return found

    def wait_for_executions(self, count, **filters):
        """The list, once it has that many executions and every one has ended."""

        def listed():
            page = self.get("/api/v1/executions", limit=1000, purpose="all", **filters)
            ended = [item for item in page["executions"] if item["status"] not in ("running", "waiting")]
            return page if page["total"] >= count == len(ended) else None

        return self.wait_for(listed)


@contextmanager
def sidecar_process(data_dir, *arguments, dashboard=False, exit_code=0, settings=None):
    """A sidecar over `data_dir` for the block; it is drained at the end and must end with that exit code.

    `settings` are environment variables.
    """
    command = [sys.executable, "-m", "whichstep_cli", "up", "--data-dir", str(data_dir), "--format", "json"]
    command += ["--http-port", "0", "--grpc-port", "0", "--dashboard-port", "0"]
    command += [] if dashboard else ["--no-dashboard"]
    variables = environment() | (settings or {})
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=variables) as process:
        try:
            line = process.stdout.readline()
            assert line, f"whichstep up ended with {process.wait()}"
            yield SidecarProcess(process, json.loads(line))
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
    assert code == exit_code


class Done(NamedTuple):
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def whichstep(*arguments, check=True):
    """One command to its end, in this process: a process each costs a second of imports (test_command_line has those).

    `up` becomes another program, so it has its own.
    """
    words = [str(argument) for argument in arguments]
    done = _in_its_own_process(words) if words[0] == "up" else _in_this_process(words)
    assert not (check and done.returncode), f"whichstep {words} ended with {done.returncode}: {done.stderr}"
    return done


def _in_its_own_process(words):
    command = [sys.executable, "-m", "whichstep_cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def _in_this_process(words):
    code, out, err = 0, io.StringIO(), io.StringIO()
    with patch.dict(os.environ, environment(), clear=True), redirect_stdout(out), redirect_stderr(err):
        try:
            main(words)
        except SystemExit as left:
            code = left.code or 0
    return Done(code, out.getvalue(), err.getvalue())


def environment():
    """Ours, without what a developer may have set for whichstep or OpenTelemetry."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("WHICHSTEP_", "OTEL_", "OPENAI_"))
    }
