"""Takes ended spans and events from the host's threads to the sidecar. Owns one queue, one thread and the spool.

The host pays for an append. The thread encodes, redacts, sends; when the sidecar is away it spools and tries again
after a growing pause, old batches before new ones. Memory and disk are bounded; what does not fit is dropped,
counted, and said once. Nothing here raises into the host or blocks it; only `flush` and `close` wait, at most the
time they are given.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Final

from opentelemetry import context as otel_context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.trace import ReadableSpan

from whichstep.encoding import Body, Encoder, Event
from whichstep.settings import Settings
from whichstep.spool import Spool, Waiting
from whichstep.transport import Reply, Signal, Transport, Verdict

BATCH_RECORDS_MAX: Final = 512
BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bodies above this are split; a single span above it is sent as it is."""
PAUSE_SECONDS_FIRST: Final = 1.0
PAUSE_SECONDS_MAX: Final = 30.0
logger = logging.getLogger("whichstep")


Record = ReadableSpan | Event


class Delivery:
    """The way of all records out of the process."""

    def __init__(self, settings: Settings, encoder: Encoder, transport: Transport, spool: Spool) -> None:
        self.settings = settings
        self.delivered_total = 0
        self.dropped_total = 0
        self._encoder, self._transport, self._spool = encoder, transport, spool
        self._queue: deque[Record] = deque()
        self._characters = 0
        self._counted = 0
        self._said: set[str] = set()
        self._pause_seconds = 0.0
        self._next_attempt = 0.0
        self._closed = False
        self._condition = threading.Condition()
        self._started = self._busy = False
        self._flush_requests = self._flushes_done = 0
        self._in_flight: tuple[Signal, Body] | None = None
        if hasattr(os, "register_at_fork"):
            after_fork = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(after_in_child=lambda: (reset := after_fork()) and reset())

    def offer(self, record: Record) -> bool:
        """Queue a span or an event; False when it is dropped and counted: the queue is full, or closed."""
        settings = self.settings
        waiting = len(self._queue)
        if self._closed or waiting >= settings.queue_records_max or self._characters > settings.queue_characters_max:
            self._drop(1, "recording was shut down" if self._closed else "more is recorded than can be sent")
            return False
        self._queue.append(record)
        if not self._started:
            with self._condition:
                self._start_thread()
        elif waiting == BATCH_RECORDS_MAX:
            self._wake()
        return True

    def add_characters(self, characters: int) -> None:
        """Count a long text that is about to be queued; short ones are bounded by the number of records."""
        self._characters += characters

    def flush(self, *, timeout_seconds: float) -> bool:
        """Send or spool everything queued so far; False when the time was not enough. Safe from any thread."""
        if not self._queue and not self._busy:
            return True
        deadline = time.monotonic() + timeout_seconds
        with self._condition:
            self._start_thread()
            self._flush_requests += 1
            request = self._flush_requests
            self._condition.notify_all()
            while self._flushes_done < request:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._condition.wait(remaining):
                    return False
        return True

    def take_delivered(self) -> int:
        """How many records were acknowledged since the last call."""
        total = self.delivered_total
        count, self._counted = total - self._counted, total
        return count

    def close(self, *, timeout_seconds: float) -> bool:
        """Flush, then stop the thread; what could not be sent in time is spooled. Refuses records from now on."""
        finished = self.flush(timeout_seconds=timeout_seconds)
        self._closed = True
        with self._condition:
            self._condition.notify_all()
        if not finished:
            self._keep_rest()
        if self.dropped_total:
            self._say_once("total", "dropped %d spans and events in all", self.dropped_total)
        return finished

    def _wake(self) -> None:
        # Never wait for the lock on the host's thread: the thread wakes by itself within the flush interval.
        if self._condition.acquire(blocking=False):
            try:
                self._condition.notify_all()
            finally:
                self._condition.release()

    def _start_thread(self) -> None:
        if not self._started and not self._closed:
            self._started = True
            threading.Thread(target=self._run, name="whichstep-delivery", daemon=True).start()

    def _run(self) -> None:
        # Our own requests must not be traced by the host's HTTP instrumentation.
        otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        while not self._closed:
            with self._condition:
                if self._flush_requests == self._flushes_done and len(self._queue) < BATCH_RECORDS_MAX:
                    self._condition.wait(self.settings.flush_interval_seconds)
                request = self._flush_requests
            self._busy = True
            self._deliver(urgent=request != self._flushes_done)
            self._busy = False
            with self._condition:
                self._flushes_done = request
                self._condition.notify_all()

    def _deliver(self, *, urgent: bool) -> None:
        """Everything queued at this moment, after what waits on disk."""
        away = time.monotonic() < self._next_attempt and not urgent
        if not away:
            away = not self._send_spooled()
        for _ in range(len(self._queue) // BATCH_RECORDS_MAX + 1):
            batch = self._take()
            if not batch:
                return
            try:
                for signal, body in self._encode(batch):
                    away = not self._send(signal, body, away=away)
            except Exception:  # a defect of ours must neither end the thread nor go uncounted
                logger.exception("whichstep could not deliver a batch")
                self._drop(len(batch), "a batch could not be delivered")

    def _take(self) -> list[Record]:
        count = min(len(self._queue), BATCH_RECORDS_MAX)
        batch = [self._queue.popleft() for _ in range(count)]
        # An estimate, the share of the records taken; exact again whenever the queue is empty.
        rest = len(self._queue)
        self._characters = int(self._characters * rest / (rest + count)) if rest else 0
        return batch

    def _encode(self, batch: list[Record]) -> Iterator[tuple[Signal, Body]]:
        spans = [record for record in batch if isinstance(record, ReadableSpan)]
        events = [record for record in batch if isinstance(record, Event)]
        if spans:
            yield from ((Signal.TRACES, body) for body in self._bodies(spans))
        if events:
            yield Signal.LOGS, self._encoder.logs(events)

    def _bodies(self, spans: list[ReadableSpan]) -> Iterator[Body]:
        """The spans in as many bodies as keep each below what a door accepts."""
        body = self._encoder.traces(spans)
        if len(body.data) <= BODY_BYTES_MAX or len(spans) == 1:
            yield body
        else:
            half = len(spans) // 2
            yield from self._bodies(spans[:half])
            yield from self._bodies(spans[half:])

    def _send(self, signal: Signal, body: Body, *, away: bool) -> bool:
        """Send one body, or spool it while the sidecar is away. True when the sidecar answered."""
        if body.failed:
            self._drop(body.failed, "they could not be encoded")
        if away:
            self._keep(signal, body)
            return False
        self._in_flight = signal, body
        reply = self._transport.send(signal, body.data)
        if reply.verdict is Verdict.LATER:
            self._pause(reply)
            self._keep(signal, body)
        else:
            self._settle(reply, body.records)
        self._in_flight = None
        return reply.verdict is not Verdict.LATER

    def _send_spooled(self) -> bool:
        """Send what waits on disk, oldest first. False when the sidecar is away, so new batches queue up behind."""
        try:
            if not self._spool.waiting():
                return True
            with self._spool.exclusive() as ours:
                return not ours or all(self._send_file(batch) for batch in self._spool.waiting())
        except OSError as error:
            self._say_once("spool", "cannot read its spool: %s", error)
            return True

    def _send_file(self, batch: Waiting) -> bool:
        reply = self._transport.send(batch.signal, batch.path.read_bytes())
        if reply.verdict is Verdict.LATER:
            self._pause(reply)
            return False
        batch.path.unlink(missing_ok=True)
        self._settle(reply, batch.records)
        return True

    def _settle(self, reply: Reply, records: int) -> None:
        self._pause_seconds = self._next_attempt = 0.0
        if reply.verdict is Verdict.REFUSED:
            self._drop(records, f"the sidecar refused them: {reply.reason}")
            return
        rejected = min(reply.rejected, records)
        if rejected:
            self._drop(rejected, "the sidecar rejected them; its log says why")
        self.delivered_total += records - rejected

    def _pause(self, reply: Reply) -> None:
        """Leave the sidecar alone for a while, longer each time."""
        self._pause_seconds = min(max(self._pause_seconds * 2, PAUSE_SECONDS_FIRST), PAUSE_SECONDS_MAX)
        self._next_attempt = time.monotonic() + max(self._pause_seconds, reply.retry_after_seconds)
        where = self._spool.folder
        self._say_once(
            "away",
            "cannot reach the sidecar at %s (%s); %s. Start it with `whichstep up`, or set WHICHSTEP_ENDPOINT",
            self.settings.traces_url,
            reply.reason,
            f"keeping spans in {where} until then" if where else "spans are dropped until then",
        )

    def _keep(self, signal: Signal, body: Body) -> None:
        try:
            dropped = self._spool.put(signal, body.data, body.records)
        except OSError as error:
            self._drop(body.records, f"the sidecar is away and the spool cannot be written: {error}")
            return
        if dropped:
            self._drop(dropped, "the sidecar is away and the spool is full")

    def _keep_rest(self) -> None:
        """Spool what is queued and what the thread is just sending: sent twice is harmless, lost is not."""
        if (in_flight := self._in_flight) is not None:
            self._keep(*in_flight)
        while batch := self._take():
            for signal, body in self._encode(batch):
                self._keep(signal, body)

    def _drop(self, records: int, reason: str) -> None:
        self.dropped_total += records
        self._say_once(reason, "drops spans: %s. Said once; the count is said at the end of the process", reason)

    def _say_once(self, key: str, message: str, *values: object) -> None:
        if key not in self._said:
            self._said.add(key)
            logger.warning("whichstep " + message, *values)  # noqa: G003  one prefix for all

    def _after_fork(self) -> None:
        """In a child process: the queue belongs to the parent, the thread does not exist."""
        self._queue.clear()
        self._characters = 0
        self._condition = threading.Condition()
        self._started = self._busy = False
        self._flush_requests = self._flushes_done = 0
        self._in_flight = None
