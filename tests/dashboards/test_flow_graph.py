"""What came after what, as a drawing."""

from __future__ import annotations

import fake_api

from whichstep_dashboards import flow_graph
from whichstep_dashboards.palette import LIGHT


def graph(name: str) -> str:
    return flow_graph.dot(fake_api._workflows(name, held=True)[f"workflows/{name}"]["graph"], colours=LIGHT)


def test_counts_failures_and_what_is_not_allowed_stand_in_words():
    drawn = graph("b")
    assert '[label="b\\n10 · 1 failed"' in drawn
    assert '"10 (1 failed) not allowed"' in drawn
    assert "style=dashed" in drawn


def test_names_of_traces_are_text_and_never_markup():
    drawn = graph('x"]; evil [label=<b>"\\')
    assert drawn.count("evil [label") == drawn.count("; evil [label=<b>")
    line = next(line for line in drawn.splitlines() if line.startswith("n1 "))
    assert line.startswith('n1 [label="x\\"]; evil [label=<b>\\"\\\\\\n10')


def test_only_the_most_frequent_activities_are_drawn():
    many = [{"label": str(number), "count": 1, "failed": 0} for number in range(100)]
    assert flow_graph.dot({"nodes": many, "edges": []}, colours=LIGHT).count("penwidth") == flow_graph.NODES_MAX


def test_an_activity_called_end_is_drawn_beside_the_end():
    edges = [
        {"from": "start", "to": "end", "count": 2, "failed": 0},
        {"from": "end", "to": "end", "count": 2, "failed": 0},
    ]
    assert flow_graph.dot({"nodes": [{"label": "end", "count": 2}], "edges": edges}, colours=LIGHT)
    assert flow_graph.dot({}, colours=LIGHT).startswith("digraph")
