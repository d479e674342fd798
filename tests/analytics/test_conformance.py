"""Conformance of recorded executions to a contract."""

import heapq
import itertools
import json

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from whichstep.contract import parse
from whichstep.contract.machine import Machine
from whichstep.errors import WorkflowViolation
from whichstep.guard import Guard
from whichstep_analytics.conformance import CONFORMANCE_SCHEMA, check
from whichstep_analytics.conformance.alignment import LOG, MODEL, SYNC, Aligner, Token
from whichstep_analytics.conformance.check import EXECUTION_COLUMNS
from whichstep_analytics.conformance.events import STEP_COLUMNS

TEXTS = {"output": pl.String, "result": pl.String}


def step(name, kind="other", **columns):
    return {"name": name, "type": kind, "status": "ok", "parent": None, **columns}


def tool(name, **columns):
    return step(name, "tool_call", **columns)


def steps_frame(traces):
    """Steps of several executions; `parent` is the place of the step around, from 0."""
    rows = [
        {
            "execution_id": f"{number:032x}",
            "step_id": at + 1,
            "parent_step_id": None if row["parent"] is None else row["parent"] + 1,
            "position": at + 1,
            **{name: row.get(name) for name in ("type", "name", "status", "error_type", "output", "result")},
        }
        for number, trace in enumerate(traces)
        for at, row in enumerate(trace)
    ]
    return pl.DataFrame(rows, schema={**STEP_COLUMNS, **TEXTS})


def executions_frame(traces, **columns):
    rows = [{"execution_id": f"{number:032x}", "status": "ok", **columns} for number, _ in enumerate(traces)]
    return pl.DataFrame(rows, schema=EXECUTION_COLUMNS)


def checked(contract, *traces, **columns):
    contract = parse(contract) if isinstance(contract, dict) else contract
    found = check(steps_frame(traces), executions_frame(traces, **columns), contract)
    assert found.rows.schema == CONFORMANCE_SCHEMA
    return [{**row, "deviations": json.loads(row["deviations"])} for row in found.rows.iter_rows(named=True)]


def one(contract, *trace, **columns):
    return checked(contract, list(trace), **columns)[0]


def told(row):
    return [(found["move"], found["step"], found["position"]) for found in row["deviations"]]


def line(*names, **more):
    return {"name": "line", "level": 2, "steps": {name: {} if more.get("free") else {"next": after} for name, after in zip(names, [*names[1:], "end"], strict=True)}, **more}  # fmt: skip


def test_an_execution_that_keeps_to_its_contract_is_conformant():
    row = one(line("a", "b"), step("a"), step("b"))
    assert (row["conformant"], row["fitness"], row["deviation_count"], row["step_count"]) == (True, 1.0, 0, 2)


def test_a_missing_step_is_a_model_move_and_a_step_too_many_a_log_move():
    assert told(one(line("a", "b", "c"), step("a"), step("c"))) == [("model", "b", None)]
    assert told(one(line("a", "b"), step("a"), step("x"), step("b"))) == [("log", "x", 2)]
    swapped = one(line("a", "b", "c"), step("a"), step("c"), step("b"))
    assert len(swapped["deviations"]) == 2
    assert swapped["fitness"] == pytest.approx(1 - 2 / 6)


def test_reasons_name_what_is_broken():
    contract = line("a", "b")
    (extra,) = one(contract, step("a"), step("x"), step("b"))["deviations"]
    assert (extra["rule"], extra["reason"]) == ("unlisted", "x is no step of the workflow")
    assert extra["step_id"] == f"{2:016x}"
    (call,) = one(contract, step("a"), tool("pay", parent=0), step("b"))["deviations"]
    assert (call["rule"], call["reason"]) == ("tool", "the tool pay may not be called in a")


def test_frames_and_what_is_inside_a_declared_step_are_no_deviations():
    root = step("agent", "agent")
    inside = [step("a", parent=0), step("gpt-4o", "llm_call", parent=1), step("parse", parent=1), step("b", parent=0)]
    assert one(line("a", "b"), root, *inside)["conformant"] is True


def test_only_what_is_inside_the_workflows_own_step_is_held_to_it():
    trace = [step("task", "workflow"), tool("before", parent=0), step("line", "workflow", parent=0), step("a", parent=2), tool("after", parent=0)]  # fmt: skip
    assert one(line("a"), *trace)["conformant"] is True


def test_steps_that_did_not_run_are_passed_over_and_refused_ones_are_deviations():
    by_policy = tool("pay", status="blocked", error_type="whichstep.errors.ActionBlocked")
    assert one(line("a"), step("a"), by_policy)["conformant"] is True
    around = step("a", status="blocked", error_type="whichstep.errors.WorkflowViolation")
    refused = tool("pay", status="blocked", error_type="whichstep.errors.WorkflowViolation", parent=0)
    assert told(one(line("a"), around, refused, status="error")) == [("log", "pay", 2)]


def test_an_execution_that_failed_is_held_to_as_far_as_it_went():
    row = one(line("a", "b"), step("a", status="error"), status="error")
    assert (row["complete"], row["conformant"], row["deviations"]) == (False, True, [])


def test_an_end_that_the_live_check_refused_is_a_deviation():
    root = step("line", "workflow", status="blocked", error_type="whichstep.errors.WorkflowViolation")
    row = one(line("a", "b"), root, step("a", parent=0), status="error")
    assert told(row) == [("model", "b", None)]


def test_a_running_execution_is_unknown_until_it_breaks_something():
    assert one(line("a", "b"), step("a"), status="running")["conformant"] is None
    assert one(line("a", "b"), step("b"), status="running")["conformant"] is False
    assert one(line("a", "b"), status="waiting")["conformant"] is None


def test_an_execution_without_steps_lacks_all_of_them():
    assert told(one(line("a", "b"))) == [("model", "a", None), ("model", "b", None)]
    assert one({"name": "w", "level": 4, "budgets": {"steps": 3}})["conformant"] is True


def test_a_retry_of_a_failed_step_is_no_second_one():
    failed = step("a", status="error")
    assert one(line("a", "b"), failed, step("a"), step("b"))["conformant"] is True
    assert told(one(line("a", "b", retries=1), failed, failed, step("a"), step("b"))) == [("log", "a", 3)]
    assert told(one(line("a", "b"), step("a"), step("a"), step("b"))) == [("log", "a", 2)]


def test_rules_and_budgets_are_deviations_at_their_step():
    contract = {"name": "w", "level": 4, "rules": [{"rule": "precedence", "first": "look", "then": "pay"}, {"rule": "response", "first": "pay", "then": "mail"}], "budgets": {"steps": 3, "cost_usd": 0.5, "tokens": 10, "seconds": 2}}  # fmt: skip
    trace = [tool("pay"), tool("look"), tool("x"), tool("y"), tool("z")]
    row = one(contract, *trace, cost_usd=0.6, tokens=11, active_ms=2001.0)
    assert [(found["rule"], found["position"]) for found in row["deviations"]] == [
        ("precedence(look, pay)", 1), ("budgets.steps", 4), ("response(pay, mail)", None),
        ("budgets.cost_usd", None), ("budgets.seconds", None), ("budgets.tokens", None),
    ]  # fmt: skip
    assert row["fitness"] == 1.0
    assert one(contract, status="running", cost_usd=None, tokens=None)["conformant"] is None


def test_a_checkpoint_is_kept_by_an_approval_that_was_given():
    contract = {"name": "w", "level": 4, "checkpoints": [{"before": "pay"}]}
    assert one(contract, step("review", "approval"), tool("pay"))["conformant"] is True
    assert told(one(contract, step("review", "approval", status="rejected"), tool("pay"))) == [("rule", "pay", 2)]
    assert told(one(contract, step("review", "approval"), tool("pay"), tool("pay"))) == [("rule", "pay", 3)]


SCHEMA = {"type": "object", "required": ["risk"], "properties": {"risk": {"enum": ["low", "high"]}}}


def test_outputs_are_checked_against_their_schema():
    contract = {"name": "w", "level": 1, "steps": {"classify": {"output": SCHEMA}}}
    assert one(contract, step("classify", output='{"risk": "low"}'))["conformant"] is True
    (wrong,) = one(contract, step("classify", output='{"risk": "odd"}'))["deviations"]
    assert wrong["rule"] == "output"
    assert wrong["reason"].startswith("malformed_output: 'odd' is not one of")
    assert one(contract, step("classify", output="no JSON"))["conformant"] is False
    assert one({"name": "w", "level": 1, "steps": {"classify": {"output": {"type": "string"}}}}, step("classify", output="12"))["conformant"]  # fmt: skip


def test_an_output_that_is_not_known_whole_is_counted_as_unchecked():
    contract = parse({"name": "w", "level": 1, "steps": {"classify": {"output": SCHEMA}}})
    whole = '{"risk": "odd", "why": "' + "x" * 2000 + '"}'
    trace = [step("classify", output=whole[:1023])]
    assert [one(contract, *trace)[name] for name in ("conformant", "unchecked_outputs")] == [True, 1]
    assert one(contract, step("classify"))["unchecked_outputs"] == 1
    texts = pl.DataFrame({"execution_id": ["0" * 32], "step_id": pl.Series([1], dtype=pl.UInt64), "text": [whole]})
    found = check(steps_frame([trace]), executions_frame([trace]), contract, texts=texts).rows.row(0, named=True)
    assert (found["conformant"], found["unchecked_outputs"]) == (False, 0)


def test_a_schema_never_fetches_anything():
    contract = {"name": "w", "level": 2, "steps": {"a": {"output": {"$ref": "http://127.0.0.1:9/schema.json"}}}}
    (wrong,) = one(contract, step("a", output="{}"))["deviations"]
    assert "which is not in it" in wrong["reason"]


def test_ten_thousand_steps_are_aligned():
    contract = {
        "name": "w",
        "level": 3,
        "steps": {"model": {"next": ["tools", "end"]}, "tools": {"next": "model", "tools": ["look"]}},
    }
    turn = [step("model"), step("tools"), tool("look")]
    trace = [*itertools.chain.from_iterable(turn for _ in range(3333)), step("model")]
    assert one(contract, *trace)["conformant"] is True
    assert told(one(contract, *trace[:5000], step("odd"), *trace[5000:])) == [("log", "odd", 5001)]


# Property tests: random contracts, walks through them, and walks that were disturbed.

NAMES = ("a", "b", "c", "d")
NEXT = st.lists(st.sampled_from((*NAMES, "end")), min_size=1, max_size=3, unique=True)
CONTRACTS = st.fixed_dictionaries(dict.fromkeys(NAMES, NEXT)).map(
    lambda following: {"name": "w", "level": 3, "start": ["a"], "steps": {name: {"next": after, "tools": [f"{name}_*"]} for name, after in following.items()}}
)  # fmt: skip


def usable(contract):
    """The contract without the steps that cannot be reached or left; None where nothing is left."""
    steps = dict(contract["steps"])
    while True:
        reached, waiting = set(), ["a"]
        while waiting:
            name = waiting.pop()
            if name in steps and name not in reached:
                reached.add(name)
                waiting += steps[name]["next"]
        leaving = {name for name in reached if "end" in steps[name]["next"]}
        while True:
            more = {name for name in reached if set(steps[name]["next"]) & leaving} - leaving
            if not more:
                break
            leaving |= more
        if leaving == set(steps):
            return parse({**contract, "steps": steps}) if steps else None
        steps = {name: {**steps[name], "next": [to for to in steps[name]["next"] if to in leaving or to == "end"]} for name in steps if name in leaving}  # fmt: skip
        if "a" not in steps:
            return None


def walk(machine, draw):
    """A run that the contract allows."""
    trace, state = [], None
    for _ in range(30):
        options = [name for name in machine.names if machine.follows(state, name)]
        if machine.may_end(state) and (len(trace) > 12 or not options or draw(st.booleans())):
            return trace
        state = min(options, key=machine.distance) if len(trace) > 12 else draw(st.sampled_from(options))
        trace.append(step(state))
        if draw(st.booleans()):
            trace.append(tool(f"{state}_x"))
    assume(False)
    return None


@given(CONTRACTS, st.data())
@settings(max_examples=120, deadline=None)
def test_an_execution_made_by_walking_the_contract_is_always_conformant(made, data):
    contract = usable(made)
    assume(contract is not None)
    trace = walk(Machine(contract), data.draw)
    assert one(contract, *trace)["conformant"] is True
    at = data.draw(st.integers(0, len(trace)))
    assert told(one(contract, *trace[:at], step("foreign"), *trace[at:])) == [("log", "foreign", at + 1)]


@given(st.integers(1, 9), st.data())
@settings(max_examples=60, deadline=None)
def test_taking_a_step_out_of_a_fixed_pipeline_is_exactly_that_deviation(length, data):
    names = [f"s{number}" for number in range(length)]
    at = data.draw(st.integers(0, length - 1))
    row = one(line(*names), *(step(name) for name in names if name != names[at]))
    assert told(row) == [("model", names[at], None)]
    assert row["fitness"] == pytest.approx(1 - 1 / (2 * length - 1))


def cheapest(machine, labels):
    """The cost of an optimal alignment, by Dijkstra's algorithm over the whole synchronous product."""
    queue, seen = [(0, 0, "")], set()
    while queue:
        cost, at, state = heapq.heappop(queue)
        if (at, state) in seen:
            continue
        seen.add((at, state))
        if at == len(labels) and machine.may_end(state or None):
            return cost
        following = [name for name in machine.names if machine.follows(state or None, name)]
        for name in following:
            heapq.heappush(queue, (cost + 1, at, name))
        if at < len(labels):
            heapq.heappush(queue, (cost + 1, at + 1, state))
            if labels[at] in following:
                heapq.heappush(queue, (cost, at + 1, labels[at]))
    raise AssertionError("no way to the end")


@given(CONTRACTS, st.lists(st.sampled_from(NAMES), max_size=10))
@settings(max_examples=200, deadline=None)
def test_alignments_are_optimal_and_explain_the_trace_by_a_run_of_the_contract(made, labels):
    contract = usable(made)
    assume(contract is not None)
    machine = Machine(contract)
    found = Aligner(machine).align([Token("declared", label) for label in labels], complete=True)
    assert found.cost == cheapest(machine, labels)
    assert [move.label for move in found.moves if move.move in (SYNC, LOG)] == labels
    state = None
    for move in found.moves:
        if move.move != LOG:
            assert machine.follows(state, move.label)
            state = move.label
    assert machine.may_end(state)
    assert found.cost == sum(move.move != SYNC for move in found.moves)
    assert {move.move for move in found.moves} <= {SYNC, LOG, MODEL}


@given(CONTRACTS, st.lists(st.sampled_from(NAMES), max_size=8))
@settings(max_examples=25, deadline=None)
def test_costs_are_those_of_pm4py_where_it_is_installed(made, labels):
    """A second opinion: pm4py is licensed AGPL, so it is neither shipped nor installed by default."""
    pm4py = pytest.importorskip("pm4py")
    from pm4py.algo.conformance.alignments.petri_net import algorithm
    from pm4py.objects.log.obj import Event, Trace
    from pm4py.objects.petri_net.obj import Marking, PetriNet
    from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

    contract = usable(made)
    assume(contract is not None)
    machine, net = Machine(contract), PetriNet("w")
    places = {state: PetriNet.Place(str(state)) for state in (None, *machine.names, "end")}
    net.places.update(places.values())

    def transition(name, label, source, target):
        made = PetriNet.Transition(name, label)
        net.transitions.add(made)
        add_arc_from_to(places[source], made, net)
        add_arc_from_to(made, places[target], net)

    for state in (None, *machine.names):
        for name in machine.names:
            if machine.follows(state, name):
                transition(f"{state}>{name}", name, state, name)
        if machine.may_end(state):
            transition(f"{state}>end", None, state, "end")
    trace = Trace([Event({"concept:name": label}) for label in labels])
    theirs = algorithm.apply_trace(trace, net, Marking({places[None]: 1}), Marking({places["end"]: 1}))
    ours = Aligner(machine).align([Token("declared", label) for label in labels], complete=True)
    assert ours.cost == theirs["cost"] // 10_000
    assert pm4py is not None


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("other", "tool_call", "approval", "llm_call")), st.sampled_from(("a", "b", "c", "d", "pay"))
    ),
    max_size=10,
)
RULES = st.lists(st.fixed_dictionaries({"rule": st.sampled_from(("precedence", "response", "alternate_precedence", "chain_response", "not_coexistence", "checkpoint")), "first": st.sampled_from("abc"), "then": st.sampled_from("abc")}), max_size=2)  # fmt: skip


@given(EVENTS, RULES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_live_check_and_the_check_afterwards_agree(events, rules, enforces):
    contract = parse({"name": "w", "level": 3, "start": "a", "steps": {"a": {"next": ["b", "end"]}, "b": {"next": ["a", "c"], "tools": ["pay"]}, "c": {"max": 1}}, "budgets": {"loops": 2, "steps": 7}, "rules": rules})  # fmt: skip
    guard, trace = Guard(Machine(contract), enforces=enforces), []
    for kind, name in events:
        try:
            guard.close(guard.open(kind, name), failed=False, attributes={})
            trace.append(step(name, kind))
        except WorkflowViolation:
            trace.append(step(name, kind, status="blocked", error_type="whichstep.errors.WorkflowViolation"))
    guard.finish()
    row = one(contract, *trace)
    assert row["conformant"] == (not guard.violations)
    if enforces:
        refused = [at for at, made in enumerate(trace, start=1) if made["status"] == "blocked"]
        assert [found["position"] for found in row["deviations"] if found["position"] is not None] == refused
