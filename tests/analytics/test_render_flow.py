"""What a workflow's executions did, drawn for people who have no dashboard."""

from xml.etree import ElementTree as ET

from whichstep_analytics.render import flow

HOSTILE = 'x"]; <script>alert(1)</script> |'


def document(name="pay"):
    pairs = (("start", "ask", True), ("ask", name, True), (name, "ask", False), (name, "end", None))
    counts = {"count": 10, "executions": 10, "failed": 2, "failure_share": 0.2}
    return {
        "workflow": name, "executions": 20, "examined": 10, "level": 3,
        "conformance": {"value": 0.9, "lower": 0.6, "numerator": 9, "denominator": 10},
        "observed": {"level": None, "reason": "fewer than 20 executions"},
        "readiness": {"reason": "success is known of no execution"},
        "deviations": [{"executions": 1, "reason": f"{name} has no place there"}],
        "variants": [{"count": 10, "share": 1.0, "steps": ["ask", name]}],
        "graph": {
            "nodes": [{"label": "ask", **counts}, {"label": name, **counts, "failed": 0}],
            "edges": [{"from": source, "to": target, "allowed": allowed, **counts} for source, target, allowed in pairs],
        },
    }  # fmt: skip


def drawing(page):
    return ET.fromstring(page[page.index("<svg") : page.index("</svg>") + len("</svg>")])


def test_the_page_draws_every_activity_and_every_pair_and_says_how_many_failed():
    svg = drawing(flow.html(document()))
    assert len(svg.findall("g")) == 4
    arrows = svg.findall("path")
    assert [path.get("stroke-dasharray") for path in arrows] == [None, None, "6 4", None]
    assert "10 (2 failed)" in [text.text for text in svg.findall("text")]


def test_names_of_traces_never_become_markup():
    page = flow.html(document(HOSTILE))
    assert "<script" not in page
    assert drawing(page) is not None
    line = next(line for line in flow.mermaid(document(HOSTILE)).splitlines() if line.startswith("  n1["))
    assert line.count('"') == 2
    assert "<" not in line


def test_mermaid_says_what_is_not_allowed_and_draws_an_empty_workflow():
    drawn = flow.mermaid(document())
    assert '  n1 -.->|"10 (2 failed)"| n0' in drawn
    assert "  start --> " not in drawn
    empty = {**document(), "graph": {"nodes": [], "edges": []}}
    assert flow.mermaid(empty).startswith("flowchart TD")
    assert drawing(flow.html(empty)) is not None
