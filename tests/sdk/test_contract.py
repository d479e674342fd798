"""Contracts as files: what they may say, what is wrong with them and where, and that they survive being written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep import Workflow
from whichstep.contract import Contract, load, parse, to_toml
from whichstep.contract.draw import as_mermaid, as_text
from whichstep.contract.rules import FORMS
from whichstep.errors import ConfigurationError

REFUND = """
name = "refund_request"
level = 2
[steps.classify]
type = "llm_call"
match = ["gpt-*"]
next = ["lookup", "answer"]
[steps.lookup]
next = [
  "refund",
  "answer",  # ] no end
]
[steps.refund]
next = "answer"
[steps.answer]
[[checkpoints]]
before = "refund"
[[rules]]
rule = "precedence"
first = "lookup"
then = "refund"
[budgets]
steps = 20
cost_usd = 0.5
"""


def problems(text):
    with pytest.raises(ConfigurationError) as raised:
        parse(text, file="refund.toml")
    return [(problem.line, problem.rule, str(problem)) for problem in raised.value.problems]


def one(text):
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_a_contract_reads_as_it_is_written():
    contract = parse(REFUND)
    assert [step.name for step in contract.steps] == ["classify", "lookup", "refund", "answer"]
    assert contract.start == ("classify",)
    assert contract.step("answer").next == ("end",)
    assert [rule.id for rule in contract.rules] == ["precedence(lookup, refund)", "checkpoint(approval, refund)"]
    assert (contract.budgets.steps, contract.budgets.cost_usd, contract.budgets.loops) == (20, 0.5, None)


def test_a_contract_written_as_toml_or_as_a_mapping_is_the_same_contract():
    contract = parse(REFUND)
    assert parse(to_toml(contract)) == contract
    assert parse(contract.to_dict()).digest == contract.digest


def test_the_digest_is_of_what_is_said_and_not_of_the_mode():
    contract = parse(REFUND)
    assert parse('mode = "observe"\n' + REFUND).digest == contract.digest
    assert parse(REFUND.replace("steps = 20", "steps = 21")).digest != contract.digest


@given(
    st.text(min_size=1).filter(str.strip),
    st.text(min_size=1).filter(lambda name: name not in {"end", "start"} and name.strip()),
)
@settings(max_examples=60, deadline=None)
def test_any_names_survive_being_written(name, step):
    contract = parse({"name": name, "level": 2, "steps": {step: {"match": ["a*", step]}}})
    assert parse(to_toml(contract)) == contract
    assert '"' not in as_mermaid(contract).replace('["', "").replace('"]', "")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name = 'a'\nlevel = 7", 2, "write 1 fixed, 2 routing"),
        ("level = 2\n[steps.a]", 1, "the contract has no name"),
        ("name = 'a'\nlevel = 2\nstps = 1\n[steps.a]", 3, "did you mean steps?"),
        ("name = 'a'\nlevel = 2\n\n[steps.a]\nnext = 'b'", 5, "declare [steps.b] or mend the name"),
        ("name = 'a'\nlevel = 2\n[steps.a]\nmax = 0", 4, "write a whole number from 1"),
        ("name = 'a'\nlevel = 2\n[steps.a]\nmax = true", 4, "write a whole number"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[budgets]\ncost_usd = nan", 5, "write a number above 0"),
        ("name = 'a'\nlevel = 2\n[steps.a]\ntype = 'tool'", 4, "write one of llm_call"),
        ("name = 'a'\nlevel = 2\n[steps.end]", 3, "give it another name"),
        ("name = 'a'\nlevel = 2\nmode = 'off'\n[steps.a]", 3, "write one of enforce, observe"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[[rules]]\nrule = 'precedance'", 5, "did you mean precedence?"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[[rules]]\nrule = 'response'\nfirst = 'a'", 4, "response has no then"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[[rules]]\nrule = 'end'\nfirst = 'z'", 4, "no step, tool or type 'z'"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[[rules]]\nrule = 'count'\nfirst = 'a'\nmin = 3\nmax = 2", 4, "no execution can keep that"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[steps.b]", 4, "b cannot be reached"),
        ("name = 'a'\nlevel = 2\n[steps.a]\nnext = 'b'\n[steps.b]\nnext = 'a'\n[budgets]\nloops = 3", 4, "the end cannot be reached"),
        ("name = 'a'\nlevel = 2\n[steps.a]\nnext = ['a', 'end']", 4, "set budgets.loops, or max"),
        ("name = 'a'\nlevel = 2\n[steps.a]\nnext = 'b'\n[steps.b]\n[budgets]\nsteps = 1", 7, "the shortest way through has 2 steps"),
        ("name = 'a'\nlevel = 2\n[steps.a]\n[[checkpoints]]\nby = 'approval'", 4, "stands before nothing"),
        ("name = 'a'\nlevel = 2\nsteps = 3", 3, "write a table"),
        ("name = 'a'\nlevel = 2\nrules = 3\n[steps.a]", 3, "write [[rules]] above each"),
        ("name = 'a'\nlevel = ", 2, "mend the syntax"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_remedy(text, line, words):
    found = problems(text)
    assert any(at == line and words in said for at, _, said in found), found
    assert all(said.startswith("refund.toml") for _, _, said in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("level = 1\n[steps.a]\ntools = ['x', 'y']\noutput = {}", "free choice of tools"),
        ("level = 1\n[steps.a]\ntools = ['x*']\noutput = {}", "free choice of tools"),
        ("level = 1\n[steps.a]", "no output schema"),
        ("level = 1\n[steps.a]\nnext = ['a', 'end']\noutput = {}", "2 followers"),
        ("level = 1\nstart = ['a', 'b']\n[steps.a]\noutput = {}\n[steps.b]\noutput = {}", "choice of starts"),
        ("level = 2\ntools = ['x']\n[steps.a]", "tools to choose from"),
        ("level = 2", "without steps"),
        ("level = 3", "neither steps nor tools"),
        ("level = 4\n[steps.a]\nnext = 'end'\n[budgets]\nsteps = 9", "says what follows"),
        ("level = 4\nstart = 'a'\n[steps.a]\n[budgets]\nsteps = 9", "level 4 with a start"),
        ("level = 4", "bounds nothing"),
    ],
)
def test_a_level_restricts_what_a_contract_may_say(text, words):
    assert words in one("name = 'w'\n" + text)[2]


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_every_level_can_be_said(level):
    step = {"output": {"type": "object"}} if level == 1 else {}
    contract = parse(
        {
            "name": "w",
            "level": level,
            "steps": {"a": step, "b": step} if level == 1 else {"a": step},
            "budgets": {"steps": 9},
        }
    )
    assert contract.level == level
    assert f"level {level}" in as_text(contract)


def test_every_rule_can_be_written_and_read():
    for rule, form in FORMS.items():
        values = {"first": "a", "then": "b", "min": 1, "max": 2}
        said = {"rule": rule, **{key: values[key] for key in form.keys}}
        contract = parse({"name": "w", "level": 3, "steps": {"a": {}, "b": {}}, "rules": [said]})
        assert parse(to_toml(contract)) == contract


def test_all_problems_are_told_at_once_in_order_of_lines():
    found = problems("name = 'w'\nlevel = 1\n[steps.a]\nnext = ['a', 'b']\nfoo = 1")
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)
    assert len(found) >= 3


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the contract .*nowhere.toml"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigurationError, match="not UTF-8 at byte 8"):
        Workflow.load(tmp_path / "latin.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigurationError, match="more than a contract may have"):
        Workflow.load(tmp_path / "huge.toml")


def test_a_graph_of_langgraph_becomes_a_contract_and_is_compared_with_it():
    from typing import TypedDict

    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    def lookup_order(order_id: str) -> str:
        """Look an order up."""
        return order_id

    def issue_refund(order_id: str) -> str:
        """Refund an order."""
        return order_id

    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: state)
    graph.add_node("tools", ToolNode([lookup_order, issue_refund]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    workflow = Workflow.from_langgraph(graph.compile(name="support"))
    assert isinstance(workflow.contract, Contract)
    assert (workflow.contract.name, workflow.contract.level) == ("support", 3)
    assert workflow.contract.step("tools").tools == ("lookup_order", "issue_refund")
    assert workflow.contract.step("model").next == ("end", "tools")
    assert not workflow.compare(graph)

    class State(TypedDict):
        text: str

    other = StateGraph(State)
    other.add_node("model", lambda state: state)
    other.add_node("review", lambda state: state)
    other.add_edge(START, "model")
    other.add_edge("model", "review")
    other.add_edge("review", END)
    found = workflow.compare(other)
    assert (found.missing_steps, found.extra_steps) == (("tools",), ("review",))
    assert ("model", "review") in found.extra_edges
    assert ("model", "tools") in found.missing_edges
    assert Workflow.from_langgraph(other).contract.level == 2


def test_what_is_no_graph_is_refused():
    with pytest.raises(ConfigurationError, match="list is no LangGraph graph"):
        Workflow.from_langgraph([])
