"""What does a span cost between the wire and the journal? CPU microseconds for decode, redact, normalise, Arrow, record.

    python benchmarks/collector/bench_normalise.py [--requests FOLDER] [--rounds 15]

Without a folder of request bodies (`*.pb`), 8 requests of 512 spans are made here: agents with a retriever, a model and
tools, about 1.5 KB a span, histories sent again. Where recordings of real frameworks are (`tests/captures.py`), a second line says what
normalising theirs costs, Arrow included: request by request as they arrived, and in batches of 512 as an exporter under
load sends them. The best of the rounds is printed: noise only adds.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import builders
import captures
from whichstep_collector import normalise
from whichstep_collector.decode import decode_traces
from whichstep_collector.journal_records import encode
from whichstep_collector.normalising.columns import span_batch
from whichstep_collector.process_start import prepare_process
from whichstep_collector.received import ReceivedTraces
from whichstep_collector.redact import Redactor

WORDS = "order refund policy damaged parcel customer agent invoice delay retry answer question amount total".split()


def words(source: random.Random, count: int) -> str:
    return " ".join(source.choice(WORDS) for _ in range(count))


def model_call(source: random.Random, history: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-mini",
        "llm.provider": "openai",
    }
    for at, said in enumerate(history):
        found[f"llm.input_messages.{at}.message.role"] = "user" if at % 2 == 0 else "assistant"
        found[f"llm.input_messages.{at}.message.content"] = said
    answer = words(source, 60)
    history.append(answer)
    return found | {
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": answer,
        "llm.token_count.prompt": 400, "llm.token_count.completion": 80, "session.id": "s-1", "output.value": answer,
    }  # fmt: skip


def execution(source: random.Random, trace: int) -> list[Any]:
    history = [words(source, 60)]
    spans = [
        builders.span(
            "agent",
            trace=trace,
            id=trace * 100,
            attributes={"openinference.span.kind": "AGENT", "input.value": history[0]},
        )
    ]
    for turn in range(3):
        more = [model_call(source, history)]
        result = f'{{"rows": [{{"text": "{words(source, 40)}"}}], "ok": true}}'
        more.append(
            {
                "openinference.span.kind": "TOOL",
                "tool.name": "lookup_order",
                "input.value": '{"id": "A-1"}',
                "output.value": result,
            }
        )
        documents = {f"retrieval.documents.{at}.document.content": words(source, 45) for at in range(4)}
        more.append({"openinference.span.kind": "RETRIEVER", "input.value": words(source, 8), **documents})
        spans += [
            builders.span(
                "step", trace=trace, id=trace * 100 + turn * 10 + at + 1, parent=trace * 100, attributes=attributes
            )
            for at, attributes in enumerate(more)
        ]
        history.append(words(source, 30))
    return spans


def made_requests() -> list[bytes]:
    source = random.Random(7)
    bodies, trace = [], 0
    for _ in range(8):
        spans: list[Any] = []
        while len(spans) < 512:
            trace += 1
            spans += execution(source, trace)
        bodies.append(builders.request(*spans[:512]).SerializeToString())
    return bodies


def measured(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    prepare_process()
    bodies = (
        [path.read_bytes() for path in sorted(options.requests.glob("*.pb"))[:8]]
        if options.requests
        else made_requests()
    )
    redactor, in_arrow = Redactor(), [0.0]

    def timed_batch(rows: Any) -> Any:
        seconds, batch = measured(lambda: span_batch(rows))
        in_arrow[0] += seconds
        return batch

    normalise.span_batch = timed_batch  # type: ignore[attr-defined]
    best = [float("inf")] * 5
    spans = 0
    for _ in range(options.rounds):
        gc.collect()
        total = [0.0] * 5
        spans = 0
        for body in bodies:
            in_arrow[0] = 0
            decode, received = measured(lambda body=body: decode_traces(body, json=False))
            redact, _ = measured(lambda received=received: redactor.redact_traces(received))
            rest, batch = measured(
                lambda received=received: normalise.normalise_traces(received, received_at=builders.RECEIVED)
            )
            record, _ = measured(lambda batch=batch: encode(batch))
            spans += received.span_count
            costs = (decode, redact, rest - in_arrow[0], in_arrow[0], record)
            total = [sum(pair) for pair in zip(total, costs, strict=True)]
        best = [min(pair) for pair in zip(best, (seconds / spans * 1e6 for seconds in total), strict=True)]
    names = ("decode", "redact", "normalise", "arrow", "record")
    said = ", ".join(f"{name} {cost:.1f}" for name, cost in zip(names, best, strict=True))
    size = sum(map(len, bodies)) / spans
    print(f"µs CPU a span ({size:,.0f} B): {said}, together {sum(best):.1f}")
    normalise.span_batch = span_batch  # type: ignore[attr-defined]
    print_recorded(options.rounds)


def print_recorded(rounds: int) -> None:
    """One line for the spans of real frameworks, if there are any."""
    paths = [path for capture in captures.all_captures() for path in sorted(capture.glob("*.traces.pb"))]
    if not paths:
        return
    arrived = [decode_traces(path.read_bytes(), json=False) for path in paths]
    spans = sum(received.span_count for received in arrived)
    batches = [ReceivedTraces()]
    for group in (group for received in arrived for group in received.groups):
        if batches[-1].span_count >= 512:
            batches.append(ReceivedTraces())
        batches[-1].groups.append(group)
    as_arrived, batched = (best_cost(requests, rounds) / spans * 1e6 for requests in (arrived, batches))
    print(
        f"µs CPU a recorded span to normalise ({spans} spans of {len(arrived)} requests): "
        f"{as_arrived:.1f} as they arrived, {batched:.1f} in batches of 512"
    )


def best_cost(requests: list[ReceivedTraces], rounds: int) -> float:
    def work() -> None:
        for received in requests:
            normalise.normalise_traces(received, received_at=builders.RECEIVED)

    return min(measured(work)[0] for _ in range(rounds))


if __name__ == "__main__":
    main()
