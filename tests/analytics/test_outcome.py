import math

import polars as pl
import pytest
from frames import NOON, agent, call, evaluation, execution, failed, frame, results, tool

from whichstep_analytics.job import recompute, result_version
from whichstep_analytics.jobs.frames import empty
from whichstep_analytics.jobs.outcome import DECIDING, deciding_names
from whichstep_analytics.prices import default_prices
from whichstep_store.results import NEIGHBOUR_FIELDS

HUMAN = {"source": "HUMAN", "trusted": True}


def said(*statements):
    """Statements about the one execution, a second apart in the order given."""
    rows = [evaluation(**{"occurred_at": NOON + place, **row}) for place, row in enumerate(statements)]
    return {"evaluations": pl.concat(rows)}


def outcome(*statements, code=None, rows=None):
    found = execution(*(rows or [agent(outcome_success=code), call(2)]), **(said(*statements) if statements else {}))
    return {
        name: found[name] for name in ("success", "success_source", "first_pass", "success_disputed", "success_reason")
    }


def test_a_person_goes_before_the_code_the_code_before_an_evaluator():
    evaluator, person = {"score": 0.0, "source": "LLM"}, {"score": 1.0, **HUMAN}
    assert (outcome(evaluator)["success"], outcome(evaluator)["success_source"]) == (False, "evaluator")
    assert (outcome(evaluator, code=True)["success"], outcome(evaluator, code=True)["success_source"]) == (True, "code")
    found = outcome(evaluator, person, code=False)
    assert (found["success"], found["success_source"]) == (True, "human")


@pytest.mark.parametrize(
    "correction",
    [
        {"name": "correction", "explanation": "it was order 8", **HUMAN},
        {"name": "correction", "label": "edit", **HUMAN},
    ],
)
def test_a_persons_correction_is_no_success_and_no_first_pass_even_beside_a_good_score(correction):
    for statements in ((correction, {"score": 1.0, **HUMAN}), ({"score": 1.0, **HUMAN}, correction)):
        found = outcome(*statements, code=True)
        assert (found["success"], found["success_source"], found["first_pass"]) == (False, "human", False)
        assert (
            found["success_reason"]
            == "a person corrected, edited or rejected it; a person and the agent's code said otherwise"
        )


@pytest.mark.parametrize("nothing", [{"label": "none"}, {"label": "false"}, {"score": 0.0}])
def test_a_correction_that_corrects_nothing_says_nothing(nothing):
    assert outcome({"name": "correction", **HUMAN, **nothing}, code=True)["success"] is True


def test_a_correction_that_is_only_claimed_ranks_with_the_evaluators():
    claimed = {"name": "correction", "source": "HUMAN", "trusted": False}
    assert outcome(claimed)["success_source"] == "evaluator"
    assert outcome(claimed, code=True)["success"] is True
    assert outcome(claimed, code=True)["success_disputed"] is True


def test_statements_that_contradict_each_other_are_said():
    found = outcome({"score": 0.9, "source": "LLM"}, {"score": 0.1, "source": "LLM"})
    assert (found["success"], found["success_disputed"]) == (False, True)
    assert found["success_reason"] == "an evaluator said failure; an evaluator said otherwise"
    agreed = outcome({"score": 0.9, "source": "LLM"}, {"score": 0.8, "source": "LLM"}, code=True)
    assert (agreed["success_disputed"], agreed["success_reason"]) == (False, "the agent's code said success")


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 4.0, -0.1])
def test_a_score_that_is_no_number_from_0_to_1_says_nothing(score):
    found = outcome({"score": score, "source": "LLM"})
    assert (found["success"], found["success_source"], found["success_disputed"]) == (None, None, None)
    assert found["success_reason"] == ("the outcome is unknown; 1 scores were no number from 0 to 1 and say nothing")
    assert outcome({"score": score, "source": "LLM"}, {"score": 1.0, "source": "LLM"})["success"] is True
    assert outcome({"score": score, "label": "pass", "source": "LLM"})["success"] is True


def test_without_any_statement_the_outcome_is_unknown_and_an_error_is_a_failure():
    assert outcome()["success"] is outcome()["success_reason"] is None
    found = outcome(rows=[failed(agent()), call(2)])
    assert (found["success"], found["success_source"]) == (False, "inferred")
    assert found["success_reason"] == "it ended in an error, and nobody judged it"


def test_names_that_the_settings_map_decide_success_from_their_score_on():
    deciding = deciding_names("resolved, grounded>=0.8")
    assert deciding == {**DECIDING, "resolved": 0.5, "grounded": 0.8}
    for name, score, success in (("resolved", 0.6, True), ("grounded", 0.7, False), ("other", 0.0, None)):
        found = judged(evaluation(name=name, score=score, source="LLM"), deciding)
        assert (found["success"], found["result_version"]) == (success, result_version(deciding))
    assert result_version(deciding) != result_version()


def judged(evaluations, deciding):
    neighbours = empty(NEIGHBOUR_FIELDS)
    found = recompute(
        frame(agent(), call(2)), evaluations, neighbours, prices=default_prices(), as_of=NOON, deciding=deciding
    )
    return found.executions.row(0, named=True)


@pytest.mark.parametrize("text", ["a b", "resolved>=2", "resolved>=x", "resolved>=0.8.1", ">=0.5"])
def test_a_mapping_that_cannot_be_read_is_an_error_that_shows_how(text):
    with pytest.raises(ValueError, match=r"write correctness or correctness>=0\.8"):
        deciding_names(text)


# Re-runs


def turn(number, asked, *, at, session="s1", **columns):
    given = {"trace_id": number, "input": asked, "session_id": session, "outcome_success": True, **columns}
    return agent(number, at=at, took=1, **given)


def reruns(*rows):
    found = results(*rows).executions.sort("started_at")
    return [
        (row["rerun_of"] and int(row["rerun_of"], 16), row["rerun_rule"], row["first_pass"]) for row in found.to_dicts()
    ]


LONG = "please refund my order 4711"


def test_the_same_input_again_in_a_session_is_a_rerun_and_neither_is_a_first_pass():
    assert reruns(turn(1, LONG, at=0), turn(2, "thanks", at=2), turn(3, LONG, at=4)) == [
        (None, None, False),
        (None, None, True),
        (1, "input", False),
    ]


def test_a_word_said_again_later_is_no_rerun_but_at_once_it_is():
    assert reruns(turn(1, "yes", at=0), turn(2, LONG, at=2), turn(3, "yes", at=4))[2] == (None, None, True)
    assert reruns(turn(1, "yes", at=0), turn(2, "yes", at=2))[1] == (1, "input", False)


def test_the_same_input_in_another_session_or_to_another_agent_is_no_rerun():
    others = [
        turn(2, LONG, at=2, session="s2"),
        turn(3, LONG, at=4, agent="planner"),
        turn(4, LONG, at=6, session=None),
    ]
    assert reruns(turn(1, LONG, at=0), *others)[1:] == [(None, None, True)] * 3


def test_the_next_attempt_at_a_task_is_a_rerun_and_another_turn_of_it_is_not():
    attempts = [turn(number, f"try {number}", at=number, session=None, task_id="T-17") for number in (1, 2, 3)]
    assert [(of, rule) for of, rule, _ in reruns(*attempts)] == [(None, None), (1, "task"), (2, "task")]
    turns = [turn(number, f"try {number}", at=number, task_id="T-17") for number in (1, 2)]
    assert reruns(*turns)[1] == (None, None, True)


def test_trials_of_a_data_set_repeat_nothing():
    trials = [turn(number, LONG, at=number, session=None, task_id="case", purpose="dataset") for number in (1, 2)]
    assert reruns(*trials) == [(None, None, True)] * 2


def test_what_the_sender_states_stays():
    first, second = turn(1, LONG, at=0), turn(2, LONG, at=2)
    stated = turn(3, LONG, at=4, rerun_of=first["trace_id"])
    assert reruns(first, second, stated)[2] == (1, "stated", False)


def test_the_history_that_every_call_is_sent_does_not_make_two_turns_the_same():
    """Without an agent's own input the first call's whole input tells, not the first words of the conversation."""

    def row(number, digest):
        return call(
            number,
            None,
            trace_id=number,
            at=number,
            user_message=LONG,
            input="[…]",
            input_digest=digest,
            session_id="s",
        )

    assert [of for of, _, _ in reruns(row(1, "a" * 32), row(2, "b" * 32))] == [None, None]
    assert [of for of, _, _ in reruns(row(1, "a" * 32), row(2, "a" * 32))] == [None, 1]


def test_a_transport_retry_is_no_revision_but_a_changed_argument_is():
    retried = [agent(outcome_success=True), failed(tool(2)), tool(3)]
    assert execution(*retried)["first_pass"] is True
    changed = [agent(outcome_success=True), failed(tool(2)), tool(3, arguments="b")]
    assert (execution(*changed)["first_pass"], execution(*changed)["self_corrected"]) == (False, True)
