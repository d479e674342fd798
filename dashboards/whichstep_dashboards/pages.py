"""The screens and how one links to another. A view is imported when it is first opened, not when the process starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import streamlit as st

from whichstep_dashboards.query_string import link_parameters


class Screen(NamedTuple):
    """One screen: its name is the last part of its address and the module in `views`."""

    name: str
    title: str
    icon: str


OVERVIEW: Final = Screen("overview", "Overview", ":material/monitoring:")
EXECUTIONS: Final = Screen("executions", "Executions", ":material/list:")
FAILING_STEPS: Final = Screen("failing_steps", "Failing steps", ":material/error:")
EXECUTION: Final = Screen("execution", "Execution", ":material/account_tree:")
SCREENS: Final = (OVERVIEW, EXECUTIONS, FAILING_STEPS, EXECUTION)
MENU: Final = (OVERVIEW, EXECUTIONS, FAILING_STEPS)


def page(screen: Screen) -> Any:
    """Streamlit's page for a screen; equal for equal screens, so links may make their own."""
    return st.Page(
        _runner(screen), title=screen.title, icon=screen.icon, url_path=screen.name, default=screen is OVERVIEW
    )


def _runner(screen: Screen) -> Callable[[], None]:
    def run() -> None:
        import_module(f"whichstep_dashboards.views.{screen.name}").show()

    run.__name__ = screen.name
    return run


def link(
    screen: Screen, label: str, *, parameters: Mapping[str, str | list[str]] | None = None, **options: Any
) -> None:
    """A link to a screen that keeps window, purpose and the other shared filters; the label is Markdown."""
    st.page_link(page(screen), label=label, query_params=link_parameters(parameters or {}), **options)


def open_execution(execution_id: str, *, step_id: str | None = None) -> None:
    """Leaves this screen for one execution."""
    step = {"step": step_id} if step_id else {}
    st.switch_page(page(EXECUTION), query_params=link_parameters({"execution": execution_id, **step}))
