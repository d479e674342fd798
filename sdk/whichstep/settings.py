"""What the SDK was told: argument, then environment, then default. The only module that reads the environment.

`load` never raises: a value that cannot be used is reported in `Settings.problems` and the next source decides, so
a typing mistake in the environment cannot stop an agent. One exception, closed on purpose: when the patterns file
for redaction cannot be read, content is not captured at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

LOOPBACK: Final = "http://127.0.0.1:4318"
TRACES_PATH: Final = "/v1/traces"
LOGS_PATH: Final = "/v1/logs"
GRPC_PORT: Final = 4317


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The effective settings of one process."""

    traces_url: str = LOOPBACK + TRACES_PATH
    """Where OTLP traces are posted."""
    logs_url: str = LOOPBACK + LOGS_PATH
    """Where OTLP logs (evaluations) are posted."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with each request; the token is one of them."""
    service: str | None = None
    """service.name; None leaves the resource of the tracer provider as it is."""
    release: str | None = None
    """service.version: the version of the agent."""
    environment: str | None = None
    """deployment.environment.name."""
    disabled: bool = False
    """OTEL_SDK_DISABLED: every call becomes a no-op."""
    capture_content: bool = True
    """Off keeps structure, timing, tokens and cost, and no text."""
    redact_file: Path | None = None
    """More patterns to redact: one regular expression a line, # begins a comment."""
    policy_file: Path | None = None
    """Policy that holds every tool, where `configure` was given none."""
    spool_dir: Path | None = None
    """Where batches wait while the sidecar is away; None keeps nothing on disk."""
    spool_bytes_max: int = 64 * 1024 * 1024
    """Bytes on disk, over all processes of this folder; beyond it the oldest batches are dropped and counted."""
    value_characters_max: int = 256 * 1024
    """Characters of one value. A conversation of 60,000 tokens still fits; longer ones are cut and named."""
    span_attributes_max: int | None = 10_000
    """Attributes of a span in our own provider: OpenInference flattens messages, and at OpenTelemetry's 128 the oldest
    are evicted. None where OTEL_*_ATTRIBUTE_COUNT_LIMIT decides."""
    queue_records_max: int = 8192
    """Spans and events waiting in memory."""
    queue_characters_max: int = 64 * 1024 * 1024
    """Characters of long texts waiting in memory."""
    flush_interval_seconds: float = 1.0
    """How long a span may wait before it is sent."""
    timeout_seconds: float = 10.0
    """For one request to the sidecar."""
    exit_timeout_seconds: float = 3.0
    """How long the end of the process may wait for the last batch; what is left is spooled."""
    gzip: bool = False
    """OTEL_EXPORTER_OTLP_COMPRESSION=gzip."""
    certificate_file: str | None = None
    """CA certificates for https endpoints."""
    dashboard_url: str = "http://127.0.0.1:8501"
    """Where the line after a failed execution points to."""
    problems: tuple[str, ...] = ()
    """Values that could not be used, in words."""
    sources: tuple[tuple[str, str], ...] = ()
    """Field and where its value came from; a field that is not named has its default."""

    def __repr__(self) -> str:
        """Endpoint and service only: headers carry secrets."""
        return f"Settings(traces_url={self.traces_url!r}, service={self.service!r}, sources={dict(self.sources)!r})"


class _Reader:
    """Takes each field from the first source that has a usable value and remembers which."""

    def __init__(self, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.arguments = {name: value for name, value in arguments.items() if value is not None}
        self.environ = environ
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []

    def take(self, field: str, *names: str, parse: Callable[[Any], Any] = str, argument: str | None = None) -> None:
        """Set `field` from the argument, else from the first of the environment variables that can be used."""
        key = argument or field
        candidates = [(f"argument {key}", self.arguments.get(key))]
        candidates += [(name, self.environ.get(name) or None) for name in names]
        for source, raw in candidates:
            if raw is None:
                continue
            try:
                self.values[field], self.sources[field] = parse(raw), source
            except (TypeError, ValueError, OSError) as error:
                self.problems.append(f"{source} cannot be used ({error}); it is ignored")
            else:
                return


def load(arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force: argument over environment over default. Never raises; see `Settings.problems`."""
    reader = _Reader(arguments or {}, os.environ if environ is None else environ)
    reader.take("disabled", "OTEL_SDK_DISABLED", parse=_only_true)
    reader.take("service", "OTEL_SERVICE_NAME")
    reader.take("release", "WHICHSTEP_RELEASE")
    reader.take("environment", "WHICHSTEP_ENVIRONMENT")
    reader.take("capture_content", "WHICHSTEP_CAPTURE_CONTENT", parse=_switch)
    reader.take("redact_file", "WHICHSTEP_REDACT", parse=Path, argument="redact")
    reader.take("policy_file", "WHICHSTEP_POLICY", parse=Path, argument="")
    reader.take("spool_dir", "WHICHSTEP_SPOOL_DIR", parse=_folder)
    reader.take("spool_bytes_max", "WHICHSTEP_SPOOL_SIZE_MAX", parse=_positive)
    reader.take("timeout_seconds", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT", parse=_seconds)
    reader.take("gzip", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION", parse=_is_gzip)
    reader.take("certificate_file", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
    _endpoint(reader)
    _headers(reader)
    if {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"} & reader.environ.keys():
        reader.values["span_attributes_max"] = None
    if "spool_dir" not in reader.values:
        reader.values["spool_dir"] = default_spool_dir(reader.environ)
    return Settings(**reader.values, problems=tuple(reader.problems), sources=tuple(reader.sources.items()))


def default_spool_dir(environ: Mapping[str, str]) -> Path:
    """The folder of the user's cache, else a private one beside other temporary files."""
    cache = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if cache or home:
        return (Path(cache) if cache else Path(str(home)) / ".cache") / "whichstep" / "spool"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"whichstep-{user}" / "spool"


def _endpoint(reader: _Reader) -> None:
    """Fill the urls: argument, WHICHSTEP_ENDPOINT, the traces endpoint (a whole url), the OTLP base, loopback."""
    reader.take("traces_url", "WHICHSTEP_ENDPOINT", parse=_traces_url, argument="endpoint")
    if "traces_url" not in reader.values:
        reader.take("traces_url", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", parse=_url, argument="")
    if "traces_url" not in reader.values:
        reader.take("traces_url", "OTEL_EXPORTER_OTLP_ENDPOINT", parse=_traces_url, argument="")
    traces = reader.values.setdefault("traces_url", LOOPBACK + TRACES_PATH)
    if urlsplit(traces).port == GRPC_PORT:
        traces = reader.values["traces_url"] = traces.replace(f":{GRPC_PORT}", ":4318", 1)
        reader.problems.append(f"port {GRPC_PORT} speaks gRPC and this SDK OTLP over HTTP; sending to {traces}")
    base = traces.removesuffix(TRACES_PATH)
    reader.values["logs_url"] = base + LOGS_PATH
    host = urlsplit(base).hostname or "127.0.0.1"
    reader.values["dashboard_url"] = f"http://{f'[{host}]' if ':' in host else host}:8501"
    reader.take("dashboard_url", "WHICHSTEP_DASHBOARD_URL")


def _headers(reader: _Reader) -> None:
    """Collect headers. Those of OTEL_* go with an endpoint of OTEL_* only: they may hold another vendor's key."""
    headers: dict[str, str] = {}
    if reader.sources.get("traces_url", "").startswith("OTEL_"):
        environ = reader.environ
        raw = environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
        for pair in raw.split(","):
            name, separator, value = pair.partition("=")
            if separator:
                headers[unquote(name).strip().lower()] = unquote(value).strip()
    token = reader.arguments.get("token") or reader.environ.get("WHICHSTEP_TOKEN")
    if token:
        headers["authorization"] = f"Bearer {token}"
    reader.values["headers"] = tuple(headers.items())


def _url(raw: str) -> str:
    parts = urlsplit(str(raw).strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{raw!r} is no http or https url")
    _ = parts.port  # raises ValueError when it is no number
    return urlunsplit(parts)


def _traces_url(raw: str) -> str:
    base = _url(raw).rstrip("/")
    return base if base.endswith(TRACES_PATH) else base + TRACES_PATH


def _only_true(raw: str | bool) -> bool:  # noqa: FBT001  the value as it came, not a flag
    return str(raw).strip().lower() == "true"


def _switch(raw: str | bool) -> bool:  # noqa: FBT001  the value as it came, not a flag
    text = str(raw).strip().lower()
    if text in {"1", "true", "on", "yes"}:
        return True
    if text in {"0", "false", "off", "no"}:
        return False
    raise ValueError(f"{raw!r} is neither on nor off")


def _folder(raw: str | Path) -> Path | None:
    return None if str(raw).strip().lower() in {"off", "none"} else Path(raw).expanduser()


def _positive(raw: str | int) -> int:
    number = int(raw)
    if number <= 0:
        raise ValueError(f"{raw!r} is not above 0")
    return number


def _seconds(raw: str | float) -> float:
    number = float(raw)
    if not 0 < number < float("inf"):
        raise ValueError(f"{raw!r} is no duration in seconds")
    return number


def _is_gzip(raw: str | bool) -> bool:  # noqa: FBT001  the value as it came, not a flag
    return str(raw).strip().lower() in {"gzip", "true"}
