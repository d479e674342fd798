import itertools

import httpx
import pytest

from running import PROTOBUF, running, traces
from whichstep_collector.errors import SettingsError
from whichstep_collector.gate import ANYBODY, canonical_path, host_name
from whichstep_collector.tokens import INGEST, READ, REVIEW


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A sidecar that asks for tokens."""
    with running(tmp_path_factory.mktemp("closed"), token="agent") as started:
        yield started


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with running(tmp_path_factory.mktemp("opened")) as started:
        yield started


def routes(started):
    return [
        (entry, method, entry.path.replace("{id}", "0" * 32).replace("{step_id}", "1" * 16))
        for entry in started.sidecar.gate().entries
        for method in entry.methods
    ]


def ask(started, method, path, **headers):
    return httpx.request(method, started.http + path, headers=headers, trust_env=False, timeout=30)


def is_page(path):
    """The light pages for people: they sign in by a form and a cookie, and refuse in their own words."""
    return path.startswith("/approvals")


def test_every_route_of_every_method_asks_for_a_token_except_the_two_probes(closed):
    refusals = {path: {401, 403} if is_page(path) else {401} for _, _, path in routes(closed)}
    open_paths = {
        path for _, method, path in routes(closed) if ask(closed, method, path).status_code not in refusals[path]
    }
    assert open_paths == {"/healthz", "/readyz"}


def test_a_page_tells_nobody_of_a_request_before_a_reviewer_has_signed_in(closed):
    asked = {"approval_id": "a" * 32, "action": "issue_refund", "arguments": {"amount": 249}, "summary": "pay back"}
    sent = httpx.post(
        f"{closed.http}/api/v1/approvals", json=asked, headers={"authorization": "Bearer agent"}, trust_env=False
    )
    assert sent.status_code == 201
    for path in (
        "/approvals",
        f"/approvals/{'a' * 32}",
        "/approvals?token=guess",
        f"/approvals/{'a' * 32}?token=agent",
    ):
        for headers in ({}, {"cookie": "whichstep_reviewer=guess"}):
            answer = ask(closed, "GET", path, **headers)
            assert "issue_refund" not in answer.text
            assert "pay back" not in answer.text
            assert answer.status_code in (401, 403)


def test_what_is_no_route_asks_for_a_token_too(closed):
    assert ask(closed, "GET", "/nowhere").status_code == 401
    assert ask(closed, "GET", "/v1/traces").status_code == 401


def test_a_wrong_token_opens_nothing_not_even_what_needs_none(closed, opened):
    for started, path in itertools.product((closed, opened), ("/healthz", "/api/v1/doctor", "/nowhere")):
        response = ask(started, "GET", path, authorization="Bearer guess")
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


def test_every_route_is_closed_to_a_token_without_its_scope(closed):
    tokens = {
        "agent": frozenset({INGEST, READ}),
        (closed.store.data_dir / "reviewer.token").read_text().strip(): frozenset({READ, REVIEW}),
    }
    closed_by_the_gate = [route for route in routes(closed) if not is_page(route[2])]
    for (entry, method, path), (token, scopes) in itertools.product(closed_by_the_gate, tokens.items()):
        allowed = ANYBODY in entry.allowed or bool(entry.allowed & scopes)
        response = ask(closed, method, path, authorization=f"Bearer {token}")
        assert (response.status_code == 403) != allowed, (method, path)


def test_no_route_lacks_a_statement_of_who_may_use_it(opened):
    for entry in opened.sidecar.gate().entries:
        assert entry.allowed
        assert entry.sentence


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4318", "localhost.evil.example", "169.254.169.254", ""])
def test_without_tokens_a_foreign_host_name_is_refused(opened, host):
    assert ask(opened, "GET", "/healthz", host=host).status_code in (400, 403)
    response = httpx.post(
        opened.http + "/v1/traces",
        content=traces(1).SerializeToString(),
        headers={"content-type": PROTOBUF, "host": host},
        trust_env=False,
        timeout=30,
    )
    assert response.status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:4318", "[::1]:4318"])
def test_loopback_names_are_served(opened, host):
    assert ask(opened, "GET", "/healthz", host=host).status_code == 200


def test_a_foreign_web_page_is_refused_and_a_local_one_is_not(opened):
    assert ask(opened, "GET", "/api/v1/filters", origin="https://evil.example").status_code == 403
    assert ask(opened, "GET", "/api/v1/filters", origin="null").status_code == 403
    assert ask(opened, "GET", "/api/v1/filters", origin="http://localhost:8501").status_code == 200


def test_with_tokens_any_host_name_is_served(closed):
    assert (
        ask(closed, "GET", "/api/v1/filters", host="whichstep.example", authorization="Bearer agent").status_code == 200
    )


def test_a_public_address_without_tokens_is_refused_before_anything_listens(tmp_path):
    with pytest.raises(SettingsError, match="WHICHSTEP_TOKEN"), running(tmp_path, host="0.0.0.0"):
        pass


def test_a_public_address_with_a_token_is_served(tmp_path):
    with running(tmp_path, host="0.0.0.0", token="agent") as started:
        response = httpx.get(f"http://127.0.0.1:{started.http_port}/healthz", trust_env=False, timeout=30)
        assert response.status_code == 200


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [("//v1//traces/", "", "/v1/traces"), ("/otlp/v1/logs", "/otlp", "/v1/logs"), ("/otlpx/v1", "/otlp", "/otlpx/v1"),
     ("/", "", "/"), ("", "/otlp", "/")],
)  # fmt: skip
def test_paths_are_brought_to_one_form(path, prefix, expected):
    assert canonical_path(path, prefix) == expected


@pytest.mark.parametrize(("host", "name"), [("A.b:1", "a.b"), ("[::1]:2", "[::1]"), ("[::1]", "[::1]"), ("", "")])
def test_a_host_is_read_without_its_port(host, name):
    assert host_name(host) == name
