"""What changed between what two sides ran."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from whichstep_analytics import configurations


def ran(
    prompt: str = "Be brief.",
    *,
    agent: str | None = "planner",
    model: str = "m1",
    tools=(),
    parameters=("x.temperature=0.2",),
):
    message = {"role": "system", "parts": [{"type": "text", "content": prompt}]}
    document = {"model": model, "prompts": [json.dumps(message)], "tools": list(tools), "parameters": list(parameters)}
    return agent, json.dumps(document)


def changed(before, after, **rules):
    found = configurations.changes(configurations.read(before), configurations.read(after, **rules))
    return [(change.part, change.name, change.kind) for change in found]


def test_equal_configurations_have_no_changes():
    assert changed([ran(), ran()], [ran()]) == []


def test_a_prompt_is_compared_line_by_line():
    before, after = (
        configurations.read([ran("Be brief.\nBe kind.")]),
        configurations.read([ran("Be brief.\nBe exact.")]),
    )
    (change,) = configurations.changes(before, after)
    assert (change.part, change.name, change.kind) == ("prompt", "planner", "changed")
    assert change.diff.splitlines() == [
        "--- before",
        "+++ after",
        "@@ -1,2 +1,2 @@",
        " Be brief.",
        "-Be kind.",
        "+Be exact.",
    ]


def test_models_parameters_and_rules_are_compared_by_name():
    after = [ran(model="m2", parameters=["x.temperature=0.9", "x.top_p=1"])]
    assert changed([ran()], after, rules=[("policy", "ab" * 32)]) == [
        ("model", "planner", "changed"),
        ("parameter", "planner: temperature", "changed"),
        ("parameter", "planner: top_p", "added"),
        ("rule", "policy abababababab", "added"),
    ]


def test_the_rules_that_an_execution_says_it_ran_under_are_compared_too():
    def under(digest):
        return None, json.dumps({"rules": {"policy": digest}})

    assert changed([ran(), under("ab" * 16)], [ran(), under("cd" * 16)], rules=[("policy", "cd" * 16)]) == [
        ("rule", "policy abababababab", "removed"),
        ("rule", "policy cdcdcdcdcdcd", "added"),
    ]


def test_tools_are_compared_by_name_however_their_definition_is_written():
    plain = json.dumps([{"type": "function", "name": "lookup", "description": "a"}, {"name": "refund"}])
    wrapped = json.dumps({"type": "function", "function": {"name": "lookup", "description": "b"}})
    assert changed([ran(tools=[plain])], [ran(tools=[wrapped])]) == [
        ("tool", "lookup", "changed"),
        ("tool", "refund", "removed"),
    ]


def test_parameters_as_one_json_object_are_read_too():
    told = ['{"temperature": 0.1, "stop": ["x"], "tools": [1]}']
    assert changed([ran(parameters=())], [ran(parameters=told)]) == [
        ("parameter", "planner: stop", "added"),
        ("parameter", "planner: temperature", "added"),
    ]


def test_of_several_prompts_of_one_agent_the_most_alike_are_one_that_changed():
    before = [ran("Answer tickets of a shop. Be brief."), ran("Check the answer of a colleague.")]
    after = [ran("Check the answer of a colleague."), ran("Answer tickets of a shop. Be kind."), ran("Translate.")]
    found = configurations.changes(configurations.read(before), configurations.read(after))
    assert [(one.kind, one.before, one.after) for one in found] == [
        ("changed", "Answer tickets of a shop. Be brief.", "Answer tickets of a shop. Be kind."),
        ("added", None, "Translate."),
    ]


def test_a_prompt_as_plain_text_is_read():
    document = json.dumps({"model": "", "prompts": ["Be brief.", "Be brief."], "tools": [], "parameters": []})
    assert configurations.read([(None, document)]).prompts == {"": ("Be brief.",)}


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_whatever_was_told_as_tools_or_parameters_can_be_compared_with_itself(tools: list[str], parameters: list[str]):
    rows = [ran(tools=tools, parameters=parameters)]
    assert changed(rows, rows) == []
