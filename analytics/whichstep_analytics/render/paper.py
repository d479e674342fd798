"""An execution as Markdown, for an issue or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whichstep_analytics.render.tree import (
    CAUSE,
    DRAWN_DEPTH_MAX,
    FAILING,
    Document,
    effort,
    facts,
    lines,
    paragraphs,
    plain,
)
from whichstep_analytics.summary import contract_words, judge_words, named

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$])")


def markdown(execution: Document) -> str:
    """The execution explained: summary, failing step with its texts, table of steps, input and output."""
    blocks = (
        _heading(execution),
        _failure(execution),
        _judge(execution),
        _contract(execution),
        _steps(execution),
        _ends(execution),
    )
    return "\n".join(line for block in blocks for line in block).rstrip() + "\n"


def escaped(value: object) -> str:
    """Text on one line that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", plain(value))


def fenced(value: object) -> Iterator[str]:
    """Text as a code block, fenced longer than any fence within."""
    body = paragraphs(value)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", body)), default=0))
    yield from (f"{fence}text", body, fence, "")


def _heading(execution: Document) -> Iterator[str]:
    yield f"# Execution {execution['execution_id']}"
    yield ""
    yield escaped(execution["summary"])
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {escaped(label)} | {escaped(value)} |" for label, value in facts(execution))
    yield ""


def _failure(execution: Document) -> Iterator[str]:
    failing, cause = execution["failing_step"], execution["cause_step"]
    if failing is None and execution["failure_kind"] is None:
        return
    where = escaped(named(failing)) if failing else "no single step"
    yield f"## {FAILING} Failing step: {where}"
    yield ""
    kind = escaped(execution["failure_kind"] or "unknown kind")
    yield f"**{kind}** {escaped(execution['failure_reason'] or '')}".rstrip()
    yield ""
    if failing and failing["error_message"]:
        yield from fenced(failing["error_message"])
    if cause and cause["step_id"] != execution["failing_step_id"]:
        yield f"{CAUSE} Cause: {escaped(named(cause))}"
        yield ""


def _contract(execution: Document) -> Iterator[str]:
    if (conformance := execution.get("conformance")) is not None:
        first, *others = contract_words(conformance)
        yield from ("## Contract", "", escaped(first), "", *(f"- {escaped(line)}" for line in others), "")


def _judge(execution: Document) -> Iterator[str]:
    opinion = execution.get("judge")
    if opinion is not None:
        yield from ("## Second opinion", "", escaped(judge_words(opinion)), "", escaped(opinion["reason"]), "")


def _steps(execution: Document) -> Iterator[str]:
    yield "## Steps"
    yield ""
    yield "| | # | step | type | status | took |"
    yield "|---|--:|---|---|---|---|"
    for line in lines(execution):
        step, indent = line.step, "&nbsp;" * 4 * min(line.depth, DRAWN_DEPTH_MAX)
        cells = (line.mark, step["position"], indent + escaped(step["name"]), step["type"], step["status"])
        yield f"| {' | '.join(map(str, cells))} | {escaped(effort(step))} |"
    yield ""


def _ends(execution: Document) -> Iterator[str]:
    for label, value in (("Input", execution["input"]), ("Output", execution["final_output"])):
        if value:
            yield f"## {label}"
            yield ""
            yield from fenced(value)
