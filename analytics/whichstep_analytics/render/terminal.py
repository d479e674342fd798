"""An execution for a terminal or a pipe: no colour, no width assumed, one line a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whichstep_analytics.render.tree import CAUSE, FAILING, Document, Line, effort, facts, lines, paragraphs, plain
from whichstep_analytics.summary import contract_words, judge_words, named

LEGEND = f"{FAILING} failing step   {CAUSE} cause   ! error   ↺ recovered"


def text(execution: Document) -> str:
    """The execution explained: what happened, the failing and the cause step with the reason, then every step."""
    blocks = (
        _heading(execution),
        _failure(execution),
        _judge(execution),
        _contract(execution),
        _grounding(execution),
        _steps(execution),
        _said(execution),
        _ends(execution),
    )
    return "\n\n".join("\n".join(block) for block in map(list, blocks) if block) + "\n"


def _heading(execution: Document) -> Iterator[str]:
    yield f"execution {execution['execution_id']}"
    yield plain(execution["summary"])
    yield ""
    pairs = facts(execution)
    width = max(len(label) for label, _ in pairs)
    for label, value in pairs:
        yield f"  {label:<{width}}  {value}"


def _failure(execution: Document) -> Iterator[str]:
    failing, cause = execution["failing_step"], execution["cause_step"]
    if failing is None and execution["failure_kind"] is None:
        return
    where = plain(named(failing)) if failing else "no single step"
    confidence = execution["failure_confidence"]
    sure = "" if confidence is None else f", confidence {confidence:.0%}"
    yield f"{FAILING} failing step: {where} ({execution['failure_kind'] or 'unknown kind'}{sure})"
    if execution["failure_reason"]:
        yield f"    {plain(execution['failure_reason'])}"
    if failing and failing["error_message"]:
        yield f"    {plain(failing['error_message'])}"
    if cause and cause["step_id"] != execution["failing_step_id"]:
        yield f"{CAUSE} cause: {plain(named(cause))} ({cause['type']})"
    others = [suspect for suspect in execution["suspects"] if suspect.get("step_id") != execution["failing_step_id"]]
    if others:
        yield "also suspected, most likely first"
    yield from (f"    {_suspect(execution, suspect)}" for suspect in others)


def _suspect(execution: Document, suspect: Document) -> str:
    step = next((step for step in execution["steps"] if step["step_id"] == suspect.get("step_id")), None)
    where = named(step) if step else "the execution as a whole"
    score = "  ?" if suspect.get("score") is None else f"{suspect['score']:>4.0%}"
    by = f", rule {suspect['rule']}" if suspect.get("rule") else ""
    return f"{score}  {plain(where)} ({plain(suspect.get('kind'))}{plain(by)}): {plain(suspect.get('reason'))}"


def _contract(execution: Document) -> Iterator[str]:
    if (conformance := execution.get("conformance")) is not None:
        first, *others = contract_words(conformance)
        yield plain(first)
        yield from (f"  {plain(line)}" for line in others)


def _judge(execution: Document) -> Iterator[str]:
    opinion = execution.get("judge")
    if opinion is None:
        return
    yield f"second opinion: {plain(judge_words(opinion))}"
    if opinion["reason"]:
        yield f"    {plain(opinion['reason'])}"


def _grounding(execution: Document) -> Iterator[str]:
    found = execution.get("grounding")
    if found and found["ungrounded"]:
        values = ", ".join(plain(value) for value in found["ungrounded"])
        share = f"{len(found['ungrounded'])} of {found['checked']} values of the answer"
        yield f"ungrounded: {share} stand in no source: {values}"


def _steps(execution: Document) -> Iterator[str]:
    drawn = lines(execution)
    if not drawn:
        yield "no steps"
        return
    yield f"steps ({LEGEND})"
    rows = [_cells(line) for line in drawn]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(line: Line) -> Sequence[str]:
    step = line.step
    again = f" (attempt {step['attempt']})" if step["attempt"] > 1 else ""
    name = f"{line.branch}{plain(step['name'])}{again}"
    return line.mark or " ", f"{step['position']:>3}", name, step["type"], step["status"], effort(step)


def _said(execution: Document) -> Iterator[str]:
    for evaluation in execution["evaluations"]:
        value = " ".join(plain(evaluation[key]) for key in ("label", "score") if evaluation.get(key) is not None)
        why = f": {plain(evaluation['explanation'])}" if evaluation.get("explanation") else ""
        source = evaluation.get("source") or "source unknown"
        yield f"evaluation {plain(evaluation['name'])} = {value or '-'} ({source}){why}"


def _ends(execution: Document) -> Iterator[str]:
    for label, value in (("input", execution["input"]), ("output", execution["final_output"])):
        if value:
            yield label
            yield from (f"  {line}" for line in paragraphs(value).splitlines())
