import httpx
import orjson
import pyarrow as pa
import pytest

from running import PROTOBUF, running, traces, wait_until
from whichstep_collector.api_query import Rows, json_body
from whichstep_collector.counters import METRICS
from whichstep_store.errors import StoreFailed
from whichstep_store.filters import FILTER_NAMES

KNOWN = "f" * 32


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with running(tmp_path_factory.mktemp("api")) as started:
        yield started


@pytest.fixture(scope="module")
def client(sidecar):
    with httpx.Client(base_url=sidecar.http, trust_env=False, timeout=30) as client:
        yield client


def assert_problem(response, status):
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail", "reason"} <= document.keys()
    return document["detail"]


def test_the_probes_say_that_all_is_well(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "checks": {"store": "ok", "disk": "ok", "loader": "ok", "doors": "ok"}}


def test_a_sidecar_that_cannot_work_is_not_ready_and_says_why(tmp_path, monkeypatch):
    with running(tmp_path, disk_free_bytes_min=1 << 60) as started:

        def fail():
            raise StoreFailed("a path and other details")

        monkeypatch.setattr(started.store.reader, "journal_position", fail)
        response = httpx.get(started.http + "/readyz", trust_env=False, timeout=30)
        assert response.status_code == 503
        assert response.json()["checks"] == {
            "store": "the store does not answer", "disk": "the disk is full", "loader": "ok", "doors": "ok",
        }  # fmt: skip


def test_the_own_figures_are_prometheus_text_and_every_one_is_there(client):
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for metric in METRICS:
        assert f"# TYPE {metric.name} {metric.kind}" in response.text


def test_figures_count_what_came_in(client, sidecar):
    before = sidecar.count("whichstep_spans_accepted_total")
    client.post("/v1/traces", content=traces(1, 2, 0).SerializeToString(), headers={"content-type": PROTOBUF})
    assert sidecar.count("whichstep_spans_accepted_total") == before + 2
    wait_until(lambda: sidecar.count("whichstep_rows_loaded_total") >= 2)


def test_filters_and_paging_reach_the_answers(client):
    asked = client.get("/api/v1/executions?release=R1&release=R2&status=error&limit=7&order=cost_usd:asc&cursor=c")
    assert asked.json()["asked"] == [
        [["release", "R1"], ["release", "R2"], ["status", "error"]], 7, "c", "cost_usd:asc",
    ]  # fmt: skip
    assert client.get("/api/v1/executions").json()["asked"] == [[], 50, None, "started_at:desc"]
    assert client.get("/api/v1/metrics?by=release,week").json()["by"] == ["release", "week"]
    assert client.get("/api/v1/failures").json()["by"] == "step"


@pytest.mark.parametrize("path", ["executions", "metrics", "failures", "filters", f"executions/{KNOWN}", "doctor"])
def test_an_unknown_parameter_is_refused_naming_the_known_ones(client, path):
    detail = assert_problem(client.get(f"/api/v1/{path}?relase=R1"), 400)
    assert "'relase'" in detail
    if path in ("executions", "metrics"):
        assert all(name in detail for name in FILTER_NAMES)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "1000"),
        ("limit=x", "limit"),
        ("since=yesterday", "24h"),
        ("success=maybe", "unknown"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_words(client, query, word):
    assert word in assert_problem(client.get(f"/api/v1/executions?{query}"), 400)


def test_what_is_not_there_is_404(client):
    assert_problem(client.get("/api/v1/executions/" + "0" * 32), 404)
    assert_problem(client.get(f"/api/v1/executions/{KNOWN}/steps/" + "0" * 16), 404)
    assert_problem(client.get("/api/v1/nothing"), 404)
    assert client.get(f"/api/v1/executions/{KNOWN}").json()["execution_id"] == KNOWN


def test_another_method_is_405_with_the_right_ones(client):
    response = client.delete("/api/v1/executions")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD"
    assert client.head("/api/v1/executions").content == b""


def test_a_defect_tells_the_log_and_not_the_client(client, caplog):
    response = client.get("/api/v1/doctor")
    assert_problem(response, 500)
    assert "secret" not in response.text
    assert "a secret in an exception" in caplog.text


def test_an_answer_that_did_not_change_is_not_sent_again(client):
    first = client.get("/api/v1/filters")
    again = client.get("/api/v1/filters", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "no-store"


def test_the_openapi_document_names_every_route(client, sidecar):
    document = client.get("/api/openapi.json").json()
    paths = {
        entry.path.replace(":path}", "}")
        for entry in sidecar.sidecar.gate().entries
        if entry.path.startswith("/api/v1")
    }
    assert paths <= document["paths"].keys()
    parameters = document["paths"]["/api/v1/executions"]["get"]["parameters"]
    assert {"release", "limit", "cursor"} <= {parameter["name"] for parameter in parameters}
    assert document["paths"]["/api/v1/query"]["post"]["requestBody"]


def test_a_body_over_a_mebibyte_is_refused(client):
    assert_problem(client.post("/api/v1/query", content=b"x" * (1 << 20 | 1)), 413)


# Queries.


def test_sql_is_answered_as_json_with_types_and_says_when_it_was_cut(client):
    answer = client.post("/api/v1/query", json={"sql": "select execution_id, started_at from executions"}).json()
    assert [column["name"] for column in answer["columns"]] == ["execution_id", "started_at"]
    assert answer["rows"] == []
    assert answer["truncated"] is False
    many = {"sql": "select * from (values (1), (2), (3), (4)) as numbers(n)", "row_limit": 3}
    assert client.post("/api/v1/query", json=many).json() == {
        "columns": [{"name": "n", "type": "int32"}], "rows": [[1], [2], [3]], "truncated": True,
    }  # fmt: skip


def test_a_named_query_is_answered_and_an_unknown_one_names_the_others(client):
    assert client.post("/api/v1/query", json={"name": "touched"}).json()["columns"][0]["name"] == "trace_id"
    assert "touched" in assert_problem(client.post("/api/v1/query", json={"name": "../touched"}), 400)
    assert_problem(client.post("/api/v1/query", json={"name": "touched", "parameters": {"x": 1}}), 400)


def test_times_ids_and_odd_numbers_have_one_form_in_json():
    table = pa.table({
        "at": pa.array([1_790_000_000_123_456_789, None], pa.timestamp("ns")),
        "id": pa.array([b"\1" * 16, None], pa.binary(16)).cast(pa.uuid()),
        "cost": pa.array([float("nan"), 0.5]),
        "big": pa.array([2**64 - 1, None], pa.uint64()),
        "tags": pa.array([["a"], []]),
    })  # fmt: skip
    answer = orjson.loads(json_body(Rows(table, truncated=False)))
    assert answer["rows"] == [
        ["2026-09-21T14:13:20.123456789Z", "01" * 16, None, 2**64 - 1, ["a"]],
        [None, None, 0.5, None, []],
    ]


def test_sql_is_answered_as_arrow_when_asked_for(client):
    response = client.post(
        "/api/v1/query",
        json={"sql": "select count(*) as n from executions"},
        headers={"accept": "application/vnd.apache.arrow.stream"},
    )
    assert response.headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(response.content).read_all()
    assert table.to_pylist() == [{"n": 0}]
    assert table.schema.metadata[b"truncated"] == b"false"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"sql": 1}', b'{"sql": "select 1", "name": "x"}', b'{"sql": "select 1", "limit": 3}',
     b'{"name": "touched", "parameters": []}', b'{"sql": "select 1", "row_limit": 0}'],
)  # fmt: skip
def test_a_question_that_is_none_is_refused(client, body):
    assert_problem(client.post("/api/v1/query", content=body), 400)


@pytest.mark.parametrize("sql", ["drop table span_rows", "select * from span_rows", "select 1; select 2", "nonsense"])
def test_anything_but_one_select_over_the_public_views_is_refused_in_words(client, sql):
    assert assert_problem(client.post("/api/v1/query", json={"sql": sql}), 400)


@pytest.mark.parametrize(
    "parameters", [{}, {"execution_ids": "f" * 32}, {"execution_ids": ["x'); --"]}, {"execution_ids": [KNOWN] * 201}]
)
def test_whole_texts_are_asked_for_by_a_bounded_list_of_ids(client, parameters):
    asked = {"name": "step_content", "parameters": parameters}
    assert "execution_ids" in assert_problem(client.post("/api/v1/query", json=asked), 400)


def test_a_query_over_its_time_is_stopped(tmp_path):
    with running(tmp_path, query_timeout_seconds=0.2) as started:
        sql = "with recursive t(n) as (select 1 union all select (n + 1) % 7 from t) select count(*) from t"
        response = httpx.post(started.http + "/api/v1/query", json={"sql": sql}, trust_env=False, timeout=30)
        assert_problem(response, 422)


# Evaluations.


def reviewer(sidecar):
    return {"authorization": "Bearer " + (sidecar.store.data_dir / "reviewer.token").read_text().strip()}


def evaluations(sidecar):
    return {row["name"]: row for row in sidecar.store.ledger.changes("evaluations", after=0)}


def test_an_evaluation_is_in_the_ledger_before_the_answer_and_is_code_unless_said_otherwise(client, sidecar):
    body = {"execution_id": KNOWN, "step_id": "a" * 16, "name": "helpful", "score": 0.9, "explanation": "why"}
    response = client.post("/api/v1/evaluations", json=body)
    assert response.status_code == 201
    assert response.json().items() >= {**body, "source": "CODE"}.items()
    row = evaluations(sidecar)["helpful"]
    assert (row["score"], row["source"], row["trusted"]) == (0.9, "CODE", 0)


def test_a_human_evaluation_needs_a_reviewers_token(client, sidecar):
    body = {"execution_id": KNOWN, "name": "task_success", "score": 1, "source": "HUMAN"}
    assert_problem(client.post("/api/v1/evaluations", json=body), 403)
    assert "task_success" not in evaluations(sidecar)
    assert client.post("/api/v1/evaluations", json=body, headers=reviewer(sidecar)).status_code == 201
    row = evaluations(sidecar)["task_success"]
    assert (row["source"], row["author"]) == ("HUMAN", "reviewer")
    unsaid = {"execution_id": KNOWN, "name": "polite", "label": "yes"}
    assert client.post("/api/v1/evaluations", json=unsaid, headers=reviewer(sidecar)).json()["source"] == "HUMAN"


@pytest.mark.parametrize(
    ("change", "status"),
    [({"execution_id": "0" * 32}, 404), ({"step_id": "b" * 16}, 404), ({"name": ""}, 400), ({"score": "good"}, 400),
     ({"score": None}, 400), ({"source": "GUESS"}, 400), ({"socre": 1}, 400), ({"explanation": "x" * 20_000}, 400)],
)  # fmt: skip
def test_an_evaluation_of_nothing_or_that_says_nothing_is_refused(client, change, status):
    body = {"execution_id": KNOWN, "name": "helpful", "score": 0.5} | change
    assert_problem(client.post("/api/v1/evaluations", json=body), status)
