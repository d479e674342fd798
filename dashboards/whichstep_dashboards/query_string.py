"""The page's address is the only place where filters live: deep links work, and so does the back button.

Names and values in the address are those of the read API, so a query string of a page is one of the API. Widgets are
set from the address before they are drawn and write to it when they change; nothing else remembers a filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import streamlit as st

Pairs = tuple[tuple[str, str], ...]

TEXT_FILTERS: Final = ("since", "until", "query")
CHOICE_FILTERS: Final = (
    "release", "task_type", "agent", "service", "environment", "purpose",
    "status", "success", "failure_kind", "failing_step", "failing_path", "signature", "configuration",
    "session_id", "user_id", "tool", "expected_tool", "chosen_tool",
)  # fmt: skip
FILTERS: Final = (*TEXT_FILTERS, *CHOICE_FILTERS)
SHARED_FILTERS: Final = ("since", "until", "release", "task_type", "agent", "service", "environment", "purpose")
"""Filters that stay when another screen is opened."""

WINDOWS: Final[Mapping[str, str]] = {
    "24h": "24 hours",
    "7d": "7 days",
    "28d": "28 days",
    "90d": "90 days",
    "": "all time",
}
DEFAULT_WINDOW: Final = "28d"
EVERYTHING: Final = "all"
"""Value of `since` in an address that asks for all time, and of `purpose` for any."""


def read(name: str) -> list[str]:
    """The values of one name in the address, in order; for a filter of choices an empty one means “has none”."""
    return [value for value in st.query_params.get_all(name) if value or name in CHOICE_FILTERS]


def read_one(name: str, default: str = "") -> str:
    """The last value of one name in the address."""
    return (read(name) or [default])[-1]


def write(**values: str | Iterable[str] | None) -> None:
    """Sets or removes names in the address in one go, so that the back button takes one step back."""
    address: dict[str, str | list[str]] = {name: st.query_params.get_all(name) for name in st.query_params}
    for name, value in values.items():
        texts = ([value] if value else []) if isinstance(value, str) else list(value or ())
        if texts:
            address[name] = texts
        else:
            address.pop(name, None)
    st.query_params.from_dict(address)


def filter_by(**values: str | Iterable[str] | None) -> None:
    """Sets or removes filters or the order, and returns to the first page of the list."""
    write(**{"cursor": None, "page": None, **values})


def clear_filters() -> None:
    """Removes all filters; what is not a filter stays."""
    filter_by(**dict.fromkeys(FILTERS))


def window() -> str:
    """`since` as the API wants it: the address's, 28 days where it says nothing, empty for all time."""
    since = read_one("since", DEFAULT_WINDOW)
    return "" if since == EVERYTHING else since


def window_words() -> str:
    """The window in words, for sentences such as “than the 7 days before”."""
    if read_one("until"):
        return "window"
    return WINDOWS.get(window(), "window")


def filter_pairs(names: Iterable[str] = FILTERS, *, purpose: str | None = None) -> Pairs:
    """The filters of the address as pairs for the API; `purpose` stands in where the address has none."""
    pairs = [(name, value) for name in names if name not in {"since", "purpose"} for value in read(name)]
    if since := window():
        pairs.append(("since", since))
    pairs += [("purpose", value) for value in read("purpose") or ([purpose] if purpose else [])]
    return tuple(pairs)


def link_parameters(extra: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    """The shared filters of this address and `extra`, as query parameters of a link to another screen."""
    shared: dict[str, str | list[str]] = {name: read(name) for name in SHARED_FILTERS if read(name)}
    return shared | dict(extra)
