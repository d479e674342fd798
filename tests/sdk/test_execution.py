import json

import pytest
from opentelemetry import trace

import whichstep
from whichstep import attributes as names
from whichstep import report
from whichstep.approval import state
from whichstep.attributes import execution_id_of
from whichstep.policy import Policy
from whichstep.settings import load


def test_an_execution_has_the_id_of_its_trace_and_all_its_spans_carry_it(whichstep_spans):
    tracer = whichstep.tracer_provider().get_tracer("openinference.instrumentation.fake")
    with whichstep.task("refund_request") as execution, whichstep.agent("desk"):
        assert whichstep.current_execution_id() == execution.execution_id
        with tracer.start_as_current_span("foreign"), whichstep.tool("t"):
            pass
    spans = whichstep_spans.spans
    assert len(spans) == 4
    assert {span["execution_id"] for span in spans} == {execution.execution_id} == {spans[0]["trace_id"]}
    assert whichstep.current_execution_id() is None


def test_a_foreign_span_with_a_context_of_its_own_is_stamped_too(whichstep_spans):
    tracer = whichstep.tracer_provider().get_tracer("autogen-core")
    with whichstep.task("t") as execution:
        tracer.start_span("elsewhere", context=trace.set_span_in_context(trace.INVALID_SPAN, {})).end()
    foreign = whichstep_spans.one("elsewhere")
    assert foreign["trace_id"] != execution.trace_id
    assert foreign["execution_id"] == execution.execution_id


def test_identity_goes_on_the_root_in_the_names_of_the_wire(whichstep_spans):
    with whichstep.task(
        "refund_request", id="T-17", input={"text": "broken"}, session="s1", user="u1", purpose="demo",
        tags=["vip", "de"], metadata={"channel": "mail", "n": 3}, rerun_of="0" * 32,
    ):  # fmt: skip
        pass
    got = whichstep_spans.one("refund_request")["attributes"]
    assert got[names.TASK_TYPE] == "refund_request"
    assert got[names.TASK_ID] == "T-17"
    assert json.loads(got[names.INPUT]) == {"text": "broken"}
    assert got[names.SESSION_ID] == got[names.CONVERSATION_ID] == "s1"
    assert (got[names.USER_ID], got[names.PURPOSE], got[names.TAGS]) == ("u1", "demo", ["vip", "de"])
    assert (got["whichstep.metadata.channel"], got["whichstep.metadata.n"]) == ("mail", "3")
    assert got[names.RERUN_OF] == "0" * 32
    assert got[names.OPERATION] == "invoke_workflow"


def test_an_execution_says_which_policy_holds_its_tools_also_when_it_calls_none(whichstep_spans):
    with whichstep.task("t"):
        pass
    state.use_policy({"send_email": "approve"})
    with whichstep.task("held"):
        pass
    assert names.POLICY_DIGEST not in whichstep_spans.one("t")["attributes"]
    digest = Policy.from_dict({"send_email": "approve"}).digest
    assert whichstep_spans.one("held")["attributes"][names.POLICY_DIGEST] == digest


def test_an_id_of_ones_own_is_hashed_and_kept_beside(whichstep_spans):
    with whichstep.task("t", execution_id="run/7") as first:
        pass
    with whichstep.task("t", execution_id="A" * 32) as second:
        pass
    assert first.execution_id == execution_id_of("run/7") != "run/7"
    assert second.execution_id == "a" * 32
    spans = whichstep_spans.spans
    assert spans[0]["attributes"][names.EXECUTION_EXTERNAL_ID] == "run/7"


def test_a_uuid_is_an_execution_id_as_it_stands():
    assert execution_id_of("A96EE651-2687-B101-B06B-7936CD20E52C") == "a96ee6512687b101b06b7936cd20e52c"


def test_a_task_announces_itself_when_it_starts(whichstep_spans):
    with whichstep.task("slow", session="s"):
        (announced,) = whichstep_spans.start_records
        assert announced["ended_at"] == 0
        assert announced["attributes"][names.PENDING] is True
        assert announced["attributes"][names.SESSION_ID] == "s"
        assert whichstep_spans.spans == []
    (ended,) = whichstep_spans.spans
    assert ended["span_id"] == announced["span_id"]
    assert ended["trace_id"] == announced["trace_id"]
    assert ended["started_at"] == announced["started_at"]
    assert names.PENDING not in ended["attributes"]


def test_a_task_inside_a_task_is_a_step_unless_it_has_an_identity(whichstep_spans):
    with whichstep.task("outer") as outer:
        with whichstep.task("inner") as inner:
            pass
        with whichstep.task("other", id="T-2") as other, whichstep.tool("t"):
            pass
    assert inner.execution_id == outer.execution_id
    assert other.execution_id != outer.execution_id
    spans = {span["step"]: span for span in whichstep_spans.spans}
    assert spans["inner"]["parent_span_id"] == spans["outer"]["span_id"]
    assert spans["other"]["parent_span_id"] is None
    assert spans["other"]["links"][0]["span_id"] == spans["outer"]["span_id"]
    assert spans["t"]["execution_id"] == other.execution_id
    assert len(whichstep_spans.start_records) == 2


def test_a_decorated_task_takes_its_argument_as_input_and_its_value_as_output(whichstep_spans):
    @whichstep.task("refund_request", purpose="dataset")
    def handle(ticket):
        return {"answer": ticket.upper()}

    handle("broken")
    handle("late")
    first, second = whichstep_spans.named("refund_request")
    assert first["attributes"][names.INPUT] == "broken"
    assert json.loads(second["attributes"][names.OUTPUT]) == {"answer": "LATE"}
    assert first["execution_id"] != second["execution_id"]


def test_outcome_evaluation_and_expectation_speak_of_the_current_execution(whichstep_spans):
    with whichstep.task("t") as execution:
        with whichstep.tool("deep"):
            whichstep.expect(tools=["a", "b"], ordered=True)
            whichstep.outcome(success=False, output="sorry", explanation="no stock", escalation="agent")
        with whichstep.tool("judged") as step:
            whichstep.evaluate(name="grounded", score=True, label="yes", step=step)
    whichstep.evaluate(execution_id="T-9", name="task_success", score=0.5)
    root = whichstep_spans.one("t")["attributes"]
    assert root[names.OUTCOME_SUCCESS] is False
    assert (root[names.OUTPUT], root[names.OUTCOME_EXPLANATION], root[names.ESCALATION]) == (
        "sorry",
        "no stock",
        "agent",
    )
    assert json.loads(root[names.EXPECTATION]) == {"tools": ["a", "b"], "ordered": True, "allow_extra": False}
    own, foreign = whichstep_spans.evaluations
    assert own["event_name"] == names.EVALUATION_EVENT
    assert (own["trace_id"], own["span_id"]) == (step.trace_id, step.step_id)
    assert own["attributes"][names.EVALUATION_SCORE] == 1.0
    assert own["attributes"][names.EVALUATION_LABEL] == "yes"
    assert own["attributes"][names.EVALUATION_SOURCE] == "CODE"
    assert own["attributes"][names.EXECUTION_ID] == execution.execution_id
    assert foreign["attributes"][names.EXECUTION_ID] == execution_id_of("T-9")
    assert (foreign["trace_id"], foreign["span_id"]) == (None, None)


def test_speaking_of_no_execution_is_said_once_and_does_nothing(whichstep_spans, caplog):
    from whichstep import recording

    recording._said.clear()
    for _ in range(2):
        whichstep.outcome(success=True)
        whichstep.expect(tools=[])
    whichstep.evaluate(name="x", score=1)
    assert whichstep_spans.spans == whichstep_spans.evaluations == []
    assert len(caplog.records) == 3


def _raise(error):
    if error is not None:
        raise error


def _failed(*, success=None):
    with whichstep.task("refund_request") as execution:
        for error in (TimeoutError("slow"), None):
            try:
                with whichstep.tool("lookup_order"):
                    _raise(error)
            except TimeoutError:
                pass
        try:
            with whichstep.agent("desk"), whichstep.tool("issue_refund"):
                _raise(ValueError("amount is \x1b[31mtoo high"))
        except ValueError:
            if success is not None:
                whichstep.outcome(success=success)
    return execution


def test_the_line_names_the_first_step_that_nothing_recovered(whichstep_spans):
    execution = _failed()
    line = report.line(execution, load({}, {}))
    assert line == (
        "step 5 issue_refund failed: amount is  [31mtoo high → "
        f"http://127.0.0.1:8501/execution?execution={execution.execution_id}"
    )


def test_the_line_is_written_to_a_terminal_only_and_after_a_failure_only(whichstep_spans, monkeypatch, capsys):
    _failed(success=False)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    _failed(success=True)
    assert capsys.readouterr().err == ""
    _failed(success=False)
    assert "issue_refund failed" in capsys.readouterr().err


def test_with_opentelemetry_disabled_everything_is_silent():
    from whichstep.testing import capture

    with capture(disabled=True) as captured:
        with whichstep.task("t") as execution, whichstep.llm("m") as call:
            call.input("x").output("y").usage(input_tokens=1)
            whichstep.outcome(success=True)
            whichstep.evaluate(name="n", score=1)

        @whichstep.step
        def stream():
            yield 1

        assert list(stream()) == [1]
        assert execution.execution_id is None
        assert captured.spans == captured.evaluations == []


def test_open_steps_are_ended_innermost_first(whichstep_spans):
    from whichstep.recording import end_open_steps

    outer = whichstep.task("outer").__enter__()
    inner = whichstep.tool("inner").__enter__()
    end_open_steps()
    spans = whichstep_spans.spans
    assert [span["attributes"][names.CONTROL_FLOW] for span in spans] == ["cancelled"] * 2
    assert spans[1]["ended_at"] <= spans[0]["ended_at"]
    inner.__exit__(None, None, None)
    outer.__exit__(None, None, None)
    assert len(whichstep_spans.spans) == 2


@pytest.mark.parametrize("bad", [{"purpose": "fun"}])
def test_an_unknown_purpose_is_said(whichstep_spans, caplog, bad):
    from whichstep import recording

    recording._said.clear()
    with whichstep.task("t", **bad):
        pass
    assert "fun" in caplog.text
