"""Settings of the sidecar: one frozen value; argument before environment before default.

Every field has a default, a unit and a sentence; docs/settings.md is generated from them. The environment is read
here and nowhere else in this package. The variable of a field is `WHICHSTEP_` and its name in capitals.
"""
# ruff: noqa: RUF009  `_setting` is dataclasses.field with the metadata that every field must have

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

from whichstep_collector.errors import SettingsError

MIB: Final = 1 << 20
PREFIX: Final = "WHICHSTEP_"
# Variables of the SDK and of clients, which may stand in the same environment.
CLIENT_VARIABLES: Final = ("WHICHSTEP_ENDPOINT", "WHICHSTEP_CAPTURE_CONTENT", "WHICHSTEP_SPOOL_DIR")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)", re.IGNORECASE)
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12} | {
    "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
}  # fmt: skip
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _setting(default: Any, sentence: str, *, unit: str = "", secret: bool = False) -> Any:
    return dataclasses.field(
        default=default, repr=not secret, metadata={"sentence": sentence, "unit": unit, "secret": secret}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one sidecar does. Build it with `load`, or directly in tests."""

    data_dir: Path = _setting(Path(".whichstep"), "Folder that this process owns: journal, database, segments, ledger.")
    host: str = _setting("127.0.0.1", "Address the doors listen on. Any but loopback needs tokens.")
    grpc_port: int = _setting(4317, "Port of OTLP/gRPC. 0 picks a free one.")
    http_port: int = _setting(4318, "Port of OTLP/HTTP, the API and the probes. 0 picks a free one.")
    dashboard_port: int = _setting(8501, "Port of the dashboard. 0 picks a free one.")
    dashboard: bool = _setting(True, "Whether the dashboard is started and watched over.")
    policy: Path | None = _setting(None, "Policy file that decides on actions.")
    expectations: Path | None = _setting(
        None, "File of the tools that are right for each task type; kept in the ledger until another one is given."
    )
    contracts: Path | None = _setting(
        None, "Folder of workflow contracts (*.toml) for executions that carry none; read at the start."
    )
    success_evaluations: str = _setting(
        "",
        "Names of evaluations that decide success beside task_success, with commas; name>=0.8 says from which score.",
    )
    judge_endpoint: str | None = _setting(
        None,
        "OpenAI-compatible endpoint, as https://api.openai.com/v1, that gives a second opinion on failing steps. Texts "
        "of the executions it judges are sent there: nothing leaves the machine while this is unset.",
    )
    judge_model: str | None = _setting(None, "Model that judges; needed with judge_endpoint.")
    judge_api_key: str | None = _setting(None, "Key for judge_endpoint, sent as a bearer token.", secret=True)
    judge_automatic: bool = _setting(
        True, "Whether failed executions whose failing step is unsure are judged unasked, where a judge is set."
    )
    judge_calls_per_day: int = _setting(100, "Most questions to the judge in a day (UTC).", unit="calls")
    judge_usd_per_day: float = _setting(
        1.0, "Cost of a day (UTC) at which the judge is asked no more; counts models with a known price.", unit="USD"
    )
    judge_timeout_seconds: float = _setting(60.0, "Time in which the judge has to answer.", unit="seconds")
    token: str | None = _setting(
        None,
        "Token that may ingest and read; further ones are in the ledger. Setting it closes the doors.",
        secret=True,
    )
    webhook_url: str | None = _setting(
        None, "Address that is told of requests for approval, in Slack's form; see docs/approvals.md."
    )
    webhook_secret: str | None = _setting(None, "Secret that signs what the webhook is told.", secret=True)
    public_url: str | None = _setting(
        None, "Base address under which people reach the HTTP port, for links in messages; its own unless set."
    )
    oidc_issuer: str | None = _setting(
        None, "OpenID provider at which reviewers sign in, as https://login.example.com; see docs/approvals.md."
    )
    oidc_client_id: str | None = _setting(None, "Name of this sidecar at oidc_issuer; needed with it.")
    oidc_client_secret: str | None = _setting(
        None, "Secret of that client; unset for a public client, which PKCE protects.", secret=True
    )
    oidc_reviewers: str | None = _setting(
        None, "Who of those who sign in may review, with commas, as *@example.com; needed with oidc_issuer."
    )
    oidc_claim: str = _setting("email", "Claim of the ID token that a reviewer is called by.")
    oidc_session_seconds: float = _setting(43_200.0, "Time after which a reviewer signs in again.", unit="seconds")
    path_prefix: str = _setting("", "Prefix of the OTLP paths that is accepted beside none, such as /otlp.")
    redact: Path | None = _setting(None, "File of further patterns to redact before anything is stored.")
    retention_days: int = _setting(90, "Age at which received days are dropped whole.", unit="days")
    data_size_max: int | None = _setting(
        None, "Size at which the oldest days are dropped; unset: 20 GB or half the disk, the smaller.", unit="bytes"
    )
    request_bytes_max: int = _setting(64 * MIB, "Largest request body as sent.", unit="bytes")
    decoded_bytes_max: int = _setting(64 * MIB, "Largest request body after decompression.", unit="bytes")
    in_flight_bytes_max: int = _setting(
        256 * MIB, "Request bytes held at once; beyond it clients are asked to come back.", unit="bytes"
    )
    body_timeout_seconds: float = _setting(20.0, "Time in which a request body has to arrive.", unit="seconds")
    # One: decoding is Python, so a second thread only fights for the interpreter. 9,000 spans/s with two, 10,800
    # with one, for an eighth less CPU (benchmarks/end_to_end.py, 2026-11, 2 cores).
    decode_workers: int = _setting(1, "Threads that decode, redact and normalise.", unit="threads")
    disk_free_bytes_min: int = _setting(
        256 * MIB, "Free disk space below which requests are refused, retryably: room to load and seal.", unit="bytes"
    )
    journal_segment_bytes: int = _setting(64 * MIB, "Size at which the journal opens its next file.", unit="bytes")
    journal_commit_interval_seconds: float = _setting(
        0.002, "Time in which requests join one sync of the journal.", unit="seconds"
    )
    journal_backlog_bytes_max: int = _setting(
        1024 * MIB, "Journal that may wait for the store; beyond it clients are asked to come back.", unit="bytes"
    )
    # A transaction costs about 18 ms before its first row (benchmarks/store/load.py, 2026-11).
    load_interval_seconds: float = _setting(0.75, "Time in which batches join one transaction.", unit="seconds")
    load_rows_max: int = _setting(20_000, "Spans at which a transaction is not made larger.", unit="spans")
    checkpoint_interval_seconds: float = _setting(300.0, "Longest time between two checkpoints.", unit="seconds")
    query_workers: int = _setting(4, "Threads that answer the API.", unit="threads")
    query_rows_max: int = _setting(100_000, "Most rows of one SQL answer.", unit="rows")
    query_timeout_seconds: float = _setting(10.0, "Time after which a SQL query is interrupted.", unit="seconds")
    query_memory_max: int = _setting(512 * MIB, "Most memory of one SQL query.", unit="bytes")
    drain_seconds: float = _setting(20.0, "Time to finish requests, load and checkpoint on SIGTERM.", unit="seconds")

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(f"{name} is {value}; it lies between {low} and {high}")
        if (self.judge_endpoint is None) != (self.judge_model is None):
            raise SettingsError("judge_endpoint and judge_model are set together or not at all")
        if self.judge_endpoint and not self.judge_endpoint.startswith(("http://", "https://")):
            raise SettingsError("judge_endpoint is no http:// or https:// address, as https://api.openai.com/v1")
        self._check_oidc()

    def _check_oidc(self) -> None:
        if self.oidc_issuer is None:
            return
        if not self.oidc_client_id or not self.oidc_reviewers:
            raise SettingsError("oidc_issuer needs oidc_client_id, and oidc_reviewers that says who may review")
        issuer = urlsplit(self.oidc_issuer)
        if issuer.scheme != "https" and issuer.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError("oidc_issuer is no https:// address, as https://login.example.com")


_PORT: Final = (0, 65_535)
_POSITIVE: Final = (1, 1 << 50)
_RANGES: Final = (
    ("grpc_port", *_PORT), ("http_port", *_PORT), ("dashboard_port", *_PORT),
    ("retention_days", *_POSITIVE), ("data_size_max", *_POSITIVE),
    ("request_bytes_max", *_POSITIVE), ("decoded_bytes_max", *_POSITIVE), ("in_flight_bytes_max", *_POSITIVE),
    ("decode_workers", 1, 64), ("query_workers", 1, 64), ("load_rows_max", *_POSITIVE),
    ("query_rows_max", *_POSITIVE), ("drain_seconds", 0, 3600),
    ("judge_calls_per_day", 0, 1 << 50), ("judge_usd_per_day", 0, 1 << 50), ("judge_timeout_seconds", 1, 600),
    ("oidc_session_seconds", 60, 1 << 30),
)  # fmt: skip


class LoadedSettings(NamedTuple):
    """Settings and where each value came from."""

    settings: Settings
    sources: Mapping[str, str]
    """Field name -> `argument`, `default`, or the name of the environment variable."""
    unknown: tuple[str, ...]
    """Variables that look like ours and are not; said at the start, with the name they resemble."""


class SettingRow(NamedTuple):
    """One line of `--print-settings` and of the reference page."""

    name: str
    value: str
    source: str
    variable: str
    unit: str
    sentence: str


def load(arguments: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> LoadedSettings:
    """Merge arguments, environment and defaults. An argument of None, or an empty variable, counts as not given.

    Raises:
        SettingsError: an argument is no setting, a text is not of the field's type, a value is out of range.
    """
    _refuse_unknown(arguments)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field in dataclasses.fields(Settings):
        variable = _variable(field.name)
        if arguments.get(field.name) is not None:
            values[field.name], sources[field.name] = _parse(field, arguments[field.name], "argument"), "argument"
        elif environ.get(variable):
            values[field.name], sources[field.name] = _parse(field, environ[variable], variable), variable
        else:
            sources[field.name] = "default"
    return LoadedSettings(Settings(**values), sources, _unknown_variables(environ))


def describe(loaded: LoadedSettings) -> list[SettingRow]:
    """Return a row a setting, secrets hidden."""
    return [
        SettingRow(
            name=field.name,
            value=_shown(field, getattr(loaded.settings, field.name)),
            source=loaded.sources[field.name],
            variable=_variable(field.name),
            unit=field.metadata["unit"],
            sentence=field.metadata["sentence"],
        )
        for field in dataclasses.fields(Settings)
    ]


def reference() -> str:
    """Return docs/settings.md."""
    rows = [
        f"| `{row.name}` | `{row.variable}` | {row.value and f'`{row.value}`'} | {row.unit} | {row.sentence} |"
        for row in describe(load({}, {}))
    ]
    return "\n".join([_REFERENCE_HEAD, *rows, ""])


_REFERENCE_HEAD: Final = """\
<!-- Generated from collector/whichstep_collector/settings.py by docs/generate.py; edit there. -->
# Settings of the sidecar

An argument of `whichstep up` (`--http-port 4318`) goes before the environment, the environment before the default.
Sizes are bytes, or text such as `20GB` and `64MiB`. `whichstep --print-settings` shows each value and its source.

| setting | variable | default | unit | what it does |
|---|---|---|---|---|"""


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _refuse_unknown(arguments: Mapping[str, Any]) -> None:
    names = [field.name for field in dataclasses.fields(Settings)]
    for name in arguments:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, 1)
            raise SettingsError(f"{name} is no setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))


def _unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {_variable(field.name) for field in dataclasses.fields(Settings)} | set(CLIENT_VARIABLES)
    ours = (name for name in environ if name.startswith(PREFIX) and name not in known)
    return tuple(sorted(name for name in ours if difflib.get_close_matches(name, known, 1, 0.85)))


def _parse(field: dataclasses.Field[Any], value: Any, source: str) -> Any:
    if not isinstance(value, str):
        return value
    kind = _kind(field)
    try:
        return kind(value.strip())
    except ValueError as error:
        expected = field.metadata["unit"] or kind.__name__.strip("_")
        raise SettingsError(f"{field.name} from {source} is {value!r}, which is not in {expected}") from error


def _kind(field: dataclasses.Field[Any]) -> Callable[[str], Any]:
    if field.metadata["unit"] == "bytes":
        return _size
    name = cast("str", field.type).removesuffix(" | None")
    kinds: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": _bool, "Path": _path}
    return kinds.get(name, str)


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _bool(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _size(text: str) -> int:
    """Bytes of `1000`, `20GB` (decimal) or `64MiB` (binary)."""
    match = _SIZE.fullmatch(text)
    unit = match[2].lower().removesuffix("b") if match else ""
    if match is None or unit not in _FACTORS:
        raise ValueError(text)
    return int(float(match[1]) * _FACTORS[unit])


def _shown(field: dataclasses.Field[Any], value: Any) -> str:
    if value is None:
        return ""
    return "(hidden)" if field.metadata["secret"] else str(value)
