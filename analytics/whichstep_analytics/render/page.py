"""An execution as one HTML file: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from whichstep_analytics.render.tree import (
    CAUSE,
    DRAWN_DEPTH_MAX,
    FAILING,
    Document,
    Line,
    effort,
    facts,
    lines,
    paragraphs,
    plain,
    texts,
)
from whichstep_analytics.summary import contract_words, judge_words, named
from whichstep_store.filters import parse_time

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(execution: Document) -> str:
    """The whole page: summary, failing and cause step, the steps as a waterfall that opens to their texts."""
    style = (files("whichstep_analytics") / "render" / "page.css").read_text(encoding="utf-8")
    body = "\n".join(
        part for block in (_heading, _failure, _judge, _contract, _steps, _ends) for part in block(execution)
    )
    title = escape(f"whichstep: execution {execution['execution_id']}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def shown(value: object) -> str:
    """Text on one line, escaped."""
    return escape(plain(value))


def _heading(execution: Document) -> Iterator[str]:
    yield f"<h1>Execution <code>{shown(execution['execution_id'])}</code></h1>"
    yield f"<p>{shown(execution['summary'])}</p>"
    cells = (f"<div><dt>{shown(label)}</dt><dd>{shown(value)}</dd></div>" for label, value in facts(execution))
    yield f'<dl class="facts">{"".join(cells)}</dl>'


def _failure(execution: Document) -> Iterator[str]:
    failing, cause = execution["failing_step"], execution["cause_step"]
    if failing is None and execution["failure_kind"] is None:
        return
    where = shown(named(failing)) if failing else "no single step"
    yield f'<section class="failure"><h2>{FAILING} Failing step: {where}</h2>'
    yield f"<p><strong>{shown(execution['failure_kind'] or 'unknown kind')}</strong> "
    yield f"{shown(execution['failure_reason'] or '')}</p>"
    if cause and cause["step_id"] != execution["failing_step_id"]:
        yield f"<p>{CAUSE} Cause: {shown(named(cause))}</p>"
    yield "</section>"


def _contract(execution: Document) -> Iterator[str]:
    if (conformance := execution.get("conformance")) is not None:
        first, *others = contract_words(conformance)
        yield f"<section><h2>Contract</h2><p>{shown(first)}</p><ul>"
        yield from (f"<li>{shown(line)}</li>" for line in others)
        yield "</ul></section>"


def _judge(execution: Document) -> Iterator[str]:
    opinion = execution.get("judge")
    if opinion is not None:
        yield f"<section><h2>Second opinion</h2><p>{shown(judge_words(opinion))}</p>"
        yield f"<p>{shown(opinion['reason'])}</p></section>"


def _steps(execution: Document) -> Iterator[str]:
    drawn = lines(execution)
    yield f"<h2>Steps ({len(drawn)})</h2>"
    starts = [_milliseconds(line.step["started_at"]) for line in drawn]
    first = min(starts, default=0.0)
    ends = (start + (line.step["latency_ms"] or 0) for start, line in zip(starts, drawn, strict=True))
    whole = max(max(ends, default=0.0) - first, 1e-6)
    for start, line in zip(starts, drawn, strict=True):
        yield _step(line, offset=(start - first) / whole, share=(line.step["latency_ms"] or 0) / whole)


def _step(line: Line, *, offset: float, share: float) -> str:
    step = line.step
    kind = {FAILING: "failing", CAUSE: "cause"}.get(line.mark, "ordinary")
    bar = f'<span class="bar"><i style="margin-left:{offset:.2%};width:{max(share, 0.004):.2%}"></i></span>'
    name = f'<b style="padding-left:{min(line.depth, DRAWN_DEPTH_MAX) * 1.2:.1f}em">{shown(step["name"])}</b>'
    cells = "".join(f"<span>{shown(value)}</span>" for value in (step["type"], step["status"], effort(step)))
    head = f"<summary><span>{line.mark}</span><span>{step['position']}</span>{name}{cells}{bar}</summary>"
    fields = "".join(f"<h3>{shown(label)}</h3><pre>{escape(paragraphs(text))}</pre>" for label, text in texts(step))
    opened = " open" if line.mark == FAILING else ""
    return f'<details class="{kind}"{opened}>{head}{fields or "<p>no texts</p>"}</details>'


def _milliseconds(time: str) -> float:
    return parse_time(time, now=0) / 1e6


def _ends(execution: Document) -> Iterator[str]:
    for label, value in (("Input", execution["input"]), ("Output", execution["final_output"])):
        if value:
            yield f"<h2>{label}</h2><pre>{escape(paragraphs(value))}</pre>"
