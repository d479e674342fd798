"""The servers that are compared: how each is started, and how it says what it holds.

Each is run as its own documentation says for one machine, with its defaults and without calls home.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar


class Server(ABC):
    """A server under test, in an environment, with an empty data folder."""

    name: ClassVar[str]
    requirement: ClassVar[str | None]
    """What PyPI calls it; None: the code here."""
    health: ClassVar[str]
    """Path that answers 200 when it takes traces."""
    headers: ClassVar[Mapping[str, str]] = {}
    """What it wants beside an OTLP body."""

    def __init__(self, bin_dir: Path, home: Path, port: int) -> None:
        self.bin_dir, self.home, self.port = bin_dir, home, port
        self.data_dir.mkdir(parents=True, exist_ok=True)

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """Arguments, and variables to add to the environment."""

    @abstractmethod
    def span_count(self) -> int:
        """Spans that its API shows."""

    @abstractmethod
    def open_trace(self, trace_id: str) -> int:
        """Spans that it gives of one trace, attributes included."""

    def version(self) -> str:
        """Of the package that runs."""
        code = f"from importlib.metadata import version; print(version({(self.requirement or 'whichstep')!r}))"
        python = self.bin_dir / "python"
        return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    def is_healthy(self) -> bool:
        try:
            return self._request("GET", self.health)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, path: str, body: Any = None, **parameters: str) -> Any:
        """A JSON answer of its API."""
        path += "?" + urllib.parse.urlencode(parameters) if parameters else ""
        status, text = self._request("GET" if body is None else "POST", path, body)
        if status >= 300:
            raise RuntimeError(f"{self.name} answered {path} with {status}: {text[:300]!r}")
        return json.loads(text)

    def _request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"content-type": "application/json", "accept": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()


class Whichstep(Server):
    """`whichstep up` with its dashboard, as users run it."""

    name, requirement, health = "whichstep", None, "/readyz"

    def command(self) -> tuple[list[str], dict[str, str]]:
        ports = ["--http-port", str(self.port), "--grpc-port", "0", "--dashboard-port", "0"]
        return [sys.executable, "-m", "whichstep_cli", "up", "--data-dir", str(self.data_dir), *ports], {}

    def span_count(self) -> int:
        return int(self.ask("/api/v1/query", {"sql": "select count(*) from spans"})["rows"][0][0])

    def open_trace(self, trace_id: str) -> int:
        return len(self.ask(f"/api/v1/executions/{trace_id}")["steps"])


class Phoenix(Server):
    """`phoenix serve` on SQLite."""

    name, requirement, health = "Phoenix", "arize-phoenix", "/healthz"

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [str(self.bin_dir / "phoenix"), "serve"], {
            "PHOENIX_WORKING_DIR": str(self.data_dir), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(self.port + 1), "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        }  # fmt: skip

    def span_count(self) -> int:
        return int(self._of_project("recordCount")["recordCount"])

    def open_trace(self, trace_id: str) -> int:
        wanted = "spanId parentId name spanKind statusCode startTime latencyMs attributes"
        asked = f'trace(traceId: "{trace_id}") {{ spans(first: 1000) {{ edges {{ node {{ {wanted} }} }} }} }}'
        return len(self._of_project(asked)["trace"]["spans"]["edges"])

    def _of_project(self, asked: str) -> Any:
        found = self.ask("/graphql", {"query": f"{{ projects(first: 1) {{ edges {{ node {{ {asked} }} }} }} }}"})
        return found["data"]["projects"]["edges"][0]["node"]


class Mlflow(Server):
    """`mlflow server` on SQLite. The bundled price list: to fetch one holds up requests where there is no network."""

    name, requirement, health = "MLflow", "mlflow", "/health"
    headers: ClassVar[Mapping[str, str]] = {"x-mlflow-experiment-id": "0"}

    def command(self) -> tuple[list[str], dict[str, str]]:
        store = ["--backend-store-uri", f"sqlite:///{self.data_dir}/mlflow.db"]
        artifacts = ["--default-artifact-root", str(self.data_dir / "artifacts")]
        listen = ["--host", "127.0.0.1", "--port", str(self.port)]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_MODEL_CATALOG_URI": ""}
        return [str(self.bin_dir / "mlflow"), "server", *listen, *store, *artifacts], quiet

    def span_count(self) -> int:
        asked = {"view_type": "SPANS", "metric_name": "span_count", "aggregations": [{"aggregation_type": "COUNT"}]}
        found = self.ask("/api/3.0/mlflow/traces/metrics", {"experiment_ids": ["0"], "max_results": 10, **asked})
        return int(sum(next(iter(point["values"].values())) for point in found.get("data_points", [])))

    def open_trace(self, trace_id: str) -> int:
        return len(self.ask("/api/3.0/mlflow/traces/get", trace_id=f"tr-{trace_id}")["trace"]["spans"])


SERVERS: tuple[type[Server], ...] = (Whichstep, Phoenix, Mlflow)
