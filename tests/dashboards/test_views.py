"""Every screen, run by Streamlit itself, on an empty, a small and an odd store behind a real HTTP port."""

from __future__ import annotations

import re

import fake_api
import pytest
from dashboard_texts import texts

SCREENS = ("overview", "executions", "failing_steps", "tools", "drift", "safety", "grounding", "compare", "workflows")
FIRST = fake_api.small().executions[0]["execution_id"]
FAILED = next(row for row in fake_api.small().executions if row["success"] is False)["execution_id"]
LONG = fake_api.odd().executions[0]["execution_id"]


@pytest.mark.parametrize("screen", SCREENS)
def test_an_empty_store_says_how_to_send_the_first_trace(open_page, screen):
    page = open_page(screen, "empty")
    assert not page.exception
    assert "No executions yet" in texts(page)
    assert "whichstep demo" in texts(page)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("store", ["small", "odd"])
def test_every_screen_opens(open_page, screen, store):
    page = open_page(screen, store)
    assert not page.exception
    assert not page.error


@pytest.mark.parametrize("execution", [row["execution_id"] for row in fake_api.odd().executions])
@pytest.mark.parametrize("view", ["Steps", "Evaluations", "Raw JSON"])
def test_an_execution_of_nulls_and_hostile_texts_opens(open_page, execution, view):
    page = open_page("execution", "odd", execution=execution, view=view)
    assert not page.exception
    assert not page.error


def test_the_overview_shows_eight_figures_with_what_they_rest_on(open_page):
    said = texts(open_page("overview", "small"))
    for label in ("Task success", "First-pass success", "Tool selection", "Human escalation"):
        assert label in said
    for label in ("Policy violations", "Latency p95", "Cost per task", "Error rate"):
        assert label in said
    assert "n 137 · known 90 %" in said.replace("\\", "")


def test_an_unknown_figure_is_called_unknown_with_its_reason_and_never_zero(open_page):
    page = open_page("overview", "small")
    headers = [header.value for header in page.header]
    assert headers.count(":gray[unknown]") == 2
    assert "no execution ran under a policy" in texts(page)


def test_sample_data_is_labelled_where_production_is_empty(open_page):
    page = open_page("overview", "small")
    assert "Sample data" in page.warning[0].value
    assert page.sidebar.selectbox(key="filter-purpose").value == "demo"


def test_production_is_shown_without_a_banner(open_page):
    assert not open_page("overview", "odd").warning


def test_the_list_says_n_of_n(open_page):
    assert "**1\N{EN DASH}50 of 137**" in texts(open_page("executions", "small"))


def test_filters_of_the_address_reach_the_engine(open_page):
    page = open_page("executions", "small", success="false", failure_kind="tool_error")
    failed = [row for row in fake_api.small().executions if row["failure_kind"] == "tool_error"]
    assert f"of {len(failed)}**" in texts(page)
    assert page.sidebar.multiselect(key="filter-success").value == ["false"]


def test_a_filter_goes_into_the_address_and_starts_at_the_first_page(open_page):
    page = open_page("executions", "small", page="2", cursor="50")
    page.sidebar.multiselect(key="filter-release").select("2026.11.3").run()
    assert _query(page, "release") == "2026.11.3"
    assert "cursor" not in page.query_params
    assert page.sidebar.multiselect(key="filter-release").value == ["2026.11.3"]


def test_the_next_page_is_cut_by_the_engine(open_page):
    page = open_page("executions", "small")
    next(button for button in page.button if button.label == "Next page").click().run()
    assert "**51\N{EN DASH}100 of 137**" in texts(page)
    next(button for button in page.button if button.label == "Next page").click().run()
    assert "**101\N{EN DASH}137 of 137**" in texts(page)


def test_clearing_the_filters_empties_the_address(open_page):
    page = open_page("executions", "small", release="2026.11.3", failing_step="support/issue_refund")
    next(button for button in page.button if button.label == "Clear filters").click().run()
    assert not page.query_params


def test_a_filter_set_by_a_link_is_shown_and_can_be_removed(open_page):
    page = open_page("executions", "small", failing_step="support/issue_refund")
    assert "failing step: support/issue_refund" in texts(page)
    page.button(key="unlink-failing_step-support/issue_refund").click().run()
    assert "failing_step" not in page.query_params


def test_filters_that_match_nothing_say_so(open_page):
    assert "No execution matches" in texts(open_page("executions", "small", query="no such words"))


def test_a_failed_execution_names_the_failing_step_and_its_cause(open_page):
    page = open_page("execution", "small", execution=FAILED)
    said = texts(page).replace("\\", "")
    assert "Failing step:] step" in said
    assert "**Cause:**] step" in said
    assert "This is the failing step" in said
    assert "refund service answered 502" in said


def test_a_second_opinion_stands_beside_the_rules(open_page):
    page = open_page("execution", "small", execution=FAILED)
    said = texts(page).replace("\\", "")
    assert "Second opinion: step 3" in said
    assert "differs from the rules" in said
    assert "it need not have been asked" in said
    good = next(row for row in fake_api.small().executions if row["success"])["execution_id"]
    assert "Second opinion" not in texts(open_page("execution", "small", execution=good))


def test_values_of_the_answer_that_stand_in_no_source_are_named(open_page):
    said = texts(open_page("execution", "small", execution=FAILED))
    assert "Ungrounded: 1 of 3 values" in said
    assert "A-4403" in said
    table = open_page("grounding", "small").dataframe[0].value
    assert set(table["ungrounded values"]) == {"A-4403"}


def test_what_changed_between_two_releases_stands_beside_what_moved(open_page):
    page = open_page("compare", "small")
    assert page.selectbox(key="before").value == "2026.10.1"
    assert page.selectbox(key="after").value == "2026.11.3"
    assert any("+Be brief, and kind." in block.value for block in page.code)
    table = page.dataframe[0].value
    assert "rose by 5 points" in set(table["what moved"])
    page = open_page("compare", "small", before="abcdef")
    assert page.selectbox(key="before").value == "abcdef"


def test_a_good_execution_names_no_failing_step(open_page):
    good = next(row for row in fake_api.small().executions if row["success"])["execution_id"]
    assert "Failing step:" not in texts(open_page("execution", "small", execution=good))


def test_the_step_of_the_address_is_shown_whole(open_page):
    page = open_page("execution", "small", execution=FIRST, step=f"{3:016x}")
    assert page.selectbox(key="step").value == f"{3:016x}"
    codes = [block.value for block in page.code]
    assert "You are a support agent. Follow the refund policy." in codes
    assert any("→ lookup_order(" in code for code in codes)


def test_next_and_previous_walk_the_steps(open_page):
    page = open_page("execution", "small", execution=FIRST, step=f"{3:016x}")
    page.button(key="Step after").click().run()
    assert _query(page, "step") == f"{4:016x}"
    page.button(key="Step before").click().run()
    assert page.selectbox(key="step").value == f"{3:016x}"


def test_an_execution_opens_from_the_bare_address_too(open_page):
    page = open_page("overview", "small", execution=FAILED)
    assert not page.exception
    assert "Failing step:" in texts(page)


def test_thousands_of_steps_are_windowed_and_counted(open_page):
    page = open_page("execution", "odd", execution=LONG, fold="no", **{"from": "0"})
    assert "Rows 1\N{EN DASH}120 of 2,000" in texts(page)
    next(button for button in page.button if button.label == "Later").click().run()
    assert "Rows 121\N{EN DASH}240 of 2,000" in texts(page)


def test_failing_steps_link_to_exactly_the_executions_they_count(open_page):
    page = open_page("failing_steps", "small", by="kind", group="tool_error")
    count = sum(row["failure_kind"] == "tool_error" for row in fake_api.small().executions)
    assert f"{count} failed executions" in texts(page)
    assert f"5 of {count}" in texts(page)


def test_signatures_are_a_table_and_the_address_chooses_one_by_its_key(open_page):
    groups = fake_api.small().failures["signature"]["groups"]
    page = open_page("failing_steps", "small", by="signature", group=groups[1]["key"]["signature"])
    table = page.dataframe[0].value
    assert table["failed"].to_list() == [group["count"] for group in groups]
    assert table["what failed"][0] == "said <*> to all"  # without the step and kind that stand in columns of their own
    assert page.selectbox(key="group").value == groups[1]["key"]["signature"]
    assert f"{groups[1]['count']} failed executions" in texts(page)


def test_an_unknown_execution_says_what_to_do_and_shows_no_trace_back(open_page):
    page = open_page("execution", "small", execution="f" * 32)
    assert not page.exception
    assert "No such execution" in page.error[0].value
    assert "retention" in page.error[0].value


def test_a_missing_token_is_named_with_its_remedy(open_page):
    page = open_page("overview", "locked")
    assert "`WHICHSTEP_TOKEN`" in page.error[0].value or "WHICHSTEP" in page.error[0].value
    assert not page.exception


def test_an_absent_sidecar_is_named_with_its_remedy(open_page):
    page = open_page("overview", "http://127.0.0.1:9")
    assert "cannot be reached" in page.error[0].value
    assert "`whichstep up`" in page.error[0].value


@pytest.mark.parametrize("screen", SCREENS)
def test_hostile_text_never_stands_unescaped_where_markdown_is_read(open_page, screen):
    page = open_page(screen, "odd")
    _no_markup(page)


@pytest.mark.parametrize("execution", [row["execution_id"] for row in fake_api.odd().executions])
def test_hostile_text_of_an_execution_is_never_markup(open_page, execution):
    _no_markup(open_page("execution", "odd", execution=execution))


def _query(page, name):
    value = page.query_params[name]
    return value if isinstance(value, str) else value[-1]


def _no_markup(page):
    for kind in ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error"):
        for element in getattr(page, kind):
            for bad in (
                "![x]",
                "<script",
                "<img",
                ":material/warning",
                ":smile:",
                "](javascript",
                "https://evil",
                "**bold**",
            ):
                assert bad not in re.sub(r"\\.", "", str(element.value)), (kind, element.value)
    for button in page.button:
        assert "![x]" not in button.label


def test_safety_shows_rates_counts_and_what_they_rest_on(open_page):
    page = open_page("safety", "small")
    said = texts(page).replace("\\", "")
    for label in ("Policy violations", "Ungated actions", "Human escalation", "132 of 137 executions judged whole"):
        assert label in said
    assert "90 actions compared with the policy" in said
    table = page.dataframe[0].value
    assert list(table["action"]) == ["send_external_email"] * 4
    assert "customer-0@example.com" in table["arguments"][0]


def test_safety_shows_what_people_decided_and_who_reads_little(open_page):
    page = open_page("safety", "small")
    said = texts(page).replace("\\", "")
    assert "10 of 12 requests decided by a person" in said
    assert "2 notifications undelivered" in said
    assert [card.value for card in page.metric if card.label == "Approved, then failed"] == ["unknown"]
    assert list(page.dataframe[1].value["sign"]) == ["⚠ never says no"]
    assert "3 further requests belong to no stored execution" in said
    assert "1 of 1 actions" in said
    assert "1 of 1 weeks, the latest" in texts(open_page("safety", "small", decisions_by="week"))
    assert not open_page("safety", "odd", decisions_by="rule").exception


def test_tools_shows_the_choice_what_is_amiss_and_each_tool(open_page):
    page = open_page("tools", "small")
    said = texts(page).replace("\\", "")
    assert "no_such_tool** was right 4 times and never chosen; no stored execution ever called it" in said
    assert "issue_refund** was called 2 times where no tool was needed" in said
    assert "nobody said the order" in said
    assert list(page.dataframe[0].value["errors"]) == ["3 of 30"] * 2
    box = next(box for box in page.selectbox if box.label == "Look at")
    assert box.options[0] == "issue_refund in place of lookup_order · 5"


def test_safety_without_a_policy_says_how_to_have_one(open_page):
    assert "whichstep up --policy" in texts(open_page("safety", "odd"))


def test_a_logged_action_is_reviewed_by_a_button(addresses, open_page):
    page = open_page("safety", "small", kind="logged")
    fine = next(button for button in page.button if button.label == "Fine")
    page = fine.click().run()
    assert not page.exception
    assert "reviewed: fine" in texts(page).replace("\\", "")
    assert len([button for button in page.button if button.label == "Fine"]) == 3


def test_an_execution_that_breaks_its_contract_says_how(open_page):
    said = texts(open_page("execution", "small", execution=FAILED)).replace("\\", "")
    assert "Breaks the contract of support_agent" in said
    assert "has no place there" in said
    assert "5 of 7 deviations" in said
