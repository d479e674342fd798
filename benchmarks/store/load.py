"""What does it cost to load, seal and read a span of about 1.5 KB?

`python -m benchmarks.store.load [--rows 5000] [--loads 20]`; CPU of this process, so it holds on a busy machine.
"""

from __future__ import annotations

import argparse
import random
import string
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from store_builders import NOON, batch, content, digest, span
from whichstep_store.batches import Batch, JournalPosition
from whichstep_store.store import Store

WORDS = ["".join(random.Random(n).choices(string.ascii_lowercase, k=3 + n % 7)) for n in range(5000)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000, help="spans a load")
    parser.add_argument("--loads", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        run(store, arguments.rows, arguments.loads)


def run(store: Store, rows: int, loads: int) -> None:
    spent, walls = [], []
    for number in range(loads):
        received = received_spans(number, rows)
        cpu, wall = time.process_time(), time.perf_counter()
        store.writer.load([received], JournalPosition(0, number))
        spent.append((time.process_time() - cpu) / rows * 1e6)
        walls.append((time.perf_counter() - wall) * 1e3)
    again = timed(lambda: store.writer.load([received], None))
    sealed = timed(lambda: store.writer.seal(force=True))
    spans = rows * loads
    disk = sum(path.stat().st_size for path in store.data_dir.rglob("*") if path.is_file())
    wire = (received.spans.nbytes + received.content.nbytes) / rows
    spent.sort()
    walls.sort()
    print(
        f"load: {spent[len(spent) // 2]:.1f} µs CPU a span (p90 {spent[len(spent) * 9 // 10]:.1f}), "
        f"{walls[len(walls) // 2]:.0f} ms a load of {rows} (max {walls[-1]:.0f}); "
        f"duplicates {again / rows * 1e6:.1f} µs; seal and checkpoint {sealed / spans * 1e6:.1f} µs a span; "
        f"{wire:.0f} B a span in, {disk / spans:.0f} B on disk"
    )


def timed(work) -> float:
    """CPU seconds of the process."""
    cpu = time.process_time()
    work()
    return time.process_time() - cpu


def received_spans(number: int, rows: int) -> Batch:
    """Model calls with two texts each, twenty to a trace, a millisecond apart."""
    spans, texts = [], []
    for row in range(rows):
        trace_number, at = number * 1_000_000 + row // 20, NOON + (number * rows + row) * 1_000_000
        asked, said = text(300), text(300)
        texts += [content(trace_number, asked), content(trace_number, said)]
        spans.append(
            span(
                trace_number, row + 1, started_at=at, model="gpt-4o", provider="openai", input_tokens=100 + row,
                output_tokens=5, agent="support", task_type="refund", session_id=f"s{trace_number}", input=asked,
                input_parts=[digest(asked)], input_is_list=True, output=said, output_parts=[digest(said)],
                attributes=f'{{"a": "{text(500)}"}}', resource='{"service.name": "support"}', digest=digest(number, row),
            )
        )  # fmt: skip
    return batch(spans, texts)


def text(length: int) -> str:
    return " ".join(random.choices(WORDS, k=length // 7))


if __name__ == "__main__":
    main()
