"""What does it cost to check an answer against all that its execution was given?

Usage: python -m benchmarks.analytics.bench_grounding [executions]. Executions of 30 steps: ten model calls, each with
the whole conversation so far, ten tools, ten plain functions. One line: CPU an execution, reading and writing included.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from store_builders import NOON, SECOND, batch, content, span
from whichstep_analytics.grounding_runner import GroundingRunner
from whichstep_analytics.runner import JobRunner
from whichstep_store.store import Store

CALLS = 10
CHUNK = 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    clock = NOON + 3_600 * SECOND
    with tempfile.TemporaryDirectory() as folder, Store.open(folder, clock=lambda: clock) as store:
        for start in range(0, count, CHUNK):
            made = [execution(number) for number in range(start, min(start + CHUNK, count))]
            spans, texts = ([row for pair in made for row in pair[at]] for at in (0, 1))
            store.writer.load([batch(spans, texts)], None)
        JobRunner(store, clock=lambda: clock).drain()
        with store._database.writing() as session:  # noqa: SLF001  (checked once already, by the jobs)
            session.execute("delete from grounding_rows")
        runner, begun = GroundingRunner(store), time.process_time()
        while runner.refresh():
            pass
        spent = (time.process_time() - begun) / count
        found = store.reader.sql(
            "select sum(checked) as checked, sum(ungrounded_count) as wrong from grounding"
        ).to_pylist()[0]
    print(
        f"bench_grounding: {spent * 1e3:.2f} ms CPU an execution of 30 steps "
        f"({count:,} executions, {found['checked']} values checked, {found['wrong']} ungrounded)"
    )


def execution(number: int) -> tuple[list[dict], list[dict]]:
    """Spans and texts of one execution; its last answer names three values, one of them made up."""
    messages = [content(number, message("user", f"where is order A-{number + 1000}? " + "please look " * 100))]
    spans = [span(number, 1, type="agent", step_name="desk", output="done")]
    for turn in range(CALLS):
        at = 10 + turn * 3
        said = {"input_parts": [text["hash"] for text in messages], "input_is_list": True, "input": "[…]"}
        answer = f"Order A-{number + 1000} costs ${turn + 40}.50, reference RF-{number + 50_000}."
        spans.append(span(number, at, parent_span_id=1, type="llm_call", step_name="model", output=answer, **said))
        result = json.dumps({"order": f"A-{number + 1000}", "total": f"{turn + 40}.50", "notes": "x" * 2_000})
        kept = content(number, result)
        parts = {"result": result[:1024], "result_parts": [kept["hash"]]}
        spans.append(
            span(number, at + 1, parent_span_id=1, type="tool_call", tool="lookup", step_name="lookup", **parts)
        )
        spans.append(span(number, at + 2, parent_span_id=1, type="other", step_name="parse", output="parsed"))
        messages += [kept, content(number, message("tool", result))]
    return spans, messages


def message(role: str, text: str) -> str:
    return json.dumps({"role": role, "parts": [{"type": "text", "content": text}]})


if __name__ == "__main__":
    main()
