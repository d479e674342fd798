"""A pytest plugin, loaded by itself where whichstep is installed: the fixture `whichstep_spans`.

    def test_the_agent_looks_the_order_up(whichstep_spans):
        handle("Where is A-17?")
        assert [span["name"] for span in whichstep_spans.spans][1] == "execute_tool lookup_order"

What it shows is what would have been sent: encoded, redacted, decoded again. Nothing leaves the process while the
fixture is in use. OpenTelemetry is loaded by the first test that uses it, not by the start of pytest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from whichstep.delivery import Delivery
    from whichstep.transport import Reply, Signal

FLUSH_TIMEOUT_SECONDS = 10.0


class Captured:
    """What was recorded, as plain dictionaries."""

    def __init__(self, sent: Sequence[tuple[Signal, bytes]], delivery: Delivery) -> None:
        self._sent = sent
        self._delivery = delivery
        self._begin = 0

    @property
    def spans(self) -> list[dict[str, Any]]:
        """Ended spans in order of start: name, type, attributes, events, links, status, ids, times, scope, resource."""
        ended = [span for span in self._records("traces") if not span["attributes"].get("whichstep.pending")]
        return sorted(ended, key=lambda span: (span["started_at"], span["ended_at"] * -1))

    @property
    def start_records(self) -> list[dict[str, Any]]:
        """Spans as announced when their task began."""
        return [span for span in self._records("traces") if span["attributes"].get("whichstep.pending")]

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """Evaluations as sent: name, attributes, trace and span they speak of."""
        return self._records("logs")

    def named(self, name: str) -> list[dict[str, Any]]:
        """The ended spans of that name, or of that tool, agent, model or step."""
        return [span for span in self.spans if name in (span["name"], span["step"])]

    def one(self, name: str) -> dict[str, Any]:
        """The only span of that name; an assertion fails when there are none or several."""
        found = self.named(name)
        assert len(found) == 1, f"{len(found)} spans named {name!r} among {[span['name'] for span in self.spans]}"  # noqa: S101
        return found[0]

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self._delivery.flush(timeout_seconds=FLUSH_TIMEOUT_SECONDS)
        self._begin = len(self._sent)

    def _records(self, signal: str) -> list[dict[str, Any]]:
        from whichstep.decoding import read_logs, read_traces  # noqa: PLC0415  loads protobuf

        self._delivery.flush(timeout_seconds=FLUSH_TIMEOUT_SECONDS)
        read = {"traces": read_traces, "logs": read_logs}[signal]
        return [record for kind, body in self._sent[self._begin :] if kind.value == signal for record in read(body)]


class MemoryTransport:
    """Keeps the bodies that would have been sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Signal, bytes]] = []

    def send(self, signal: Signal, data: bytes) -> Reply:
        """Keep one body."""
        from whichstep.transport import Reply, Verdict  # noqa: PLC0415  see the module's docstring

        self.sent.append((signal, data))
        return Reply(Verdict.DELIVERED)


@contextmanager
def capture(**settings: Any) -> Iterator[Captured]:
    """Record into memory for the duration of the block; fields of `whichstep.settings.Settings` may be given."""
    from whichstep.runtime import running, set_up  # noqa: PLC0415  loads OpenTelemetry

    runtime, transport = running(), MemoryTransport()
    previous = runtime.setup
    chosen = replace(previous.settings, **{"disabled": False, "spool_dir": None, "problems": (), **settings})
    runtime.use(set_up(chosen, transport))
    runtime.provider()
    try:
        yield Captured(transport.sent, runtime.delivery)
    finally:
        runtime.delivery.close(timeout_seconds=FLUSH_TIMEOUT_SECONDS)
        runtime.use(previous)


@pytest.fixture
def whichstep_spans() -> Iterator[Captured]:
    """What the test records with whichstep, and with frameworks instrumented through it."""
    with capture() as captured:
        yield captured
