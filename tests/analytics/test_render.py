import re
from html.parser import HTMLParser

import pytest

from whichstep_analytics import render
from whichstep_analytics.answers.executions import document
from whichstep_analytics.render.paper import escaped
from whichstep_analytics.render.tree import lines

NASTY = "<script>alert('x')</script> & \x1b[31mred\x1b[0m \u202eevil | `` ``` * [a](javascript:x)"


def step(position, *, parent=None, **columns):
    return {
        "step_id": f"{position:016x}",
        "parent_step_id": parent and f"{parent:016x}",
        "position": position,
        "name": f"step {position}",
        "type": "tool_call",
        "status": "ok",
        "attempt": 1,
        "recovered": False,
        "started_at": f"2026-11-22T08:00:{position % 60:02d}.000000000Z",
        "latency_ms": 1_000.0,
        "cost_usd": None,
        "input_tokens": None,
        "output_tokens": None,
        "error_message": None,
        **columns,
    }


def execution(steps, **columns):
    row = {
        "execution_id": "ab" * 16, "agent": "planner", "workflow": None, "service": "support", "status": "error",
        "success": False, "success_source": "code", "failing_step_id": None, "cause_step_id": None,
        "failure_kind": None, "failure_reason": None, "failure_confidence": None, "suspects": [],
        "started_at": "2026-11-22T08:00:00.000000000Z", "latency_ms": 12_300.0, "cost_usd": None,
        "input_tokens": 1_200, "output_tokens": 34, "step_count": len(steps), "input": "where is my order",
        "output": "sorry", **columns,
    }  # fmt: skip
    return document(row, steps, [])


FAILED = execution(
    [
        step(1, name="planner", type="agent"),
        step(2, parent=1, name="gpt-5", type="llm_call", cost_usd=0.0042, input_tokens=900, output_tokens=30),
        step(3, parent=1, name="issue_refund", status="error", error_message="no such order", recovered=False),
        step(4, parent=3, name="http", attempt=2),
    ],
    failing_step_id=f"{3:016x}",
    cause_step_id=f"{2:016x}",
    failure_kind="tool_error",
    failure_reason="issue_refund raised LookupError",
    failure_confidence=0.9,
)


def test_a_terminal_shows_the_failing_and_the_cause_step_with_the_reason():
    shown = render.text(FAILED)
    assert "✗ failing step: step 3, issue_refund (tool_error, confidence 90%)" in shown
    assert "    issue_refund raised LookupError\n    no such order\n◆ cause: step 2, gpt-5 (llm_call)" in shown
    assert re.search(r"◆    2  ├─ gpt-5 +llm_call +ok +1 s, \$0\.0042, 900\+30 tokens", shown)
    assert re.search(r"✗    3  └─ issue_refund +tool_call +error +1 s", shown)
    assert re.search(r"    4     └─ http \(attempt 2\)", shown)
    assert "success  no (code)" in shown
    assert re.search(r"cost +unknown", shown)


def test_a_success_names_no_failing_step():
    good = execution([step(1)], status="ok", success=True)
    assert "failing step:" not in render.text(good)
    assert "Failing step" not in render.markdown(good) + render.html(good)


def test_an_unknown_outcome_is_called_unknown():
    unknown = execution([step(1)], status="ok", success=None, success_source=None)
    assert "whether it succeeded is unknown" in unknown["summary"]
    assert re.search(r"success +unknown", render.text(unknown))


def test_no_character_of_an_agent_reaches_a_terminal_raw():
    shown = render.text(execution([step(1, name=NASTY)], input=NASTY, output="two\nlines", agent=NASTY))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "·[31mred" in shown
    assert "  two\n  lines" in shown


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def test_html_escapes_whatever_agents_and_users_wrote():
    nasty = execution(
        [step(1, name=NASTY, status="error", type=NASTY, input=NASTY, error_message=NASTY)],
        failing_step_id=f"{1:016x}",
        failure_kind=NASTY,
        failure_reason=NASTY,
        agent=NASTY,
        input=NASTY,
        output=NASTY,
        release='"><img src=x onerror=alert(1)>',
    )
    page = Page(render.html(nasty))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert page.attributes == {"lang", "charset", "http-equiv", "content", "name", "class", "style", "open"}
    assert "<script>alert('x')</script>" in page.text


def test_html_is_one_file_that_fetches_nothing():
    text = render.html(FAILED)
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|url\(|@import|<link|src=", text)
    assert Page(text).tags.count("details") == 4


def test_a_backslash_does_not_undo_an_escape():
    assert escaped(r"\*a\*") == r"\\\*a\\\*"


def test_markdown_cannot_be_steered_by_a_text():
    shown = render.markdown(execution([step(1, name=NASTY)], input="```\n# not a heading\n```", agent=NASTY))
    assert "<script>" not in shown
    assert "[a](javascript:x)" not in shown
    assert "````text\n```\n# not a heading\n```\n````" in shown
    table = [line for line in shown.splitlines() if line.startswith("| ") and "step" not in line]
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (3, 7) for line in table)


@pytest.mark.parametrize("rendering", [render.text, render.markdown, render.html])
def test_an_execution_without_steps_or_texts_is_shown(rendering):
    assert rendering(execution([], input=None, output=None, latency_ms=None, input_tokens=None))


def test_every_step_is_drawn_once_whatever_its_parents():
    steps = [step(1, parent=2), step(2, parent=1), step(3, parent=99), step(4, parent=4), step(5, parent=3)]
    drawn = lines(execution(steps))
    assert [(line.step["position"], line.depth) for line in drawn] == [(3, 0), (5, 1), (1, 0), (2, 1), (4, 0)]


def test_ten_thousand_nested_steps_are_drawn():
    deep = execution([step(number, parent=number - 1 or None) for number in range(1, 10_001)])
    drawn = lines(deep)
    assert len(drawn) == 10_000
    assert max(len(line.branch) for line in drawn) < 100


def test_witnesses_that_disagree_are_named():
    why = "a person said failure; the agent's code said otherwise"
    disputed = execution([step(1)], success=False, success_source="human", success_disputed=True, success_reason=why)
    assert f"no (human): {why}" in render.text(disputed)
    agreed = execution([step(1)], success=False, success_source="human", success_disputed=False, success_reason=why)
    assert why not in render.text(agreed)


def test_suspects_are_listed_with_probability_step_and_rule():
    suspects = [
        {
            "step_id": f"{2:016x}",
            "kind": "wrong_tool",
            "rule": "wrong_tool",
            "score": 0.31,
            "reason": "pay was not expected",
        },
        {"step_id": "99", "kind": "unknown", "rule": None, "score": None, "reason": "gone"},
    ]
    said = render.text(execution([step(1), step(2, name="pay")], failure_kind="unknown", suspects=suspects))
    assert "also suspected, most likely first" in said
    assert " 31%  step 2, pay (wrong_tool, rule wrong_tool): pay was not expected" in said
    assert "   ?  the execution as a whole (unknown): gone" in said
