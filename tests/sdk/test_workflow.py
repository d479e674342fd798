"""`with workflow.run():` refuses what the contract forbids before it runs, in every way a step can be written."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import whichstep
from whichstep import Workflow, WorkflowViolation
from whichstep.approval.call import Call, Options
from whichstep.approval.gate import Gate
from whichstep.contract import parse
from whichstep.contract.machine import Machine
from whichstep.contract.progress import Event, Progress
from whichstep.guard import Guard
from whichstep.testing import capture
from whichstep.workflow import step_allowed, step_begins

REFUND = {
    "name": "refund",
    "level": 3,
    "steps": {
        "classify": {"next": ["lookup", "answer"]},
        "lookup": {"next": ["refund", "answer"], "tools": ["find_*"]},
        "refund": {"next": "answer"},
        "answer": {"next": "end"},
    },
    "checkpoints": [{"before": "refund"}],
}


def linear(*names, **more):
    """A workflow of steps in this order."""
    return Workflow.from_dict({"name": "line", "level": 2, "steps": {name: {"next": after} for name, after in zip(names, [*names[1:], "end"], strict=True)}, **more})  # fmt: skip


def test_a_forbidden_step_does_not_run_and_the_error_says_rule_state_and_what_may_come(whichstep_spans):
    ran = []

    @whichstep.tool
    def answer():
        ran.append("answer")

    with (
        pytest.raises(WorkflowViolation) as raised,
        linear("classify", "lookup", "answer").run(),
        whichstep.step("classify"),
    ):
        answer()
    assert ran == []
    assert (raised.value.rule, raised.value.state, raised.value.step, raised.value.allowed) == (
        "transition",
        "classify",
        "answer",
        ("lookup",),
    )
    assert "workflow line forbids answer: answer may not come after classify [transition]" in str(raised.value)
    span = whichstep_spans.one("answer")
    assert span["status"] == "error"
    assert span["attributes"]["error.type"] == "whichstep.errors.WorkflowViolation"
    assert span["attributes"]["whichstep.workflow.violation"] == "transition"


def test_the_run_carries_name_level_digest_and_the_contract_once(whichstep_spans):
    workflow = linear("only")
    with workflow.run(input="please") as run, whichstep.step("only"):
        pass
    root = whichstep_spans.one("line")["attributes"]
    assert root["gen_ai.workflow.name"] == "line"
    assert root["whichstep.workflow.autonomy_level"] == 2
    assert root["whichstep.workflow.contract_digest"] == workflow.contract.digest
    assert root["whichstep.input"] == "please"
    (told,) = whichstep_spans.evaluations
    assert told["event_name"] == "whichstep.workflow.contract"
    assert told["attributes"]["whichstep.execution.id"] == run.execution.execution_id
    assert run.violations == []


def test_observing_records_what_breaks_the_contract_and_lets_it_run(whichstep_spans):
    ran = []
    with linear("classify", "answer").run(observe=True) as run:
        with whichstep.step("answer"):
            ran.append("answer")
        with whichstep.step("classify"):
            ran.append("classify")
    assert ran == ["answer", "classify"]
    assert [violation.rule for violation in run.violations] == ["transition", "transition", "end"]
    assert whichstep_spans.one("answer")["attributes"]["whichstep.workflow.violation"] == "transition"
    assert whichstep_spans.one("answer")["status"] == "unset"


def test_inside_a_task_the_run_is_a_step_of_its_execution(whichstep_spans):
    with whichstep.task("refund_request") as task, linear("only").run() as run, whichstep.step("only"):
        assert run.execution.execution_id == task.execution_id
    assert whichstep_spans.one("line")["parent_span_id"] == whichstep_spans.one("refund_request")["span_id"]


def test_a_workflow_that_may_not_end_yet_says_so_at_its_end():
    with (
        pytest.raises(WorkflowViolation, match="forbids its end: it may not end after classify"),
        linear("classify", "answer").run(),
        whichstep.step("classify"),
    ):
        pass


def test_an_exception_of_the_host_is_not_hidden_by_an_unfinished_workflow():
    with pytest.raises(ZeroDivisionError), linear("classify", "answer").run(), whichstep.step("classify"):
        raise ZeroDivisionError


def test_async_steps_and_streams_are_held_too():
    ran = []

    @whichstep.step("one")
    async def one():
        ran.append(1)

    @whichstep.step("two")
    async def two():
        ran.append(2)
        yield "a"

    @whichstep.step("two")
    def two_again():
        ran.append(3)
        yield "a"

    async def main():
        async with linear("one", "two").run():
            with pytest.raises(WorkflowViolation):
                [item async for item in two()]
            with pytest.raises(WorkflowViolation):
                list(two_again())
            await one()
            return [item async for item in two()]

    assert asyncio.run(main()) == ["a"]
    assert ran == [1, 2]


def test_threads_that_carry_the_context_are_held_and_count_once():
    workflow = Workflow.from_dict({"name": "w", "level": 4, "budgets": {"steps": 50}})
    refused = []

    def work():
        for _ in range(20):
            try:
                with whichstep.tool("search"):
                    pass
            except WorkflowViolation as violation:
                refused.append(violation.rule)

    with workflow.run():
        threads = [threading.Thread(target=whichstep.carry(work)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert refused == ["budgets.steps"] * 50


def test_the_contract_is_enforced_though_nothing_is_recorded():
    with capture(disabled=True) as captured:
        with pytest.raises(WorkflowViolation), linear("one", "two").run(), whichstep.step("two"):
            pass
        assert captured.spans == []


def test_tools_are_held_to_the_step_that_they_are_called_in():
    with Workflow.from_dict(REFUND).run() as run:
        with (
            whichstep.step("classify"),
            pytest.raises(WorkflowViolation, match="find_order may not be called in classify"),
        ):
            whichstep.tool("find_order").__enter__()
        with whichstep.step("lookup"), whichstep.tool("find_order"):
            pass
        with whichstep.tool("find_customer"):  # after lookup, before the next step
            pass
        with pytest.raises(WorkflowViolation, match="summarise is no step of the workflow"):
            whichstep.step("summarise").__enter__()
        with whichstep.step("answer"), whichstep.llm("gpt-4o"):  # its content
            pass
    assert [violation.rule for violation in run.violations] == ["tool", "unlisted"]


def test_a_checkpoint_opens_for_one_action_when_the_approval_was_given():
    workflow = Workflow.from_dict({**REFUND, "level": 4, "steps": {}, "budgets": {"steps": 99}})
    review = whichstep.observe(kind="approval", name="review")

    @review
    def refuse():
        raise PermissionError

    @review
    def grant():
        return True

    with workflow.run():
        assert step_allowed("refund").rule == "checkpoint(approval, refund)"
        with pytest.raises(PermissionError):
            refuse()
        assert step_allowed("refund") is not None
        grant()
        assert step_allowed("refund") is None
        with whichstep.tool("refund"):
            pass
        assert step_allowed("refund") is not None


def test_no_person_is_asked_for_an_action_that_the_contract_forbids_anyway(whichstep_spans):
    """Without a sidecar, asking would be ApprovalUnavailable."""
    ran = []

    @whichstep.action("refund")
    def refund():
        ran.append("refund")

    with pytest.raises(WorkflowViolation) as raised, Workflow.from_dict(REFUND).run(), whichstep.step("classify"):
        refund()
    assert (raised.value.rule, ran) == ("transition", [])
    assert whichstep_spans.one("execute_tool refund")["attributes"]["whichstep.workflow.violation"] == "transition"
    workflow = Workflow.from_dict({**REFUND, "level": 4, "steps": {}, "budgets": {"steps": 9}})
    with pytest.raises(whichstep.ApprovalUnavailable), workflow.run():
        refund()


def test_an_action_that_the_policy_blocks_is_no_step_of_the_workflow():
    gate = Gate(whichstep.Policy.from_dict({"refund": "block"}))
    with linear("classify", "refund", retries=0).run():
        with whichstep.step("classify"), pytest.raises(whichstep.ActionBlocked):
            gate.admit(Call(action="refund", arguments={}, options=Options()))
        with whichstep.tool("refund"):
            pass


def test_a_step_that_failed_may_begin_again_as_often_as_the_contract_says():
    def attempt():
        with pytest.raises(KeyError), whichstep.step("one"):
            raise KeyError

    with linear("one", "two", retries=2).run():
        attempt()
        attempt()
        attempt()
        with pytest.raises(WorkflowViolation, match="one may not come after one"):
            whichstep.step("one").__enter__()
        with whichstep.step("two"):
            pass


def test_budgets_of_tokens_and_cost_are_those_that_calls_report():
    workflow = Workflow.from_dict({"name": "w", "level": 4, "budgets": {"tokens": 100, "cost_usd": 1.0}})
    with workflow.run():
        with whichstep.llm("m") as call:
            call.usage(input_tokens=60, output_tokens=39, cost_usd=0.4)
        assert step_allowed("m", "llm_call") is None
        with whichstep.llm("m") as call:
            call.usage(input_tokens=1, cost_usd=0.6)
        assert step_allowed("m", "llm_call").rule == "budgets.cost_usd"
        assert step_allowed("planner", "agent") is None  # frames use nothing


def test_the_budget_of_time_leaves_out_what_people_take():
    now = [0.0]
    contract = parse({"name": "w", "level": 4, "budgets": {"seconds": 10}})
    guard = Guard(Machine(contract), enforces=True, clock=lambda: now[0])
    review = guard.open("approval", "review")
    now[0] = 3600.0
    guard.close(review, failed=False, attributes={})
    guard.open("tool_call", "search")
    now[0] += 10
    with pytest.raises(WorkflowViolation, match="the budget of 10 seconds is used up"):
        guard.open("tool_call", "search")


def test_loops_and_counts_are_bounded():
    workflow = Workflow.from_dict(
        {
            "name": "w",
            "level": 3,
            "tools": ["*"],
            "budgets": {"loops": 2},
            "rules": [{"rule": "count", "first": "pay", "max": 1}],
        }
    )
    with workflow.run():
        for name in ("search", "search", "search", "pay"):
            with whichstep.tool(name):
                pass
        assert step_allowed("search").rule == "budgets.loops"
        assert step_allowed("pay").rule == "count(pay, max 1)"


def test_steps_that_the_sdk_does_not_record_can_be_told_of():
    assert step_begins("one") is None  # outside of a run
    assert step_allowed("one") is None
    with linear("one", "two").run():
        step_begins("one").close(failed=False, span=None)
        with pytest.raises(WorkflowViolation):
            step_begins("one")
        step_begins("two")


NAMES = ("a", "b", "c", "d")
EVENTS = st.lists(st.tuples(st.sampled_from(("other", "tool_call", "approval")), st.sampled_from(NAMES)), max_size=12)
RULES = st.lists(
    st.fixed_dictionaries({"rule": st.sampled_from(("precedence", "response", "succession", "alternate_precedence", "alternate_response", "chain_precedence", "chain_response", "not_succession", "not_coexistence", "coexistence", "checkpoint")), "first": st.sampled_from(NAMES), "then": st.sampled_from(NAMES)}),
    max_size=3,
)  # fmt: skip


def declare(rule, first, then, trace):
    """Whether a trace of names keeps the rule, by its definition over the whole trace."""
    at = {name: [place for place, event in enumerate(trace) if event == name] for name in (first, then)}
    firsts, thens = at[first], at[then]
    after = lambda place: any(other > place for other in thens)  # noqa: E731
    before = lambda place: any(other < place for other in firsts)  # noqa: E731
    return {
        "precedence": all(before(place) for place in thens),
        "response": all(after(place) for place in firsts),
        "succession": all(before(p) for p in thens) and all(after(p) for p in firsts),
        "alternate_precedence": all(before(p) and not [q for q in thens if max(f for f in firsts if f < p) < q < p] for p in thens),
        "alternate_response": all(after(p) and not [q for q in firsts if p < q < min(t for t in thens if t > p)] for p in firsts),
        "chain_precedence": all(p - 1 in firsts for p in thens),
        "chain_response": all(p + 1 in thens for p in firsts),
        "not_succession": not any(f < t for f in firsts for t in thens),
        "not_coexistence": not (firsts and thens),
        "coexistence": bool(firsts) == bool(thens),
    }[rule]  # fmt: skip


@given(
    st.sampled_from(("precedence", "response", "succession", "alternate_precedence", "alternate_response", "chain_precedence", "chain_response", "not_succession", "not_coexistence", "coexistence")),
    st.lists(st.sampled_from(NAMES), max_size=9),
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_declare_rules_hold_exactly_where_their_definition_holds(rule, trace):
    contract = parse({"name": "w", "level": 4, "rules": [{"rule": rule, "first": "a", "then": "b"}]})
    progress = Progress(Machine(contract))
    broken = False
    for name in trace:
        broken = broken or progress.refusal(Event("tool_call", name)) is not None
        progress.begin(Event("tool_call", name))
    assert (broken or bool(progress.unmet())) == (not declare(rule, "a", "b", trace))


@given(EVENTS, RULES)
@settings(max_examples=150, deadline=None)
def test_an_enforced_run_never_breaks_its_contract_whatever_is_tried(events, rules):
    """What is refused is as if it had never been tried: what did run, checked again, is without a violation."""
    contract = parse(
        {
            "name": "w",
            "level": 3,
            "steps": {"a": {"next": ["b", "end"]}, "b": {"next": ["a", "c", "end"], "tools": ["d"]}, "c": {}},
            "budgets": {"loops": 2},
            "rules": rules,
        }
    )
    guard, ran = Guard(Machine(contract), enforces=True), []
    for kind, name in events:
        try:
            guard.close(guard.open(kind, name), failed=False, attributes={})
        except WorkflowViolation:
            continue
        ran.append((kind, name))
    again = Progress(guard.machine)
    for kind, name in ran:
        assert again.refusal(Event(kind, name)) is None
        again.begin(Event(kind, name))
