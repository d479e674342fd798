"""The dashboard's entry script, run by Streamlit for every interaction: frame and navigation, nothing else."""

from __future__ import annotations

from typing import Final

import streamlit as st

from whichstep_dashboards import pages
from whichstep_dashboards.data import ApiError
from whichstep_dashboards.query_string import read_one
from whichstep_dashboards.views import notices

# Only ever this constant: no content of traces goes through st.html.
_STYLE: Final = """<style>
.stMainBlockContainer, .block-container { padding-top: 2.5rem; padding-bottom: 3rem; }
@media (max-width: 640px) { .stMainBlockContainer, .block-container { padding-top: 4.5rem; } }
[class*="st-key-card-"] :is(h2, h3) { padding: 0.1rem 0 0.8rem 0; }
</style>"""


def main() -> None:
    """Runs the screen that the address names; `?execution=ID` shows that execution in place of any screen."""
    st.set_page_config(page_title="whichstep", page_icon="◆", layout="wide", initial_sidebar_state="auto")
    current = st.navigation([pages.page(screen) for screen in pages.SCREENS], position="hidden")
    st.html(_STYLE)
    with st.sidebar:
        st.markdown("### ◆ whichstep")
        for screen in pages.MENU:
            pages.link(screen, screen.title, icon=screen.icon, width="stretch")
    try:
        if read_one("execution"):
            pages.show(pages.EXECUTION)
        else:
            current.run()
    except ApiError as error:
        notices.problem(error)


main()
