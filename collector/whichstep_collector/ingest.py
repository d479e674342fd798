"""From a request body to the journal: decompress, decode, redact, normalise, append.

Both doors hand their bodies here. The work runs in a small pool, because the doors' threads must stay free and more
threads than cores only share one interpreter. The reply comes when the batch is durable. Whatever goes wrong becomes
a refusal of the table; nothing is dropped without one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

from whichstep_collector.compression import decompressed
from whichstep_collector.counters import Counters
from whichstep_collector.decode import Undecodable, decode_logs, decode_traces
from whichstep_collector.errors import JournalFailed, JournalFull
from whichstep_collector.normalise import normalise_logs, normalise_traces
from whichstep_collector.redact import Redactor
from whichstep_collector.refusals import BACKLOG, DEFECT, JOURNAL_FAILED, UNDECODABLE, Refused
from whichstep_collector.replies import LOGS, METRICS, TRACES, Reply
from whichstep_store.batches import Batch, JournalPosition

log = logging.getLogger("whichstep.ingest")

_REASONS_SHOWN = 5


class Request(NamedTuple):
    """The body of one export request and how to read it."""

    signal: str
    body: bytes
    json: bool = False
    coding: str = ""
    """Content coding; empty where the door has undone it."""


class Prepared(NamedTuple):
    """A batch ready for the journal, and what to say when it is durable."""

    batch: Batch
    reply: Reply


class BatchLog(Protocol):
    """The journal, as far as ingest knows it."""

    def offer(self, batch: Batch) -> Future[JournalPosition]:
        """Queue a batch; may refuse."""


class Ingest:
    """The pipeline between the doors and the journal. Thread-safe."""

    def __init__(
        self,
        journal: BatchLog,
        *,
        redactor: Redactor,
        counters: Counters,
        decoded_bytes_max: int,
        workers: int,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Start the pool. `time_ns` gives the time of receipt."""
        self._journal, self._redactor, self._counters = journal, redactor, counters
        self._decoded_bytes_max = decoded_bytes_max
        self._time_ns = time_ns
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        self._said_metrics = False

    def submit(self, request: Request) -> Future[Reply]:
        """Take a request; the future has the reply once it is durable, or raises Refused."""
        done: Future[Reply] = Future()
        done.set_running_or_notify_cancel()
        if request.signal == METRICS:
            self._ignore_metrics(done)
        else:
            self._pool.submit(self._process, request, done)
        return done

    def prepare(self, request: Request) -> Prepared:
        """Return the batch of a request, redacted and normalised; pure but for the clock and the counters.

        Raises:
            Refused: the body cannot be decompressed or decoded.
        """
        body = decompressed(request.body, request.coding, bytes_max=self._decoded_bytes_max)
        try:
            if request.signal == LOGS:
                return self._prepare_logs(body, json=request.json)
            return self._prepare_traces(body, json=request.json)
        except Undecodable as error:
            raise Refused(UNDECODABLE, error.message) from error

    def close(self) -> None:
        """Finish what was taken and end the pool."""
        self._pool.shutdown()

    def _process(self, request: Request, done: Future[Reply]) -> None:
        try:
            prepared = self.prepare(request)
            if not any(part.num_rows for part in prepared.batch):
                done.set_result(prepared.reply)
                return
            durable = self._journal.offer(prepared.batch)
        except Refused as refused:
            done.set_exception(refused)
        except JournalFull:
            done.set_exception(Refused(BACKLOG))
        except JournalFailed:
            done.set_exception(Refused(JOURNAL_FAILED))
        except Exception:  # the outermost edge of a request: the client gets an answer, the log the cause
            log.exception("a %s request met a defect", request.signal)
            done.set_exception(Refused(DEFECT))
        else:
            durable.add_done_callback(lambda written: self._acknowledge(written, prepared, request.signal, done))

    def _prepare_traces(self, body: bytes, *, json: bool) -> Prepared:
        received = decode_traces(body, json=json)
        self._redactor.redact_traces(received)
        batch = normalise_traces(received, received_at=self._time_ns())
        return Prepared(batch, _reply(received.rejected, received.reasons, "spans"))

    def _prepare_logs(self, body: bytes, *, json: bool) -> Prepared:
        received = decode_logs(body, json=json)
        self._redactor.redact_logs(received)
        batch = normalise_logs(received, received_at=self._time_ns())
        return Prepared(batch, _reply(received.rejected, received.reasons, "log records"))

    def _acknowledge(
        self, written: Future[JournalPosition], prepared: Prepared, signal: str, done: Future[Reply]
    ) -> None:
        """Answer once the journal has; runs in its thread."""
        if written.exception():
            done.set_exception(Refused(JOURNAL_FAILED))
            return
        kind = "spans" if signal == TRACES else "log_records"
        accepted = prepared.batch.spans if signal == TRACES else prepared.batch.logs
        self._counters.add(f"whichstep_{kind}_accepted_total", accepted.num_rows)
        self._counters.add(f"whichstep_{kind}_rejected_total", prepared.reply.rejected)
        done.set_result(prepared.reply)

    def _ignore_metrics(self, done: Future[Reply]) -> None:
        self._counters.add("whichstep_metric_requests_ignored_total")
        if not self._said_metrics:
            self._said_metrics = True
            log.info("metrics are accepted and not stored; figures come from the traces")
        done.set_result(Reply())


def _reply(rejected: int, reasons: list[str], what: str) -> Reply:
    if not rejected and not reasons:
        return Reply()
    several = ", …" if len(reasons) > _REASONS_SHOWN else ""
    told = "; ".join(dict.fromkeys(reasons[:_REASONS_SHOWN])) + several
    return Reply(rejected, f"{rejected} {what} left out: {told}" if rejected else told)
