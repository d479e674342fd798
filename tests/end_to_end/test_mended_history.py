"""`rebuild --renormalise`: history that a wrong dialect wrote becomes what the mended dialect would have written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar_process import environment, sidecar_process, whichstep
from whichstep_collector.dialects import openinference
from whichstep_collector.dialects.base import Kind

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "otlp"
STEPS = """
    select execution_id, step_id, parent_step_id, type, name, status, tool, arguments, result, started_at, input_tokens
    from steps order by all
"""
EXECUTIONS = "select execution_id, status, failing_step_name, failure_kind, step_count, input, output from executions order by all"


def rows(data_dir, query):
    return json.loads(whichstep("sql", query, "--data-dir", data_dir, "--format", "json").stdout)["rows"]


def answers(data_dir):
    return rows(data_dir, STEPS), rows(data_dir, EXECUTIONS)


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """What this build makes of the recordings."""
    folder = tmp_path_factory.mktemp("right")
    whichstep("import", RECORDINGS, "--data-dir", folder)
    return answers(folder)


@pytest.fixture(scope="module")
def written_wrong(tmp_path_factory):
    """A folder whose rows a doctored dialect wrote; a person has judged one of its executions."""
    folder = tmp_path_factory.mktemp("wrong")
    with pytest.MonkeyPatch.context() as doctored:
        doctored.setitem(openinference._KINDS, "TOOL", Kind("other"))
        whichstep("import", RECORDINGS, "--data-dir", folder)
    execution_id = rows(folder, "select execution_id from executions order by all limit 1")[0][0]
    whichstep("evaluate", execution_id, "--name", "helpful", "--score", "0.5", "--data-dir", folder)
    return folder


@pytest.fixture
def wrong(written_wrong, tmp_path):
    shutil.copytree(written_wrong, tmp_path / "data")
    return tmp_path / "data"


def ids(data_dir):
    return rows(data_dir, "select trace_id, span_id, execution_id, started_at from spans order by all")


def test_history_is_as_if_the_mended_dialect_had_written_it(wrong, right):
    before = answers(wrong)
    assert before != right
    before_ids = ids(wrong)
    told = json.loads(whichstep("rebuild", "--renormalise", "--data-dir", wrong, "--format", "json").stdout)
    assert told["kept"] == told["missing"] == 0
    assert told["spans"] > 0
    assert answers(wrong) == right
    assert ids(wrong) == before_ids
    assert rows(wrong, "select name, score from evaluations") == [["helpful", 0.5]]
    assert json.loads(whichstep("verify", "--data-dir", wrong, "--format", "json").stdout)["problems"] == []


def test_what_is_sent_again_afterwards_adds_nothing(wrong, right):
    whichstep("rebuild", "--renormalise", "--data-dir", wrong)
    spans = rows(wrong, "select count(*) from spans")
    whichstep("import", RECORDINGS, "--data-dir", wrong)
    assert rows(wrong, "select count(*) from spans") == spans
    assert answers(wrong) == right


def test_killed_in_the_middle_it_leaves_the_old_history(wrong, right):
    before = answers(wrong)
    command = [sys.executable, "-m", "whichstep_cli", "rebuild", "--renormalise", "--data-dir", str(wrong)]
    with subprocess.Popen(command, env=environment()) as process:
        deadline = time.monotonic() + 60
        while not (wrong / "renewal.partial" / "whichstep.duckdb").exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert whichstep("backup", wrong.parent / "copy", "--data-dir", wrong, check=False).returncode == 4
    assert answers(wrong) == before
    assert not (wrong / "renewal.partial").exists()
    whichstep("rebuild", "--renormalise", "--data-dir", wrong)
    assert answers(wrong) == right


def test_beside_an_owner_it_is_refused_and_the_owner_named(wrong):
    with sidecar_process(wrong) as running:
        done = whichstep("rebuild", "--renormalise", "--data-dir", wrong, check=False)
    assert done.returncode == 4
    assert running.http in done.stderr
