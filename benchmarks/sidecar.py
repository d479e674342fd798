"""Starts a real `whichstep up` as a process and watches it from outside: CPU, memory, disk of the whole tree."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.process_tree import ProcessTree


class Sidecar:
    """A sidecar on free ports with its own data folder; stops when the `with` block ends."""

    def __init__(self, data_dir: Path, *, dashboard: bool) -> None:
        self.data_dir = data_dir
        self._dashboard = dashboard
        self.http_port = 0
        self.dashboard_port = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "whichstep_cli", "up", "--data-dir", str(self.data_dir),
                   "--grpc-port", "0", "--http-port", "0", "--dashboard-port", "0"]  # fmt: skip
        if not self._dashboard:
            command.append("--no-dashboard")
        self.started_at = time.perf_counter()
        self._log = (self.data_dir.parent / "sidecar.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        self.tree = ProcessTree(self._process.pid)
        self.http_port = int(self._await_line(r"http://127\.0\.0\.1:(\d+)"))
        while self.get("/readyz")[0] != 200:
            time.sleep(0.02)
        self.ready_seconds = time.perf_counter() - self.started_at
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def await_dashboard(self, timeout_seconds: float = 60) -> float:
        """Seconds from the start until the dashboard answers its health check."""
        self.dashboard_port = int(self._await_line(r"[Dd]ashboard\S*\s+http://127\.0\.0\.1:(\d+)"))
        deadline = time.perf_counter() + timeout_seconds
        while time.perf_counter() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.dashboard_port, timeout=2)
                connection.request("GET", "/_stcore/health")
                if connection.getresponse().status == 200:
                    return time.perf_counter() - self.started_at
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError("the dashboard did not answer")

    def get(self, path: str) -> tuple[int, bytes]:
        return self._request("GET", path, None)

    def sql(self, text: str) -> list[list]:
        status, body = self._request("POST", "/api/v1/query", json.dumps({"sql": text}).encode())
        if status != 200:
            raise RuntimeError(f"query refused: {body[:300]!r}")
        return json.loads(body)["rows"]

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
            connection.request(method, path, body, {"content-type": "application/json", "accept": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            return 0, str(error).encode()

    def disk_bytes(self) -> int:
        """Allocated bytes of the data folder."""
        return sum(path.stat().st_blocks * 512 for path in self.data_dir.rglob("*") if path.is_file())

    def _await_line(self, pattern: str, timeout_seconds: float = 60) -> str:
        deadline = time.perf_counter() + timeout_seconds
        path = Path(self._log.name)
        while time.perf_counter() < deadline:
            text = path.read_text(encoding="utf-8")
            found = re.search(pattern, text)
            if found:
                return found.group(1)
            if self._process.poll() is not None:
                raise RuntimeError(f"the sidecar ended: {text}")
            time.sleep(0.02)
        raise TimeoutError(f"the sidecar did not print {pattern}: {path.read_text(encoding='utf-8')}")
