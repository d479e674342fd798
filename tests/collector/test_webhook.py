"""Messages to a webhook on a real port: signed, repeated, receipts kept, across a restart of the sidecar."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from running import running, wait_until
from whichstep_collector.approvals.webhook import message, signature
from whichstep_store import ledger_deliveries


class Receiver:
    """A webhook that keeps what it is sent; `answers` are used up one a message, then 200."""

    def __init__(self):
        self.got, self.answers = [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers), body))
                status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(ledger_deliveries, "PAUSES_SECONDS", (0.05,) * 4)
    monkeypatch.setattr(ledger_deliveries, "ATTEMPTS_MAX", 5)


def ask(started, **body):
    answer = httpx.post(f"{started.http}/api/v1/approvals", json={"action": "send_email", **body}, trust_env=False)
    assert answer.status_code == 201
    return answer.json()["approval_id"]


def receipts(started, approval_id):
    return httpx.get(f"{started.http}/api/v1/approvals/{approval_id}/deliveries", trust_env=False).json()["deliveries"]


def test_a_request_is_told_once_signed_and_with_a_link(tmp_path, receiver):
    settings = {"webhook_url": receiver.url, "webhook_secret": "s3cret", "public_url": "https://desk.example/x/"}
    with running(tmp_path, **settings) as started:
        request = ask(started, summary="Writes to <!channel> & co", agent="writer", arguments={"body": "private"})
        wait_until(lambda: [row["state"] for row in receipts(started, request)] == ["delivered"])
        ask(started)
        wait_until(lambda: len(receiver.got) == 2)
        headers, body = receiver.got[0]
        (receipt,) = receipts(started, request)
    assert (receipt["event"], receipt["attempts"], receipt["status"], receipt["error"]) == ("requested", 1, 200, None)
    assert receipt["delivered_at"].endswith("Z")
    signed = hmac.new(b"s3cret", b"v1:" + headers["x-whichstep-timestamp"].encode() + b":" + body, hashlib.sha256)
    assert headers["x-whichstep-signature"] == f"v1={signed.hexdigest()}"
    assert headers["x-whichstep-approval"] == request
    told = json.loads(body)
    assert set(told) == {"text", "blocks"}
    assert f"https://desk.example/x/approvals/{request}" in told["text"]
    assert "&lt;!channel&gt; &amp; co" in told["text"]
    assert b"private" not in body


def test_what_is_not_taken_is_sent_again_until_it_is(tmp_path, receiver, impatient):
    receiver.answers = [500, 404]
    with running(tmp_path, webhook_url=receiver.url) as started:
        request = ask(started)
        wait_until(lambda: [row["state"] for row in receipts(started, request)] == ["delivered"])
        assert receipts(started, request)[0]["attempts"] == 3
        assert started.count("whichstep_webhook_messages_total", result="refused") == 2
    assert "x-whichstep-signature" not in receiver.got[0][0]


def test_a_message_that_nobody_takes_is_undelivered_and_counted(tmp_path, impatient):
    with running(tmp_path, webhook_url="http://127.0.0.1:9/none") as started:
        request = ask(started)
        wait_until(lambda: [row["state"] for row in receipts(started, request)] == ["undelivered"])
        (receipt,) = receipts(started, request)
        assert (receipt["attempts"], receipt["status"], receipt["delivered_at"]) == (5, None, None)
        assert receipt["error"]
        assert "whichstep_approval_messages_undelivered 1" in httpx.get(f"{started.http}/metrics", trust_env=False).text


def test_the_outbox_survives_a_restart(tmp_path, receiver):
    with running(tmp_path, webhook_url="http://127.0.0.1:9/none") as started:
        request = ask(started)
        wait_until(lambda: [row["attempts"] for row in receipts(started, request)] == [1])
    deliveries = ledger_deliveries.PAUSES_SECONDS
    assert deliveries[0] == 5
    with running(tmp_path, webhook_url=receiver.url) as started:
        wait_until(lambda: [row["state"] for row in receipts(started, request)] == ["delivered"])
    assert len(receiver.got) == 1


def test_that_a_request_expired_is_told_where_it_was_told_at_all(tmp_path, receiver):
    with running(tmp_path, webhook_url=receiver.url) as started:
        request = ask(started, expires_in_seconds=0.6)
        wait_until(lambda: [row["state"] for row in receipts(started, request)] == ["delivered", "delivered"])
    assert [headers["x-whichstep-event"] for headers, _ in receiver.got] == ["requested", "expired"]


def test_a_request_that_was_decided_before_anything_was_sent_needs_no_message(tmp_path, receiver):
    with running(tmp_path) as started:
        request = ask(started)
        assert receipts(started, request) == []
        started.store.ledger.approvals.cancel(request)
    with running(tmp_path, webhook_url=receiver.url) as started:
        ask(started)
        wait_until(lambda: len(receiver.got) == 1)
        assert receipts(started, request) == []


def test_without_a_secret_nothing_is_signed():
    assert signature(None, 1, b"x") == {}


def test_a_message_is_bounded_whatever_the_agent_says(tmp_path):
    with running(tmp_path) as started:
        request = started.store.ledger.approvals.find(ask(started, summary="x" * 1000, agent="a" * 200, task="t" * 500))
    assert len(json.dumps(message(request, "requested", "http://h"))) < 6000
