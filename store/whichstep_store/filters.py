"""Which executions a question is about: the filters that every reading command, page and endpoint shares.

A `Filters` is a plain value. It is parsed from query-string pairs, written back to them unchanged, and turned into
the bound parameters of the named queries that include `queries/parts/matching.sql`. Times are nanoseconds since the
epoch, UTC. Knows no SQL and no HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Final

NANOSECONDS: Final = 1_000_000_000
EARLIEST: Final = 0
LATEST: Final = 2**63 - 2
"""2**63 - 1 is infinity to DuckDB."""
ALL_PURPOSES: Final = "all"
UNKNOWN: Final = "unknown"

_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_RELATIVE: Final = re.compile(r"(\d{1,6})([smhdw])")
_FRACTION: Final = re.compile(r"(?<=:\d\d)\.(\d{1,9})\d*")
_SUCCESS: Final = ("true", "false", UNKNOWN)


class FilterError(ValueError):
    """A filter that cannot be understood; the message names it and what is accepted."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The executions that match all filters given; several values of one filter mean any of them.

    An empty tuple matches everything; an empty text matches executions that do not have the value. Started at or
    after `since` and before `until`. Figures show production unless another purpose, or `all`, is asked for.
    """

    since: int | None = None
    until: int | None = None
    release: tuple[str, ...] = ()
    task_type: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ("production",)
    status: tuple[str, ...] = ()
    success: tuple[str, ...] = field(default=(), metadata={"choices": _SUCCESS})
    failure_kind: tuple[str, ...] = ()
    failing_step: tuple[str, ...] = ()
    """Path or name of the failing step."""
    failing_path: tuple[str, ...] = ()
    """Path of the failing step, exactly: what failures are counted by."""
    signature: tuple[str, ...] = ()
    configuration: tuple[str, ...] = ()
    """What really ran, 32 hex digits."""
    tool: tuple[str, ...] = ()
    """Called at least once."""
    expected_tool: tuple[str, ...] = ()
    """Right where `chosen_tool` was chosen; both of one place where both are given."""
    chosen_tool: tuple[str, ...] = ()
    session_id: tuple[str, ...] = ()
    user_id: tuple[str, ...] = ()
    query: str | None = None
    """Text within the preview of input or output, whatever its case."""

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise FilterError("since is not before until; swap them")
        for value in self.success:
            if value not in _SUCCESS:
                raise FilterError(f"success is {value!r}; it is one of {', '.join(_SUCCESS)}")

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]], *, now: int) -> Filters:
        """Filters from query-string pairs; a repeated name gives several values, `purpose=all` any purpose.

        Args:
            pairs: names and values, as `parse_qsl` gives them; a time is `7d`, `24h` (before `now`) or ISO 8601.
            now: nanoseconds since the epoch.

        Raises:
            FilterError: a name that is no filter, a time that is none.
        """
        values: dict[str, list[str]] = {}
        for name, text in pairs:
            if name not in FILTER_NAMES:
                raise FilterError(f"{name!r} is no filter; filters are {', '.join(FILTER_NAMES)}")
            values.setdefault(name, []).append(text)
        times = {name: parse_time(values.pop(name)[-1], now=now) for name in ("since", "until") if name in values}
        query = values.pop("query", [""])[-1]
        if ALL_PURPOSES in values.get("purpose", ()):
            values["purpose"] = []
        return cls(**times, query=query or None, **{name: tuple(texts) for name, texts in values.items()})  # type: ignore[arg-type]

    def pairs(self) -> list[tuple[str, str]]:
        """Query-string pairs that `parse` reads back to an equal value; defaults are left out."""
        pairs: list[tuple[str, str]] = []
        for name in FILTER_NAMES:
            value = getattr(self, name)
            if name == "purpose":
                pairs += [] if value == ("production",) else [(name, text) for text in value or (ALL_PURPOSES,)]
            elif isinstance(value, tuple):
                pairs += [(name, text) for text in value]
            elif value is not None:
                pairs.append((name, format_time(value) if isinstance(value, int) else value))
        return pairs

    def parameters(self) -> dict[str, object]:
        """The bound parameters of `queries/parts/matching.sql`, every one of them; null where a filter is not set."""
        parameters: dict[str, object] = {}
        for name in FILTER_NAMES:
            value = getattr(self, name)
            parameters[name] = (list(value) or None) if isinstance(value, tuple) else value
        parameters["since"] = EARLIEST if self.since is None else self.since
        parameters["until"] = LATEST if self.until is None else self.until
        return parameters


FILTER_NAMES: Final[tuple[str, ...]] = tuple(item.name for item in fields(Filters))


def parse_time(text: str, *, now: int) -> int:
    """Nanoseconds since the epoch of `90m`, `24h`, `7d`, `8w` (before `now`) or of an ISO 8601 date or time.

    A time without offset is UTC. Digits after the ninth of a second are cut.

    Raises:
        FilterError: the text is neither.
    """
    if relative := _RELATIVE.fullmatch(text.strip()):
        return now - int(relative[1]) * _UNIT_SECONDS[relative[2]] * NANOSECONDS
    fraction = _FRACTION.search(text)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", text.strip()))
    except ValueError as error:
        raise FilterError(f"{text!r} is no time; write 24h, 7d or 2026-11-22T08:00:00Z") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = whole.days * 86_400 + whole.seconds
    return seconds * NANOSECONDS + (int(fraction[1].ljust(9, "0")) if fraction else 0)


def format_time(nanoseconds: int) -> str:
    """ISO 8601 in UTC with nine digits and Z, as every answer writes times."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
