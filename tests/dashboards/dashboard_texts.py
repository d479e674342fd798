"""What a page of Streamlit's test runner says."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

KINDS = ("title", "header", "subheader", "markdown", "caption", "text", "code", "info", "warning", "error", "success")


def texts(page: AppTest) -> str:
    """All that the page says, as one text."""
    return "\n".join(str(element.value) for kind in KINDS for element in getattr(page, kind))
