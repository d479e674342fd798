"""Backup, verify and rebuild of a data folder: the same answers from the copy as from the original."""

import json
from pathlib import Path

import pytest

from sidecar_process import sidecar_process, whichstep

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "otlp"
QUESTION = "select execution_id, status, failing_step_name, step_count from executions order by execution_id"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with recorded runs, and a copy made while its owner was at work."""
    found = tmp_path_factory.mktemp("folders")
    with sidecar_process(found / "data") as running:
        running.run("import", RECORDINGS)
        running.wait_for_executions(len(list(RECORDINGS.iterdir())))
        whichstep("backup", found / "copy", "--data-dir", found / "data")
    return found


def rows(data_dir):
    return json.loads(whichstep("sql", QUESTION, "--data-dir", data_dir, "--format", "json").stdout)["rows"]


def test_a_copy_answers_as_the_original_does(folder):
    assert rows(folder / "copy") == rows(folder / "data") != []


def test_a_backup_does_not_overwrite(folder):
    assert whichstep("backup", folder / "copy", "--data-dir", folder / "data", check=False).returncode == 2


def test_a_rebuilt_database_gives_the_same_answers(folder):
    before = rows(folder / "data")
    whichstep("rebuild", "--data-dir", folder / "data")
    assert rows(folder / "data") == before
    assert not list((folder / "data").glob("*.before-rebuild"))


def test_a_folder_in_order_verifies(folder):
    found = json.loads(whichstep("verify", "--data-dir", folder / "data", "--format", "json").stdout)
    assert found["problems"] == []


def test_a_rebuild_beside_its_owner_is_refused(folder):
    with sidecar_process(folder / "data") as running:
        done = whichstep("rebuild", "--data-dir", folder / "data", check=False)
        assert done.returncode == 4
        assert running.http in done.stderr
