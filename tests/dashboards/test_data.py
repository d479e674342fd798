from __future__ import annotations

import fake_api
import pytest
import streamlit as st

from whichstep_dashboards import data


@pytest.fixture(autouse=True)
def _fresh_caches(monkeypatch):
    st.cache_data.clear()
    monkeypatch.delenv("WHICHSTEP_TOKEN", raising=False)


def _count(monkeypatch):
    asked = []
    real = data._get
    monkeypatch.setattr(data, "_get", lambda *arguments: asked.append(arguments) or real(*arguments))
    return asked


def test_answers_are_kept_for_a_moment(addresses, monkeypatch):
    asked = _count(monkeypatch)
    monkeypatch.setenv("WHICHSTEP_ENDPOINT", addresses["small"])
    assert data.filter_values() == data.filter_values()
    assert len(asked) == 1
    data.forget()
    data.filter_values()
    assert len(asked) == 2


def test_two_endpoints_and_two_tokens_never_share_an_answer(addresses, monkeypatch):
    asked = _count(monkeypatch)
    for endpoint in ("small", "odd"):
        for token in ("a", "b"):
            monkeypatch.setenv("WHICHSTEP_ENDPOINT", addresses[endpoint])
            monkeypatch.setenv("WHICHSTEP_TOKEN", token)
            data.filter_values()
    assert len(asked) == 4


def test_a_refusal_is_not_kept(addresses, monkeypatch):
    monkeypatch.setenv("WHICHSTEP_ENDPOINT", addresses["locked"])
    with pytest.raises(data.ApiError) as refused:
        data.filter_values()
    assert refused.value.status == 401
    monkeypatch.setenv("WHICHSTEP_TOKEN", "secret")
    assert data.filter_values()["purpose"]


def test_ids_from_the_address_bar_cannot_leave_their_path(addresses, monkeypatch):
    monkeypatch.setenv("WHICHSTEP_ENDPOINT", addresses["small"])
    with pytest.raises(data.ApiError) as missing:
        data.execution("../filters?x=")
    assert missing.value.status == 404


def test_something_that_is_no_sidecar_is_told_apart(monkeypatch):
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_):
            return

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        monkeypatch.setenv("WHICHSTEP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(data.ApiError, match="no answer of a sidecar"):
            data.filter_values()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_null_fields_of_a_step_are_left_out(addresses, monkeypatch):
    monkeypatch.setenv("WHICHSTEP_ENDPOINT", addresses["odd"])
    fields = data.step_fields(fake_api.odd().executions[1]["execution_id"], f"{1:016x}")
    assert "output" not in fields
    assert "input" in fields
