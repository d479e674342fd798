import pytest

from whichstep_analytics import words
from whichstep_analytics.answers.changes import compared, standardised_groups
from whichstep_analytics.intervals import combined, difference, p_value, wilson


def figure(events, cases, *, unit="share"):
    if not cases:
        return dict.fromkeys(("value", "lower", "upper", "denominator")) | {"unit": unit}
    lower, upper, _ = wilson(events, cases)
    return {"value": events / cases, "lower": lower, "upper": upper, "denominator": cases, "unit": unit}


def change(new, old, typed=None, typed_before=None):
    return compared(figure(*new), figure(*old), typed or {}, typed_before or {}, "task_success_rate")["change"]


def by_type(**shares):
    return {kind: {"task_success_rate": figure(*share)} for kind, share in shares.items()}


def test_a_clear_change_says_its_size_test_and_p_value():
    found = change((180, 200), (140, 200))
    assert found["value"] == pytest.approx(0.2)
    assert found["p_value"] < 0.001
    assert (found["verdict"], found["words"]) == ("up", "up 20.0 points (p < 0.001)")
    assert found["method"] == "difference of shares (Newcombe 1998, method 10)"
    assert found["lower"] > 0


def test_a_change_that_chance_explains_is_called_unclear():
    found = change((17, 20), (15, 20))
    assert (found["verdict"], found["lower"] < 0 < found["upper"]) == ("unclear", True)
    assert found["words"].startswith("no clear change: up 10.0 points (p = 0.4")


def test_nothing_known_on_one_side_is_no_change():
    assert change((1, 2), (0, 0)) is None
    assert compared(figure(1, 2), None, {}, {}, "task_success_rate") == {"previous": None, "change": None}


@pytest.mark.parametrize(
    ("new", "old"), [((30, 100), (20, 100)), ((3, 10), (0, 10)), ((0, 5), (5, 5)), ((10, 10), (10, 10))]
)
def test_the_test_agrees_with_the_interval_beside_it(new, old):
    found = change(new, old)
    assert (found["p_value"] < 0.05) == (not found["lower"] <= 0 <= found["upper"])


def test_the_p_value_is_that_of_the_two_proportion_test_where_that_holds():
    """Pooled z of 3,000 and 3,200 of 10,000: 3.05, p = 0.0023."""
    new, old = ((events / 10_000, *wilson(events, 10_000)[:2]) for events in (3200, 3000))
    assert p_value(*difference(new, old)) == pytest.approx(0.0023, abs=0.0002)


def test_simpsons_paradox_is_said():
    """Better for each task type, worse all in all, for the harder ones became more frequent."""
    now, before = by_type(easy=(95, 100), hard=(450, 900)), by_type(easy=(810, 900), hard=(30, 100))
    found = change((545, 1000), (840, 1000), now, before)
    assert found["verdict"] == "down"
    assert found["mix_adjusted"]["verdict"] == "up"
    assert found["mix_adjusted"]["value"] == pytest.approx(0.5 * 0.05 + 0.5 * 0.2)
    assert found["disagree"]
    assert found["words"].endswith("; with the mix of task types held: up 12.5 points (p < 0.001)")


def test_one_task_type_has_no_mix_to_hold():
    found = change((90, 100), (80, 100), by_type(only=(90, 100)), by_type(only=(80, 100)))
    assert (found["mix_adjusted"], found["disagree"]) == (None, False)


def test_a_type_that_one_side_lacks_is_left_out_of_both():
    now, before = by_type(a=(9, 10), b=(9, 10), c=(0, 90)), by_type(a=(9, 10), b=(9, 10))
    assert change((18, 110), (18, 20), now, before)["mix_adjusted"]["value"] == pytest.approx(0)


def test_groups_beside_each_other_are_compared_with_one_mix():
    typed = [by_type(easy=(95, 100), hard=(450, 900)), by_type(easy=(810, 900), hard=(30, 100))]
    groups = [
        {
            "group": {"release": name},
            "metrics": dict.fromkeys(_METRICS, figure(0, 0)) | {"task_success_rate": figure(*share)},
        }
        for name, share in (("2", (545, 1000)), ("1", (840, 1000)))
    ]
    (said,) = standardised_groups(groups, typed, ["release"])
    assert said.startswith("task_success_rate, 1 against 2: up 29.5 points (p < 0.001); with the mix")
    assert said.endswith("held: down 12.5 points (p < 0.001)")
    assert groups[0]["metrics"]["task_success_rate"]["mix_adjusted"]["value"] == pytest.approx(0.725)
    assert groups[0]["metrics"]["cost_per_task"]["mix_adjusted"] is None


_METRICS = (
    "task_success_rate", "first_pass_success", "tool_selection_accuracy", "human_escalation_rate",
    "policy_violation_rate", "cost_per_task", "error_rate",
)  # fmt: skip


def test_a_sum_of_one_part_is_that_part():
    assert combined([(1.0, (0.5, 0.4, 0.7))]) == pytest.approx((0.5, 0.4, 0.7))
    halves = combined([(0.5, (0.5, 0.4, 0.7)), (0.5, (0.5, 0.4, 0.7))])
    assert halves[1] == pytest.approx(0.5 - 0.1 / 2**0.5)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.031, "share", "3.1 points"),
        (250.0, "ms", "250 ms"),
        (1240.0, "ms", "1.24 s"),
        (0.0042, "usd", "$0.0042"),
        (-0.0000802, "usd", "-$0.0000802"),
        (1500.0, "tokens", "1,500 tokens"),
        (12.34, "tokens", "12.3 tokens"),
    ],
)
def test_amounts_have_the_unit_that_fits(value, unit, said):
    assert words.amount(value, unit) == said
