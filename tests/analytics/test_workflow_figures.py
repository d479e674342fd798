"""What is said of a workflow as a whole: observed autonomy, precision, flow, readiness, and contracts that are learned."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_conformance import executions_frame, step, steps_frame, tool

from whichstep.contract import parse, to_toml
from whichstep.contract.machine import Machine
from whichstep.errors import ConfigurationError
from whichstep_analytics.conformance import check, flow, learn, sequences
from whichstep_analytics.conformance.alignment import Aligner, Token
from whichstep_analytics.conformance.autonomy import observed
from whichstep_analytics.conformance.precision import precision
from whichstep_analytics.conformance.readiness import readiness


def level(*traces):
    rows = [{"execution_id": str(number), "labels": list(trace)} for number, trace in enumerate(traces)]
    return observed(pl.DataFrame(rows, schema={"execution_id": pl.String, "labels": pl.List(pl.String)}))


def test_the_observed_level_follows_from_the_variety_of_what_was_done():
    assert level(*["abc"] * 30).level == 1
    assert level(*["abc"] * 15, *["adc"] * 15).level == 2
    assert level(*["m" + "tm" * turns for turns in range(1, 6) for _ in range(6)]).level == 3
    assert level(*[[f"{number}", f"{number + 1}"] for number in range(40)]).level == 4


def test_the_observed_level_of_few_executions_is_unknown():
    found = level(*["abc"] * 19)
    assert (found.level, found.executions, found.reason) == (None, 19, "fewer than 20 executions")


def test_repeats_in_a_row_are_one_activity_to_the_observed_level():
    assert level(*["aab"] * 10, *["ab"] * 10, *["aaab"] * 10).level == 1


def test_precision_is_the_share_of_what_is_allowed_that_was_seen():
    contract = {
        "name": "w",
        "level": 3,
        "steps": {"a": {"next": ["b", "c"]}, "b": {"next": "end"}, "c": {"next": "end"}},
    }
    machine = Machine(parse(contract))

    def of(*labels):
        return [
            (Aligner(machine).align(tokens, complete=True).moves, tokens, 1)
            for tokens in ([Token("declared", name) for name in trace] for trace in labels)
        ]

    assert precision(machine, of("ab", "ac")) == 1.0
    # in a only one of two ways was taken: (1 + 1/2 + 1) / 3
    assert precision(machine, of("ab")) == pytest.approx(2.5 / 3)
    assert precision(Machine(parse({"name": "w", "level": 4, "budgets": {"steps": 1}})), of("a")) is None


def test_the_flow_counts_pairs_of_neighbours_and_the_executions_that_failed():
    traces = [[step("a"), step("b")], [step("a"), step("c", status="error")]]
    executions = executions_frame(traces).with_columns(pl.Series("success", [True, False]))
    did = sequences.recorded(steps_frame(traces))
    edges = {(row["from"], row["to"]): (row["count"], row["failed"]) for row in flow.edges(did, executions).to_dicts()}
    assert edges == {("start", "a"): (2, 1), ("a", "b"): (1, 0), ("b", "end"): (1, 0), ("a", "c"): (1, 1), ("c", "end"): (1, 1)}  # fmt: skip
    nodes = {
        row["label"]: (row["count"], row["failed"], row["errors"]) for row in flow.nodes(did, executions).to_dicts()
    }
    assert nodes == {"a": (2, 1, 0), "b": (1, 0, 0), "c": (1, 1, 1)}


def test_the_distance_of_two_flows_is_0_for_the_same_and_1_for_nothing_in_common():
    one, other = (flow.distribution(sequences.recorded(steps_frame([[step(name)]]))) for name in "ab")
    assert (flow.distance(one, one), flow.distance(one, other)) == (0.0, 1.0)
    assert flow.distance(one, one.head(0)) is None


def test_recorded_activities_are_the_outermost_steps_that_act_and_any_model_is_one_activity():
    trace = [step("agent", "agent"), step("gpt-4o", "llm_call", parent=0), tool("look", parent=0), step("node", parent=0), step("gpt-5", "llm_call", parent=3)]  # fmt: skip
    assert sequences.recorded(steps_frame([trace]))["label"].to_list() == ["model", "look", "node"]


def test_the_next_level_is_earned_by_lower_bounds_and_not_by_rates():
    few = readiness(level=2, success=(20, 20, 20), conformance=(20, 20, 20), bars=(0.9, 0.98))
    assert few.ready is False
    assert [bound.of for bound in few.bounds if not bound.met] == ["success", "conformance"]
    many = readiness(level=2, success=(950, 1000, 1000), conformance=(1000, 1000, 1000), bars=(0.9, 0.98))
    assert (many.ready, many.next_level) == (True, 3)


@pytest.mark.parametrize(("good", "known"), [(20, 20), (18, 20), (0, 10), (500, 600)])
def test_readiness_says_exactly_how_many_more_good_executions_are_needed(good, known):
    bound = readiness(level=1, success=(good, known, known), conformance=(99999, 99999, 99999), bars=(0.9, 0.9)).bounds[
        0
    ]
    assert not bound.met
    enough, short = (
        readiness(level=1, success=(good + more, known + more, known + more), conformance=(99999, 99999, 99999), bars=(0.9, 0.9)).bounds[0].met
        for more in (bound.more, bound.more - 1)
    )  # fmt: skip
    assert (enough, short) == (True, False)


def test_readiness_is_unknown_where_nothing_is_known_and_ends_at_level_4():
    unknown = readiness(level=1, success=(0, 0, 9), conformance=(9, 9, 9), bars=(0.9, 0.9))
    assert (unknown.ready, unknown.reason) == (None, "success is known of no execution at this level")
    assert readiness(level=4, success=(9, 9, 9), conformance=(9, 9, 9), bars=(0.5, 0.5)).next_level is None
    never = readiness(level=1, success=(9, 9, 9), conformance=(9, 9, 9), bars=(1.0, 0.5)).bounds[0]
    assert never.more is None


def learned(traces, **options):
    executions = executions_frame(traces, cost_usd=0.01234, tokens=100)
    return learn.learn("w", steps_frame(traces), executions, **options).contract


def test_a_learned_contract_says_steps_transitions_tools_budgets_and_rules():
    good = [step("retrieve"), step("model"), step("tools"), tool("look", parent=2), step("model"), step("tools"), tool("pay", parent=5), step("model")]  # fmt: skip
    contract = learned([good] * 8)
    assert contract.level == 3
    assert contract.start == ("retrieve",)
    assert {found.name: found.next for found in contract.steps} == {"retrieve": ("model",), "model": ("tools", "end"), "tools": ("model",)}  # fmt: skip
    assert contract.step("tools").tools == ("look", "pay")
    assert [rule.id for rule in contract.rules] == ["precedence(look, pay)"]
    assert (contract.budgets.loops, contract.budgets.cost_usd, contract.budgets.tokens) == (2, 0.0124, 100)
    assert parse(to_toml(contract)) == contract


def test_calls_of_models_and_tools_side_by_side_are_learned_as_a_model_with_tools():
    turn = [step("gpt-4o", "llm_call"), tool("look"), step("gpt-4o-mini", "llm_call")]
    contract = learned([turn] * 6)
    model = contract.step("model")
    assert (model.type, model.match, model.tools, model.next) == ("llm_call", ("*",), ("look",), ("model", "end"))
    assert check(steps_frame([turn]), executions_frame([turn]), contract).rows["conformant"].to_list() == [True]


def test_an_agent_of_tools_alone_is_learned_as_steps():
    contract = learned([[tool("look"), tool("pay")]] * 6)
    assert (contract.level, [found.name for found in contract.steps]) == (2, ["look", "pay"])


def test_what_is_rare_is_left_out_of_a_learned_contract():
    traces = [[step("a"), step("b")]] * 30 + [[step("a"), step("odd"), step("b")]]
    contract = learned(traces, support=0.1)
    assert [found.name for found in contract.steps] == ["a", "b"]
    assert learned(traces, support=0.01).step("odd") is not None


def test_an_approval_that_always_came_first_is_learned_as_a_rule():
    contract = learned([[step("a"), step("pay", "approval"), tool("pay")]] * 6)
    assert [rule.id for rule in contract.rules] == ["precedence(approval, pay)"]


def test_too_few_executions_and_impossible_levels_are_said():
    with pytest.raises(learn.NothingToLearn, match="2 good executions are too few"):
        learned([[step("a")]] * 2)
    with pytest.raises(learn.NothingToLearn, match="no way from start to end"):
        learned([[step("agent", "agent")]] * 6)
    with pytest.raises(ConfigurationError, match="no output schema"):
        learned([[step("a")]] * 6, level=1)


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), min_size=5, max_size=12),
    st.sampled_from((None, 3, 4)),
)
@settings(max_examples=60, deadline=None)
def test_executions_keep_to_the_contract_that_was_learned_from_all_of_them(labels, level):
    traces = [[step(name) for name in trace] for trace in labels]
    contract = learned(traces, support=0.0001, level=level)
    assert parse(to_toml(contract)) == contract
    held = check(steps_frame(traces), executions_frame(traces, cost_usd=0.01234, tokens=100), contract)
    assert held.rows["conformant"].all()
