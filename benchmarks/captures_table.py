"""How much of the truth do the jobs find in recorded requests of real frameworks? Prints framework by fact.

Usage: python -m benchmarks.captures_table [--wrong | --markdown] [name part …]; `--wrong` lists every fact that is
wrong, `--markdown` writes docs/frameworks.md.
A cell reads ok/unknown/wrong over the variants of the set-up.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

for part in ("analytics", "collector", "store", "sdk", "tests"):
    sys.path.append(str(Path(__file__).resolve().parents[1] / part))

import captures  # noqa: E402

VERDICTS = ("ok", "unknown", "wrong")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "frameworks.md"
_INTRODUCTION = """# Frameworks

Real frameworks played one support story in about a dozen variants each (success, a failing tool, a retry, a wrong tool,
empty retrieval, a model error, a loop, a hand-over, parallel tools, approvals) against a scripted model. Their OTLP
requests were recorded, and what truly happened was written down beside them. This table says what whichstep makes of
the recordings: `ok` as it happened, `unknown` where the recording does not carry the fact (what is missing, and why, is
listed in `tests/captures.py`), `wrong` otherwise. Written by `python -m benchmarks.captures_table --markdown`.

What an instrumentation does not send cannot be known and is `unknown`. The [framework matrix](framework_matrix.md) plays
more frameworks, and shows for each unknown whether it was sent.

What these instrumentations do not send:

- **AutoGen**'s native spans have no model calls, tokens, contents or session. A team's messages tell all of these but the
  model and the session: its steps have them (flag `derived`). Streamed calls report no usage.
- **CrewAI** under OpenInference has no model calls, so no tokens, unless the client is instrumented as well.
- **Google ADK** keeps messages, arguments and results in log events: send its logs too, and they are part of their steps.
- **Langfuse**'s SDK sends an error's message, not its type.
- **OpenAI Agents** under OpenInference hides why a tool failed, and after an approval the resumed run is not exported:
  such an execution is shown as waiting.
- **Plain clients** (`openai` with openai-v2) make every call a trace of its own and send no spans for tools: both are read
  from the messages (flag `derived`), so the last tool of a run whose result no model was given, an embedding alone in
  its trace and the session stay unknown. Version 2.4b0 does not trace the Responses API at all.
- **Pydantic AI** makes up a conversation id where none is given. **Vercel AI SDK**'s new emitter sends no session.

Approvals and handovers that no span stands for are read from what the trace shows as a whole (flag `derived`); whether
a person refused is told by words where nothing else tells it (flag `guessed`).
"""


def main(arguments: list[str]) -> None:
    parts = [argument for argument in arguments if not argument.startswith("-")]
    tally: dict[str, Counter[tuple[str, str]]] = {}
    wrong: list[str] = []
    for capture in captures.all_captures():
        if parts and not any(part in str(capture) for part in parts):
            continue
        setup = tally.setdefault(capture.parent.name, Counter())
        for fact, verdict in captures.judge(capture).items():
            setup[fact, verdict.split(":")[0]] += 1
            if verdict.startswith("wrong"):
                wrong.append(f"{capture.parent.name}/{capture.name}: {fact} {verdict}")
    if "--markdown" in arguments:
        PAGE.write_text(_page(tally), encoding="utf-8")
        return
    print(f"{'set-up (ok/unknown/wrong)':<36}" + "".join(f"{fact:>14}" for fact in captures.FACTS))
    for name, counts in tally.items():
        cells = (
            "/".join(str(counts[fact, verdict]) for verdict in ("ok", "unknown", "wrong")) for fact in captures.FACTS
        )
        print(f"{name:<36}" + "".join(f"{cell:>14}" for cell in cells))
    if "--wrong" in arguments:
        print("\n".join(wrong))


def _page(tally: dict[str, Counter[tuple[str, str]]]) -> str:
    """docs/frameworks.md: what holds for each recorded set-up."""
    facts = " | ".join(captures.FACTS)
    lines = [_INTRODUCTION, f"| set-up | runs | {facts} |", "|---|---|" + "---|" * len(captures.FACTS)]
    for name, counts in tally.items():
        framework, instrumentation = name.split("__", 1)
        runs = sum(counts[captures.FACTS[0], verdict] for verdict in VERDICTS)
        cells = " | ".join(_cell(counts, fact, runs) for fact in captures.FACTS)
        lines.append(f"| {framework}, {instrumentation} | {runs} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(counts: Counter[tuple[str, str]], fact: str, runs: int) -> str:
    if counts[fact, "ok"] == runs:
        return "all"
    said = f"{counts[fact, 'ok']} ok"
    for verdict in VERDICTS[1:]:
        said += f", {counts[fact, verdict]} {verdict}" if counts[fact, verdict] else ""
    return said


if __name__ == "__main__":
    main(sys.argv[1:])
