"""What does it cost to make a batch durable, and how many syncs do concurrent requests share?

    python -m benchmarks.collector.bench_journal

Prints one line a case: CPU a span (whole process), spans a second, acknowledgement p50 and p99, spans a sync.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from benchmarks.load import support_requests

from whichstep_collector.decode import decode_traces
from whichstep_collector.journal import Journal
from whichstep_collector.normalise import normalise_traces
from whichstep_store.batches import Batch

SECONDS = 3.0
CASES = ((1, 1), (1, 16), (64, 8), (512, 1), (512, 4))


def sample(spans: int) -> Batch:
    """A normalised batch of spans of about 1.5 KB."""
    request = next(support_requests(spans, seed=1, start_ns=time.time_ns(), batch=spans))
    return normalise_traces(decode_traces(request.body, json=False), received_at=time.time_ns())


def run(spans: int, clients: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), backlog_bytes_max=1 << 40)
        received, waits, end = sample(spans), [], time.monotonic() + SECONDS

        def send() -> None:
            while time.monotonic() < end:
                started = time.monotonic()
                journal.append(received)
                waits.append(time.monotonic() - started)

        cpu = time.process_time()
        threads = [threading.Thread(target=send) for _ in range(clients)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        cpu = time.process_time() - cpu
        state = journal.state()
        journal.close()
    waits.sort()
    sent = len(waits) * spans
    return (
        f"journal: {spans} spans a request, {clients} clients: {cpu / sent * 1e6:.2f} us CPU a span, "
        f"{sent / SECONDS:,.0f} spans/s, acknowledged p50 {waits[len(waits) // 2] * 1e3:.1f} ms "
        f"p99 {waits[int(len(waits) * 0.99)] * 1e3:.1f} ms, {sent / state.syncs:.0f} spans a sync, "
        f"{state.bytes / sent:.0f} B a span"
    )


if __name__ == "__main__":
    for case in CASES:
        print(run(*case))
