"""A clean environment for each test, and a sidecar that is a few lines of http.server."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from whichstep.decoding import read_logs, read_traces
from whichstep.testing import whichstep_spans  # noqa: F401  a plugin where whichstep is installed


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(("OTEL_", "WHICHSTEP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WHICHSTEP_SPOOL_DIR", str(tmp_path / "spool"))


class Sidecar:
    """Collects OTLP bodies on a loopback port; answers with `status` until told otherwise."""

    def __init__(self, port: int = 0) -> None:
        self.status, self.answer, self.headers_out = 200, b"", {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.hold.wait(20)
                outer.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.status)
                for name, value in outer.headers_out.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(outer.answer)))
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_):
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.port = self._server.server_port
        self.endpoint = f"http://127.0.0.1:{self.port}"

    @property
    def spans(self):
        return [span for path, _, body in self.requests if path == "/v1/traces" for span in read_traces(body)]

    @property
    def events(self):
        return [event for path, _, body in self.requests if path == "/v1/logs" for event in read_logs(body)]

    def stop(self):
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def sidecar():
    running = Sidecar()
    yield running
    running.stop()


@pytest.fixture
def start_sidecar():
    started = []

    def start(port=0):
        started.append(Sidecar(port))
        return started[-1]

    yield start
    for running in started:
        running.stop()
