"""Recorded requests in, plain files out, through a real sidecar."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sidecar_process import sidecar_process, whichstep

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "otlp"
EXPECTED = {folder.name: json.loads((folder / "expected.json").read_text()) for folder in sorted(RECORDINGS.iterdir())}


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        counts = running.json("import", RECORDINGS)
        assert counts["problems"] == []
        assert counts["skipped"] == len(EXPECTED)
        running.wait_for_executions(len(EXPECTED))
        yield running


def document_of(sidecar, name):
    """The execution that a recording became, found by what was asked and through which instrumentation."""
    trace_ids = {
        span.trace_id.hex() for span in spans_of(RECORDINGS / name) if not span.name.startswith("create_agent")
    }
    found = [
        item
        for item in sidecar.get("/api/v1/executions", limit=1000)["executions"]
        if trace_ids & set(item["trace_ids"])
    ]
    assert len(found) == 1, f"{name} is {len(found)} executions"
    return sidecar.get(f"/api/v1/executions/{found[0]['execution_id']}")


def spans_of(folder):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for file in sorted(folder.glob("*.traces.pb")):
        for group in ExportTraceServiceRequest.FromString(file.read_bytes()).resource_spans:
            for scope in group.scope_spans:
                yield from scope.spans


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_run_is_one_execution_with_the_steps_that_truly_happened(sidecar, name):
    document, expected = document_of(sidecar, name), EXPECTED[name]
    shown = [
        {"type": step["type"], "name": step["name"], "status": step["status"]}
        for step in document["steps"]
        if step["type"] in ("llm_call", "tool_call", "retrieval")
    ]
    assert shown == expected["steps"]
    assert document["status"] == expected["status"]
    assert document["input_tokens"] == expected["input_tokens"]
    assert document["output_tokens"] == expected["output_tokens"]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_failing_step_of_a_recorded_run_is_the_one_that_failed(sidecar, name):
    document, expected = document_of(sidecar, name), EXPECTED[name]
    failing = document["failing_step"]
    assert (failing["name"] if failing else None) == expected["failing_step"]
    if expected["failure_kind"]:
        assert document["failure_kind"] == expected["failure_kind"]


def test_importing_again_adds_nothing(sidecar):
    before = sidecar.json("sql", "select count(*) from spans")["rows"]
    sidecar.run("import", RECORDINGS)
    sidecar.wait_for(lambda: not backlog(sidecar))
    assert sidecar.json("sql", "select count(*) from spans")["rows"] == before


def backlog(sidecar):
    import httpx

    text = httpx.get(f"{sidecar.http}/metrics", trust_env=False).text
    line = next(line for line in text.splitlines() if line.startswith("whichstep_journal_backlog_bytes "))
    return float(line.split()[1])


def test_export_writes_every_execution_and_step_in_both_formats(sidecar, tmp_path):
    sidecar.run("export", "--out", tmp_path / "all", "--format", "parquet,jsonl")
    steps = pq.read_table(tmp_path / "all" / "steps.parquet")
    executions = pq.read_table(tmp_path / "all" / "executions.parquet")
    assert executions.num_rows == len(EXPECTED)
    assert steps.num_rows == sidecar.json("sql", "select count(*) from steps")["rows"][0][0]
    lines = (tmp_path / "all" / "executions.jsonl").read_text().splitlines()
    assert [json.loads(line)["execution_id"] for line in lines] == executions.column("execution_id").to_pylist()


def test_export_has_the_whole_text_of_every_step_of_which_the_steps_have_a_preview(sidecar, tmp_path):
    sidecar.run("export", "--out", tmp_path)
    steps = pq.read_table(tmp_path / "steps.parquet").to_pylist()
    texts = {
        (row["execution_id"], row["step_id"], row["field"]): row["text"]
        for row in pq.read_table(tmp_path / "step_content.parquet").to_pylist()
    }
    previews = {
        (step["execution_id"], step["step_id"], field): step[field]
        for step in steps
        for field in ("input", "output", "arguments", "result", "query", "sources")
        if step[field] is not None
    }
    assert previews.keys() <= texts.keys()
    assert all(texts[key].startswith(preview[:1000]) for key, preview in previews.items())
    assert any(len(text.encode()) > 1024 for text in texts.values())


def test_an_export_larger_than_one_answer_is_whole(tmp_path):
    """A page whose steps are more than the sidecar answers at once is asked for in parts, never cut."""
    with sidecar_process(tmp_path / "data", settings={"WHICHSTEP_QUERY_ROWS_MAX": "70"}) as small:
        small.run("import", RECORDINGS)
        small.wait_for_executions(len(EXPECTED))
        small.run("export", "--out", tmp_path / "out")
        stored = small.json("sql", "select count(*) from steps")["rows"][0][0]
    assert stored > 70
    assert pq.read_table(tmp_path / "out" / "steps.parquet").num_rows == stored


def test_export_follows_the_filters(sidecar, tmp_path):
    sidecar.run("export", "--out", tmp_path, "--status", "error")
    errors = sum(expected["status"] == "error" for expected in EXPECTED.values())
    assert pq.read_table(tmp_path / "executions.parquet").num_rows == errors


def test_an_export_of_nothing_has_its_columns(sidecar, tmp_path):
    sidecar.run("export", "--out", tmp_path, "--release", "none such")
    table = pq.read_table(tmp_path / "executions.parquet")
    assert table.num_rows == 0
    assert "failing_step_name" in table.column_names


def test_a_folder_without_an_owner_is_imported_into_and_read_directly(tmp_path):
    folder = tmp_path / "data"
    whichstep("import", RECORDINGS / "langgraph__openinference__refund", "--data-dir", folder)
    found = json.loads(whichstep("executions", "list", "--data-dir", folder, "--format", "json").stdout)
    assert found["total"] == 1
    assert found["executions"][0]["status"] == "ok"


def test_a_damaged_file_is_named_and_the_others_are_imported(sidecar, tmp_path):
    (tmp_path / "broken.pb").write_bytes(b"\xff\xff not otlp")
    good = next((RECORDINGS / "autogen__native__refund").glob("*.pb"))
    done = sidecar.run("import", tmp_path / "broken.pb", good, check=False)
    assert done.returncode == 1
    assert "broken.pb" in done.stderr
    assert "in 1 requests of 2 files" in done.stdout


def test_an_execution_is_explained_in_every_form(sidecar):
    found = sidecar.json("executions", "list", "--failure-kind", "tool_error")["executions"][0]
    for form, mark in (("text", "issue_refund"), ("md", "#"), ("html", "<html"), ("json", '"failing_step"')):
        shown = sidecar.run("executions", "show", found["execution_id"], "--format", form).stdout
        assert mark in shown, form
        assert "GatewayDownError" in shown, form


def test_lists_for_people_say_n_of_n_and_page_by_cursor(sidecar):
    first = sidecar.run("executions", "list", "--limit", "3")
    assert f"3 of {len(EXPECTED)} executions" in first.stderr
    cursor = first.stderr.split("--cursor ")[1].strip()
    second = sidecar.run("executions", "list", "--limit", "3", "--cursor", cursor)
    ids = [line.split()[2] for page in (first, second) for line in page.stdout.splitlines()[1:]]
    assert len(ids) == len(set(ids)) == 6


def test_metrics_failures_and_doctor_speak_to_people(sidecar):
    assert "task_success_rate" in sidecar.run("metrics").stdout
    assert "1.0.0" in sidecar.run("metrics", "--by", "release").stdout
    failed = sum(expected["status"] == "error" for expected in EXPECTED.values())
    assert f"{failed} of {len(EXPECTED)} executions failed" in sidecar.run("failures").stdout
    assert "✓ journal" in sidecar.run("doctor").stdout


def test_an_evaluation_from_the_command_line_is_shown_with_the_execution(sidecar):
    execution_id = sidecar.json("executions", "list", "--limit", "1")["executions"][0]["execution_id"]
    sidecar.run("evaluate", execution_id, "--name", "helpful", "--score", "0.75", "--explanation", "to the point")

    def noted():
        return sidecar.get(f"/api/v1/executions/{execution_id}")["evaluations"]

    evaluation = sidecar.wait_for(noted)[0]
    assert (evaluation["name"], evaluation["score"], evaluation["explanation"]) == ("helpful", 0.75, "to the point")


def test_sql_that_is_no_select_is_refused_as_wrong_usage(sidecar):
    done = sidecar.run("sql", "drop table execution_rows", check=False)
    assert done.returncode == 2
    assert done.stdout == ""
