"""A sidecar's approvals API in a few lines of http.server: the wire contract of ARCHITECTURE, kept in memory."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from whichstep.approval import arguments
from whichstep.policy import Policy


class Desk:
    """Takes requests; `decide` is the reviewer. `policy` is the sidecar's own, None for none."""

    def __init__(self, policy=None, port=0):
        self.policy = policy
        self.requests = {}
        self.bodies = []
        self.calls = []
        self.away = False
        self.lose_consume_answers = 0
        self.changed = threading.Condition()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                desk._serve(self, body)

            def do_GET(self):
                desk._serve(self, b"")

            def log_message(self, *_):
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self):
        with self.changed:
            self.away = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    # The reviewer.

    def pending(self, count=1, timeout=10.0):
        """Wait for requests, and return the pending ones."""
        end = time.monotonic() + timeout
        with self.changed:
            while time.monotonic() < end:
                found = [item for item in self.requests.values() if item["state"] == "pending"]
                if len(found) >= count:
                    return found
                self.changed.wait(0.05)
        raise AssertionError(f"{len(found)} requests are pending, {count} were expected")

    def decide(self, approval_id, decision, *, edited=None, notes=None):
        states = {"approve": "approved", "reject": "rejected", "edit": "edited", "expire": "expired"}
        with self.changed:
            item = self.requests[approval_id]
            item.update(state=states[decision], decision=decision, decided_by="ann", notes=notes)
            if edited is not None:
                item["edited_arguments"] = edited
            self.changed.notify_all()

    def when_asked(self, decision, **more):
        """Decide the next request on a thread, as soon as it is there."""

        def run():
            for item in self.pending():
                self.decide(item["approval_id"], decision, **more)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    # The server.

    def _serve(self, handler, body):
        path, query = urlsplit(handler.path).path, parse_qs(urlsplit(handler.path).query)
        if path.startswith("/v1/"):
            self._answer(handler, 200, None)
            return
        self.calls.append((handler.command, path))
        if self.away:
            handler.close_connection = True
            return
        status, document = self._route(handler.command, path, query, json.loads(body) if body else {})
        if path.endswith("/consume") and self.lose_consume_answers:
            self.lose_consume_answers -= 1
            handler.close_connection = True
            return
        self._answer(handler, status, document)

    def _answer(self, handler, status, document):
        body = b"" if document is None else json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _route(self, method, path, query, body):
        parts = path.removeprefix("/api/v1/").split("/")
        if parts == ["policy"]:
            return 200, {
                "policy": self.policy.form() if self.policy else None,
                "digest": self.policy.digest if self.policy else None,
            }
        if parts == ["approvals"] and method == "POST":
            return self._create(body)
        item = self.requests.get(parts[1])
        if item is None:
            return 404, {"detail": "no such approval"}
        if method == "GET":
            return 200, self._wait(item, float(query.get("wait", ["0"])[0]))
        return {"consume": self._consume, "cancel": self._cancel}[parts[2]](item, body)

    def _create(self, body):
        self.bodies.append(body)
        if body["approval_id"] in self.requests:
            return 200, self.requests[body["approval_id"]]
        own = self.policy or Policy.from_dict({}, default="auto")
        decision = own.check(body["action"], body["arguments"], environment=body["environment"], agent=body["agent"])
        if decision.risk_level == "block":
            return 403, {"detail": decision.reason, "rule": decision.rule}
        with self.changed:
            alone = decision.runs_alone and body["risk_level"] in {"auto", "log"}
            item = {**body, "state": "approved" if alone else "pending", "decided_by": "policy" if alone else None}
            self.requests[body["approval_id"]] = item
            self.changed.notify_all()
        return 201, item

    def _wait(self, item, seconds):
        end = time.monotonic() + seconds
        with self.changed:
            while item["state"] == "pending" and not self.away and time.monotonic() < end:
                self.changed.wait(min(0.2, max(end - time.monotonic(), 0.01)))
        return item

    def _consume(self, item, body):
        with self.changed:
            if item["state"] == "expired":
                return 410, {"detail": "expired"}
            if item["state"] == "consumed" and body["consumer"] == item["consumer"]:
                return 200, item
            edited = item["state"] == "edited"
            digest = arguments.digest(item["edited_arguments"]) if edited else item["arguments_digest"]
            if item["state"] not in {"approved", "edited"} or body["arguments_digest"] != digest:
                return 409, {"detail": f"state is {item['state']}"}
            item.update(state="consumed", consumer=body["consumer"])
            return 200, item

    def _cancel(self, item, _body):
        with self.changed:
            if item["state"] == "pending":
                item["state"] = "cancelled"
            self.changed.notify_all()
        return 200, item
