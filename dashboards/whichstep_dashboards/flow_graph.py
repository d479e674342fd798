"""What came after what, as Graphviz DOT: pure. Labels of traces go in as quoted text, never as markup.

Wider arrows are more frequent; orange says how many of the executions there failed, and a dashed arrow is one that the
contract does not allow. Colour is never the only sign: the failures stand in words, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line

NODES_MAX: Final = 30
EDGES_MAX: Final = 60
_ENDS: Final = ("start", "end")


def dot(graph: Mapping[str, Any], *, colours: Palette) -> str:
    """The most frequent activities and the pairs between them."""
    nodes: Sequence[Mapping[str, Any]] = (graph.get("nodes") or [])[:NODES_MAX]
    ids = {str(node["label"]): f"n{number}" for number, node in enumerate(nodes)}
    ids |= {name: name for name in _ENDS if name not in ids}
    edges = [edge for edge in graph.get("edges") or [] if edge["from"] in ids and edge["to"] in ids][:EDGES_MAX]
    most = max((edge["count"] for edge in edges), default=1)
    lines = [
        "digraph flow {",
        f'bgcolor="transparent"; rankdir=TB; nodesep=0.5; ranksep=0.45; fontcolor="{colours.text}";',
        'node [shape=box, margin="0.18,0.09", style="rounded,filled"];',
        f'node [fillcolor="{colours.background}", color="{colours.muted}"];',
        f'node [fontname="sans-serif", fontsize=12, fontcolor="{colours.text}"];',
        f'edge [fontname="sans-serif", fontsize=10, fontcolor="{colours.muted}", color="{colours.muted}"];',
        *(f'{name} [shape=circle, label="{name}", width=0.5, fixedsize=true];' for name in _ENDS if ids[name] == name),
        *(_node(ids[str(node["label"])], node, colours) for node in nodes),
        *(_edge(ids[edge["from"]], ids[edge["to"]], edge, most, colours) for edge in edges),
        "}",
    ]
    return "\n".join(lines)


def _node(name: str, node: Mapping[str, Any], colours: Palette) -> str:
    failed = node.get("failed") or 0
    label = f"{one_line(node['label'], limit=40)}\n{node['count']:,}" + (f" · {failed:,} failed" if failed else "")
    colour = _colour(node.get("failure_share"), colours)
    return f'{name} [label={_quoted(label)}, color="{colour}", penwidth={1.5 if failed else 1}];'


def _edge(source: str, target: str, edge: Mapping[str, Any], most: int, colours: Palette) -> str:
    failed = edge.get("failed") or 0
    label = f"{edge['count']:,}" + (f" ({failed:,} failed)" if failed else "")
    forbidden = edge.get("allowed") is False
    style = "dashed" if forbidden else "solid"
    label += " not allowed" if forbidden else ""
    width = 1 + 3 * math.sqrt(edge["count"] / most)
    colour = colours.failing if forbidden else _colour(edge.get("failure_share"), colours)
    return f'{source} -> {target} [label={_quoted(label)}, penwidth={width:.2f}, style={style}, color="{colour}"];'


def _colour(share: float | None, colours: Palette) -> str:
    """Muted where nothing failed, then darker with the share that did."""
    if not share:
        return colours.muted
    steps = colours.heat[1:]
    return steps[min(int(share * len(steps)), len(steps) - 1)]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
