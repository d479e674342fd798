"""What a workflow's executions did, drawn: as Mermaid, and as one HTML file with a drawing in SVG.

Takes the document of `Answers.workflow`. Activities stand in rows by their shortest way from the start; wider arrows
are more frequent, a dashed one is not allowed by the contract. Every text is escaped; the page has no script.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from typing import Any, Final

from whichstep_analytics.render.page import POLICY, shown
from whichstep_analytics.render.tree import plain

Document = Mapping[str, Any]
_START, _END = "start", "end"
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 190, 44, 280, 110
_LABEL_MAX: Final = 26


def mermaid(workflow: Document) -> str:
    """A flow chart: counts on activities and arrows, how many of the executions there failed."""
    graph = workflow["graph"]
    ids = _ids(graph)
    lines = ["flowchart TD"]
    lines += [f"  {ids[name]}(({name}))" for name in (_START, _END)]
    lines += [f'  {ids[node["label"]]}["{_entities(_words(node["label"], node))}"]' for node in graph["nodes"]]
    for edge in graph["edges"]:
        arrow = "-.->" if edge["allowed"] is False else "-->"
        lines.append(f'  {ids[edge["from"]]} {arrow}|"{_counts(edge)}"| {ids[edge["to"]]}')
    return "\n".join(lines)


def html(workflow: Document) -> str:
    """The whole page: figures, the drawing, what breaks the contract, the ways that executions went."""
    style = (files("whichstep_analytics") / "render" / "page.css").read_text(encoding="utf-8")
    parts = (_heading(workflow), _drawing(workflow["graph"]), _deviations(workflow), _variants(workflow))
    body = "\n".join(line for part in parts for line in part)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>whichstep: workflow {shown(workflow['workflow'])}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _heading(workflow: Document) -> Iterator[str]:
    share, observed = workflow["conformance"], workflow["observed"]
    yield f"<h1>Workflow <code>{shown(workflow['workflow'])}</code></h1>"
    kept = "unknown" if share["value"] is None else f"{share['value']:.1%}, at least {share['lower']:.1%}"
    facts = (
        ("executions", f"{workflow['examined']:,} of {workflow['executions']:,}"),
        ("keep to the contract", f"{kept} ({share['numerator']:,} of {share['denominator']:,} known)"),
        ("level of the contract", workflow["level"] or "none"),
        ("observed level", f"{observed['level'] or 'unknown'}: {observed['reason']}"),
        ("next level", workflow["readiness"]["reason"]),
    )
    cells = (f"<div><dt>{shown(label)}</dt><dd>{shown(value)}</dd></div>" for label, value in facts)
    yield f'<dl class="facts">{"".join(cells)}</dl>'


def _drawing(graph: Document) -> Iterator[str]:
    places = _places(graph)
    across = max((x for x, _ in places.values()), default=0) + _ACROSS
    down = max((y for _, y in places.values()), default=0) + _DOWN
    most = max((edge["count"] for edge in graph["edges"]), default=1)
    nodes = {node["label"]: node for node in graph["nodes"]}
    yield "<h2>What came after what</h2>"
    yield f'<svg viewBox="0 0 {across} {down}" width="100%" role="img" font-family="sans-serif" font-size="12">'
    yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" orient="auto"'
    yield ' markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#5f6b7a"/></marker></defs>'
    for edge in graph["edges"]:
        yield _arrow(edge, places, most)
    for name, (x, y) in places.items():
        yield _box(name, nodes.get(name), x, y)
    yield "</svg>"


def _places(graph: Document) -> dict[str, tuple[int, int]]:
    """Where each activity stands: rows by the shortest way from the start, the most frequent first, the end last."""
    following: dict[str, list[str]] = defaultdict(list)
    for edge in graph["edges"]:
        following[edge["from"]].append(edge["to"])
    depths, waiting = {_START: 0}, [_START]
    for name in waiting:
        for target in following[name]:
            if target not in depths and target != _END:
                depths[target] = depths[name] + 1
                waiting.append(target)
    depths[_END] = max(depths.values()) + 1
    rows: dict[int, list[str]] = defaultdict(list)
    for name, depth in depths.items():
        rows[depth].append(name)
    widest = max(len(row) for row in rows.values())
    return {
        name: (round(_ACROSS * (at + (widest - len(row)) / 2)) + 20, depth * _DOWN + 10)
        for depth, row in rows.items()
        for at, name in enumerate(row)
    }


def _box(name: str, node: Document | None, x: int, y: int) -> str:
    title = escape(name if len(name) <= _LABEL_MAX else f"{name[: _LABEL_MAX - 1]}…")
    counted = "" if node is None else f'<tspan x="{x + _WIDTH / 2}" dy="15" fill="#5f6b7a">{_counts(node)}</tspan>'
    failed = node is not None and node["failed"]
    stroke, radius = ("#d55e00", 6) if failed else ("#5f6b7a", 6 if node else 20)
    return (
        f'<g><title>{shown(name)}</title><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{radius}"'
        f' fill="#fff" stroke="{stroke}"/><text x="{x + _WIDTH / 2}" y="{y + (19 if node else 26)}"'
        f' text-anchor="middle" fill="#1c2430">{title}{counted}</text></g>'
    )


def _arrow(edge: Document, places: Mapping[str, tuple[int, int]], most: int) -> str:
    """A curve; forward ones leave below, those back bend to the side."""
    if edge["from"] not in places or edge["to"] not in places:
        return ""
    (x1, y1), (x2, y2) = places[edge["from"]], places[edge["to"]]
    begin: tuple[float, float]
    end: tuple[float, float]
    if y2 > y1:
        begin, end = (x1 + _WIDTH / 2, y1 + _HEIGHT), (x2 + _WIDTH / 2, y2)
        bend = f"C{begin[0]} {begin[1] + 35},{end[0]} {end[1] - 35},"
    else:
        begin, end = (x1 + _WIDTH, y1 + _HEIGHT / 2), (x2 + _WIDTH, y2 + _HEIGHT / 2 + 8)
        bend = f"C{begin[0] + 60} {begin[1]},{end[0] + 60} {end[1]},"
    # near the head of an arrow down, at the tail of one back: so labels seldom meet
    down = y2 > y1
    at = (begin[0] + 0.7 * (end[0] - begin[0]), begin[1] + 0.75 * (end[1] - begin[1])) if down else begin
    place = (at[0] + 4, at[1] if down else at[1] - 6)
    width = 1 + 3 * math.sqrt(edge["count"] / most)
    dashed = ' stroke-dasharray="6 4"' if edge["allowed"] is False else ""
    colour = "#d55e00" if edge["allowed"] is False else "#a9b4c2"
    return (
        f'<path d="M{begin[0]} {begin[1]}{bend}{end[0]} {end[1]}" fill="none" stroke="{colour}"'
        f' stroke-width="{width:.1f}"{dashed} marker-end="url(#tip)"/>'
        f'<text x="{place[0]:.0f}" y="{place[1]:.0f}" font-size="10" fill="#5f6b7a" stroke="#fff" stroke-width="3"'
        f' paint-order="stroke">{_counts(edge)}</text>'
    )


def _deviations(workflow: Document) -> Iterator[str]:
    yield f"<h2>What breaks the contract ({len(workflow['deviations'])})</h2>"
    for row in workflow["deviations"]:
        yield f"<p><strong>{row['executions']:,}</strong> executions: {shown(row['reason'])}</p>"


def _variants(workflow: Document) -> Iterator[str]:
    yield f"<h2>Ways that executions went ({len(workflow['variants'])} most frequent)</h2>"
    for row in workflow["variants"]:
        yield f"<p><strong>{row['count']:,}</strong> ({row['share']:.1%}): {shown(' → '.join(row['steps']))}</p>"


def _ids(graph: Document) -> dict[str, str]:
    found = {node["label"]: f"n{number}" for number, node in enumerate(graph["nodes"])}
    return {_START: _START, _END: "finish", **found}


def _words(label: str, node: Document) -> str:
    return f"{plain(label)}: {_counts(node)}"


def _counts(counted: Document) -> str:
    return f"{counted['count']:,}" + (f" ({counted['failed']:,} failed)" if counted["failed"] else "")


def _entities(text: str) -> str:
    return "".join(f"#{ord(sign)};" if sign in '"<>#;`\\[](){}|' else sign for sign in text)
