"""The screens and how one links to another. A view is imported when it is first opened, not when the process starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import streamlit as st

from whichstep_dashboards import query_string


class Screen(NamedTuple):
    """One screen: its name is the last part of its address and the module in `views`."""

    name: str
    title: str
    icon: str


OVERVIEW: Final = Screen("overview", "Overview", ":material/monitoring:")
EXECUTIONS: Final = Screen("executions", "Executions", ":material/list:")
FAILING_STEPS: Final = Screen("failing_steps", "Failing steps", ":material/error:")
DRIFT: Final = Screen("drift", "Drift", ":material/trending_down:")
COMPARE: Final = Screen("compare", "Compare", ":material/compare_arrows:")
GROUNDING: Final = Screen("grounding", "Grounding", ":material/fact_check:")
TOOLS: Final = Screen("tools", "Tools", ":material/build:")
WORKFLOWS: Final = Screen("workflows", "Workflows", ":material/schema:")
SAFETY: Final = Screen("safety", "Safety", ":material/shield:")
EXECUTION: Final = Screen("execution", "Execution", ":material/account_tree:")
APPROVALS: Final = Screen("approvals", "Approvals", ":material/approval:")
SCREENS: Final = (
    OVERVIEW, EXECUTIONS, FAILING_STEPS, TOOLS, APPROVALS, DRIFT, GROUNDING, COMPARE, WORKFLOWS, SAFETY, EXECUTION,
)  # fmt: skip
MENU: Final = SCREENS[:-1]


def page(screen: Screen) -> Any:
    """Streamlit's page for a screen; equal for equal screens, so links may make their own."""
    return st.Page(
        _runner(screen), title=screen.title, icon=screen.icon, url_path=screen.name, default=screen is OVERVIEW
    )


def show(screen: Screen) -> None:
    """Draws a screen here and now."""
    import_module(f"whichstep_dashboards.views.{screen.name}").show()


def _runner(screen: Screen) -> Callable[[], None]:
    def run() -> None:
        show(screen)

    run.__name__ = screen.name
    return run


def link(
    screen: Screen, label: str, *, parameters: Mapping[str, str | list[str]] | None = None, **options: Any
) -> None:
    """A link to a screen that keeps window, purpose and the other shared filters; the label is Markdown."""
    st.page_link(page(screen), label=label, query_params=query_string.link_parameters(parameters or {}), **options)


def open_execution(execution_id: str, step_id: str | None = None) -> None:
    """Shows an execution, and of it a step, in place of this screen; for callbacks.

    Filters stay in the address, so back leads to them.
    """
    query_string.write(**{"execution": execution_id, "step": step_id, "view": None, "from": None, "fold": None})


def link_to_list(label: str, **options: Any) -> None:
    """A link to the list of executions with every filter of this address, for the way back from one of them."""
    kept = {name: query_string.read(name) for name in (*query_string.FILTERS, "order", "cursor", "page")}
    found = {name: values for name, values in kept.items() if values}
    st.page_link(page(EXECUTIONS), label=label, query_params=found, **options)
