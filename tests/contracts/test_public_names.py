"""The names that users import are a promise."""

import inspect
import types

import pytest

import whichstep

NAMES = [
    "ActionBlocked", "ApprovalExpired", "ApprovalPending", "ApprovalRejected", "ApprovalUnavailable",
    "ConfigurationError", "Policy", "WhichstepError", "Workflow", "WorkflowViolation", "action", "agent", "arequest_approval", "carry", "configure", "current_execution_id", "current_step",
    "evaluate", "expect", "flush", "instrument", "llm", "observe", "outcome", "request_approval", "retrieval", "shutdown", "step", "task",
    "tool", "tracer_provider",
]  # fmt: skip


def test_the_public_names_are_these_and_sorted():
    assert whichstep.__all__ == sorted(whichstep.__all__)
    assert sorted(whichstep.__all__) == sorted(NAMES)


def test_each_public_name_exists_and_says_what_it_does():
    for name in whichstep.__all__:
        value = getattr(whichstep, name)
        assert not isinstance(value, types.ModuleType), name
        assert inspect.getdoc(value), name


def test_names_that_are_also_modules_stay_functions_whatever_is_imported():
    import whichstep.configure
    import whichstep.instrument
    import whichstep.outcome

    assert callable(whichstep.configure)
    assert callable(whichstep.instrument)
    assert callable(whichstep.outcome)


def test_what_is_not_public_is_named_in_the_error():
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(whichstep, "nonsense")  # noqa: B009  a name that type checkers refuse
