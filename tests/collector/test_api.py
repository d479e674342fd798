import httpx
import pytest

from running import PROTOBUF, running, traces, wait_until
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
    with httpx.Client(base_url=sidecar.http, trust_env=False) as client:
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
        response = httpx.get(started.http + "/readyz", trust_env=False)
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
    paths = {entry.path for entry in sidecar.sidecar.gate().entries if entry.path.startswith("/api/v1")}
    assert paths <= document["paths"].keys()
    parameters = document["paths"]["/api/v1/executions"]["get"]["parameters"]
    assert {"release", "limit", "cursor"} <= {parameter["name"] for parameter in parameters}
    assert document["paths"]["/api/v1/query"]["post"]["requestBody"]


def test_a_body_over_a_mebibyte_is_refused(client):
    assert_problem(client.post("/api/v1/query", content=b"x" * (1 << 20 | 1)), 413)
