"""Other tools' exports through a real sidecar: the executions that they recorded, once, whatever happens on the way."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from sidecar_process import sidecar_process, whichstep
from whichstep_cli.imports import command

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
CHAT = {
    "id": "run-17",
    "agent": "support",
    "messages": [
        {"role": "user", "content": "Where is B-2?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "function": {"name": "lookup", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "on its way"},
        {"role": "assistant", "content": "On its way."},
    ],
}
COUNTS = "select (select count(*) from spans), (select count(*) from evaluations), (select count(*) from executions)"


def rows(data_dir, query):
    return json.loads(whichstep("sql", query, "--data-dir", data_dir, "--format", "json").stdout)["rows"]


def imported(*arguments, check=True):
    return json.loads(whichstep("import", *arguments, "--format", "json", check=check).stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("imports") / "data"
    told = imported(FIXTURES, "--data-dir", found)
    assert told["problems"] == []
    assert told["skipped_by_reason"] == {}
    assert told["formats"] == {"langfuse": 11, "langsmith": 9, "inspect": 2, "phoenix": 19}
    return found


def test_each_recorded_run_is_one_execution_with_its_outcome(folder):
    found = rows(
        folder,
        "select agent, workflow, status, failing_step_name, failure_kind, input_tokens, output_tokens, purpose, session_id,"
        " user_id, release from executions order by started_at",
    )
    assert found == [
        ["support", "refund_request", "error", "issue_refund", "tool_error", 100, 12, "production", "conv-7", "u1", "1.4.0"],
        ["support_agent", None, "ok", "HelpCenter", "empty_retrieval", 256, 22, "production", None, None, None],
        ["support", "refunds", "ok", None, None, 430, 42, "dataset", None, None, None],
        ["support", "refunds", "ok", None, None, 230, 19, "dataset", None, None, None],
        [None, "support", "error", "issue_refund", "tool_error", 250, 22, "production", "conv-7", "u1", "1.4.0"],
    ]  # fmt: skip


def test_what_was_said_of_the_runs_is_said_of_the_executions(folder):
    found = rows(
        folder, "select name, score, label, source, trusted, execution_id is not null from evaluations order by all"
    )
    assert found == [
        ["helpful", 0.0, "no", "HUMAN", False, True],
        ["helpful", 0.5, None, "HUMAN", False, True],
        ["includes", 0.0, "I", "CODE", False, True],
        ["includes", 1.0, "C", "CODE", False, True],
        ["tone", 1.0, "kind", "LLM", False, True],
    ]


def test_importing_everything_again_adds_nothing(folder):
    before = rows(folder, COUNTS)
    imported(FIXTURES, "--data-dir", folder)
    assert rows(folder, COUNTS) == before


def test_an_import_that_was_cut_short_is_finished_by_the_next(tmp_path):
    whole = (FIXTURES / "langsmith_runs.jsonl").read_bytes()
    (tmp_path / "part.jsonl").write_bytes(whole[: len(whole) // 2])
    told = imported(tmp_path / "part.jsonl", "--data-dir", tmp_path / "data", check=False)
    assert told["skipped_by_reason"] == {"a line is not JSON": 1}
    assert told["problems"][0]["problem"].startswith("a line is not JSON (line ")
    imported(FIXTURES / "langsmith_runs.jsonl", "--data-dir", tmp_path / "data")
    assert rows(tmp_path / "data", "select count(*), count(distinct span_id) from spans") == [[9, 9]]


def langfuse_files(folder):
    """Two traces, one with one root and one with two, in the nested form and in three files."""
    folder.mkdir()
    at = "2026-11-20T10:00:0{}.000Z".format
    about = {"userId": "u1", "sessionId": "s1", "tags": ["vip"], "release": "1.4.0", "metadata": {"plan": "gold"}}
    traces = [
        {"id": f"t{number}", "timestamp": at(number), "name": f"refund-{number}", "input": "Refund A-1", "output": "Done.", **about}
        for number in (1, 2)
    ]  # fmt: skip
    kinds = [
        ("t1", "a", "SPAN", None),
        ("t1", "b", "GENERATION", "a"),
        ("t2", "c", "SPAN", None),
        ("t2", "d", "TOOL", None),
    ]
    observations = [
        {"id": own, "traceId": trace, "type": kind, "name": own, "parentObservationId": parent,
         "startTime": at(number + 3), "endTime": at(number + 4), "metadata": {"own": own}}
        for number, (trace, own, kind, parent) in enumerate(kinds)
    ]  # fmt: skip
    scores = [
        {"id": f"score-{trace['id']}", "traceId": trace["id"], "name": "tone", "value": 0.5, "dataType": "NUMERIC", "timestamp": at(9)}
        for trace in traces
    ]  # fmt: skip
    for name, found in (("traces", traces), ("observations", observations), ("scores", scores)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in found))
    nested = [
        {
            **trace,
            "observations": [item for item in observations if item["traceId"] == trace["id"]],
            "scores": [item for item in scores if item["traceId"] == trace["id"]],
        }
        for trace in traces
    ]
    (folder / "nested.json").write_text(json.dumps({"data": nested}))
    return folder


def test_a_langfuse_export_in_three_files_is_the_same_runs_as_in_one(tmp_path):
    files = langfuse_files(tmp_path / "files")
    imported(files / "nested.json", "--data-dir", tmp_path / "nested")
    apart = [files / f"{name}.jsonl" for name in ("traces", "scores", "observations")]
    imported(*apart, "--data-dir", tmp_path / "apart")
    for file in reversed(apart):
        imported(file, "--data-dir", tmp_path / "singly")
    facts = (
        "workflow, session_id, user_id, release, tags, metadata, status, latency_ms, input, output, started_at, service"
    )
    queries = (
        f"select execution_id, {facts} from executions order by 1",
        "select execution_id, position, type, name, parent_step_id, latency_ms from steps order by 1, 2",
        "select execution_id, name, score from evaluations order by 1",
    )
    wanted = [rows(tmp_path / "nested", query) for query in queries]
    assert [row[1:11] for row in wanted[0]] == [
        ["refund-1", "s1", "u1", "1.4.0", ["vip"], '{"plan":"gold"}', "ok", 1000, "Refund A-1", "Done."],
        ["refund-2", "s1", "u1", "1.4.0", ["vip"], '{"plan":"gold"}', "ok", 2000, "Refund A-1", "Done."],
    ]
    assert [row[2:4] for row in wanted[1]] == [
        ["workflow", "a"], ["llm_call", "b"], ["workflow", "refund-2"], ["workflow", "c"], ["tool_call", "d"],
    ]  # fmt: skip
    for folder in ("apart", "singly"):
        assert [rows(tmp_path / folder, query) for query in queries] == wanted


RUN = {
    "id": "0198a0aa-0000-7000-8000-000000000001", "trace_id": "0198a0aa-0000-7000-8000-000000000001", "name": "support",
    "run_type": "chain", "start_time": "2026-11-20T10:00:00", "end_time": "2026-11-20T10:00:01", "inputs": {"q": 1},
}  # fmt: skip
SAID = [
    {"id": f"f{number}", "created_at": f"2026-11-20T11:00:0{number}", "run_id": RUN["id"], "trace_id": RUN["id"],
     "key": "task_success", "score": number, "feedback_source": {"type": "custom"}}
    for number in (1, 0)
]  # fmt: skip


def test_feedback_that_a_run_sums_up_counts_once_whichever_comes_first(tmp_path):
    def lines(name, *values):
        (tmp_path / name).write_text("".join(json.dumps(value) + "\n" for value in values))
        return tmp_path / name

    stats = {"task_success": {"n": 2, "avg": 0.5}, "tone": {"n": 1, "avg": 1.0}}
    run = lines("runs.jsonl", {**RUN, "feedback_stats": stats})
    earlier = lines("earlier.jsonl", {**RUN, "feedback_stats": {**stats, "tone": {"n": 3, "avg": 0.0}}})
    said = lines("feedback.jsonl", *SAID)
    query = "select name, score, source from evaluations order by all"
    wanted = [["task_success", 0.0, None], ["task_success", 1.0, None], ["tone", 1.0, "AVERAGE"]]
    for order in ([earlier, run, said], [said, earlier, run]):
        data = tmp_path / f"{order[0].name}-first"
        for file in order:
            imported(file, "--data-dir", data)
            if file is run and order[0] is earlier:
                assert rows(data, query) == [["task_success", 0.5, "AVERAGE"], ["tone", 1.0, "AVERAGE"]]
                assert rows(data, "select success from executions") == [[True]]
        assert rows(data, query) == wanted
        assert rows(data, "select success, success_disputed from executions") == [[True, True]]
        shown = whichstep("executions", "show", RUN["id"], "--data-dir", data, "--format", "json").stdout
        assert sorted(item["score"] for item in json.loads(shown)["evaluations"]) == [0.0, 1.0, 1.0]


def test_untimed_steps_keep_their_order_and_have_no_latency(tmp_path):
    file = tmp_path / "chat.jsonl"
    file.write_text(json.dumps(CHAT) + "\n")
    imported(file, "--data-dir", tmp_path / "data")
    found = rows(tmp_path / "data", "select type, latency_ms, result from steps order by position")
    assert found == [
        ["agent", None, None],
        ["llm_call", None, None],
        ["tool_call", None, "on its way"],
        ["llm_call", None, None],
    ]
    (execution,) = rows(tmp_path / "data", "select status, latency_ms, active_ms, input, output from executions")
    assert execution == ["ok", None, None, "Where is B-2?", "On its way."]
    copy = tmp_path / "copy.jsonl"
    shutil.copy(file, copy)
    os.utime(copy, (1_700_000_000, 1_700_000_000))  # the copy is older: the run is the same
    imported(copy, "--data-dir", tmp_path / "data")
    assert rows(tmp_path / "data", "select count(*) from spans") == [[4]]


def test_beside_an_owner_the_import_goes_through_it(tmp_path):
    with sidecar_process(tmp_path / "data") as running:
        imported(FIXTURES / "inspect.eval", "--data-dir", tmp_path / "data")
        assert running.wait_for_executions(2)["total"] == 2
        done = whichstep("rebuild", "--data-dir", tmp_path / "data", check=False)
        assert done.returncode == 4
        assert running.http in done.stderr


def test_a_folder_of_odd_files_costs_none_of_the_good_ones(tmp_path):
    odd = tmp_path / "odd"
    (odd / "inner").mkdir(parents=True)
    (odd / "inner" / "UPPER.JSONL").write_text(json.dumps(RUN) + "\n")
    whole = gzip.compress((json.dumps({**RUN, "trace_id": "0" * 31 + "7"}) + "\n").encode())
    (odd / "cut.gz").write_bytes(whole[:-30])
    (odd / "empty.json").write_bytes(b"")
    (odd / "blank.jsonl").write_bytes(b"\xef\xbb\xbf\r\n\r\n")
    (odd / "nothing.json").write_text('{"data": []}')
    (odd / "scalar.json").write_text("null")
    (odd / "noise.csv").write_text("<html>, </html>\n")
    (odd / "gone.json").symlink_to(odd / "nowhere")
    told = imported(odd, "--data-dir", tmp_path / "data", check=False)
    assert told["formats"] == {"langsmith": 1}
    assert told["skipped_by_reason"] == {
        "a file without records": 4,
        "neither OTLP protobuf, JSON, CSV, Parquet nor a zip archive": 1,
    }
    assert sorted((Path(item["file"]).name, item["problem"].split(":")[0]) for item in told["problems"]) == [
        ("cut.gz", "the compressed data is cut or broken"),
        ("gone.json", "No such file or directory"),
    ]
    assert rows(tmp_path / "data", "select name from spans") == [["support"]]


def test_a_folder_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "open.json").write_text("{}")
    opened = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened(path) if "closed" not in str(path) else closed(path))

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    problems = []
    assert list(command._files([tmp_path], problems)) == [tmp_path / "open.json"]
    assert problems == [{"file": str(tmp_path / "closed"), "problem": "Permission denied"}]


def test_what_is_of_no_known_format_is_said_with_its_keys(tmp_path):
    file = tmp_path / "other.json"
    file.write_text('{"answer": 42, "question": null}')
    told = imported(file, "--data-dir", tmp_path / "data", check=False)
    assert told["problems"] == [{"file": str(file), "problem": "no known format (answer, question)"}]
    assert whichstep("import", file, "--from", "csv", "--data-dir", tmp_path / "data", check=False).returncode == 2
