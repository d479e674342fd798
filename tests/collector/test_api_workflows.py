"""The routes of workflows: what they take, and what they refuse."""

import httpx
import pytest

from running import running


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with (
        running(tmp_path_factory.mktemp("data")) as sidecar,
        httpx.Client(base_url=sidecar.http, trust_env=False) as http,
    ):
        yield http


def test_a_list_takes_filters(client):
    assert client.get("/api/v1/workflows", params={"agent": "support"}).json()["asked"] == [["agent", "support"]]


def test_one_workflow_takes_bars_and_is_404_where_nothing_matches(client):
    asked = client.get("/api/v1/workflows/refund", params={"success_bar": "0.95"})
    assert asked.json() == {"workflow": "refund", "bars": [0.95, None]}
    assert client.get("/api/v1/workflows/other").status_code == 404


def test_a_proposal_has_defaults_and_bounds(client):
    assert client.get("/api/v1/workflows/a%2Fb/proposal").json() == {"workflow": "a/b", "support": 0.05, "level": None}
    for wrong in ({"level": "5"}, {"support": "0"}, {"support": "x"}, {"support": "1.1"}, {"nonsense": "1"}):
        assert client.get("/api/v1/workflows/refund/proposal", params=wrong).status_code == 400


def test_a_contract_is_posted_as_an_object(client):
    assert client.post("/api/v1/workflows?agent=x", json={"name": "refund"}).json() == {"workflow": "refund"}
    for wrong in (b"", b"[]", b"{"):
        assert client.post("/api/v1/workflows", content=wrong).status_code == 400


def test_the_routes_are_in_the_openapi_document(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    assert set(paths["/api/v1/workflows"]) == {"get", "post"}
    assert (
        "level"
        in paths["/api/v1/workflows"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    )
