"""Passes OTLP over HTTP on to a sidecar and keeps a copy; and the form in which a run's copies are kept."""

from __future__ import annotations

import gzip
import io
import json
import re
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from frameworks.environments import ROOT

SIGNALS = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}
_JSON = "application/json"


class Recorder:
    """The door between the agents and the sidecar; what came through since `start`."""

    def __init__(self, sidecar_url: str) -> None:
        self.refused: list[str] = []
        self._sidecar = httpx.Client(base_url=sidecar_url, trust_env=False, timeout=30)
        self._bodies: list[tuple[str, bytes]] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin a run."""
        self._bodies = []

    def requests(self) -> list[tuple[str, bytes]]:
        """File name and body of each request of the run, in order of arrival."""
        with self._lock:
            return [(f"{number:03}.{name}", body) for number, (name, body) in enumerate(self._bodies, 1)]

    def passed_on(self, path: str, headers: Any, body: bytes) -> httpx.Response:
        """What the sidecar answers to a request."""
        signal = path.rsplit("/", 1)[-1]
        kept = {name: headers[name] for name in ("content-type", "content-encoding") if headers.get(name)}
        response = self._sidecar.post(f"/v1/{signal}", content=body, headers=kept)
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        if response.status_code != 200:
            self.refused.append(f"{path}: {response.status_code} {response.text[:200]}")
        if signal in SIGNALS:
            is_json = (headers.get("content-type") or "").startswith(_JSON)
            with self._lock:
                self._bodies.append((f"{signal}.{'json' if is_json else 'pb'}", plain))
        return response


@contextmanager
def recording(sidecar_url: str) -> Iterator[tuple[Recorder, str]]:
    """A recorder and its address for the block."""
    recorder = Recorder(sidecar_url)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            response = recorder.passed_on(self.path, self.headers, self._body())
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers.get("content-type", _JSON))
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers["content-length"]))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield recorder, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write(path: Path, requests: list[tuple[str, bytes]], meta: dict[str, Any]) -> None:
    """Keep a run: the requests, without the folders and the name of this machine, and what truly happened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:xz", preset=9) as archive:
        for name, body in [*requests, ("meta.json", json.dumps(meta, indent=1).encode())]:
            member = tarfile.TarInfo(name)
            member.size = len(kept := body if name == "meta.json" else anonymous(name, body))
            archive.addfile(member, io.BytesIO(kept))


_FOLDERS = re.compile(
    rf"{re.escape(str(ROOT))}(?:/\.frameworks/environments/[^/\"' ]+)?|/(?:root|home/\w+)/[^\s\"',:]*?/lib/python"
)


def anonymous(name: str, body: bytes) -> bytes:
    """The request with the machine's folders and name replaced in every text."""
    if name.endswith(".json"):
        return _clean(body.decode()).encode()
    message = SIGNALS[name.split(".")[1]].FromString(body)
    _clean_texts(message)
    return message.SerializeToString()


def _clean_texts(message: Message) -> None:
    for field, value in message.ListFields():
        if isinstance(value, str):
            setattr(message, field.name, _clean(value))
        elif isinstance(value, Message):
            _clean_texts(value)
        elif not isinstance(value, bytes | int | float):
            for each in value:
                if isinstance(each, Message):
                    _clean_texts(each)


def _clean(text: str) -> str:
    text = _FOLDERS.sub(lambda found: "/usr/lib/python" if found[0].endswith("python") else "/app", text)
    return text.replace(socket.gethostname(), "host")
