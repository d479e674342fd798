"""Exported files: whole or absent, the same rows in both formats."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whichstep_cli.table_files import FORMATS, TableFile

TABLE = pa.table(
    {
        "execution_id": ["a", "b"],
        "started_at": pa.array([1, 1_700_000_000_123_456_789], pa.timestamp("ns")),
        "tags": [["x"], []],
        "cost_usd": [0.5, None],
    }
)


def test_pages_are_appended_in_both_formats(tmp_path):
    for form in FORMATS:
        with TableFile(tmp_path, "executions", form) as file:
            file.append(TABLE)
            file.append(TABLE)
    assert pq.read_table(tmp_path / "executions.parquet").num_rows == 4
    rows = [json.loads(line) for line in (tmp_path / "executions.jsonl").read_text().splitlines()]
    assert len(rows) == 4
    assert rows[1] == {
        "execution_id": "b",
        "started_at": "2023-11-14T22:13:20.123456789Z",
        "tags": [],
        "cost_usd": None,
    }


def test_a_failure_leaves_the_file_of_before_and_nothing_else(tmp_path):
    (tmp_path / "steps.jsonl").write_text("before\n")

    def fail_midway():
        with TableFile(tmp_path, "steps", "jsonl") as file:
            file.append(TABLE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_midway()
    assert [path.name for path in tmp_path.iterdir()] == ["steps.jsonl"]
    assert (tmp_path / "steps.jsonl").read_text() == "before\n"
