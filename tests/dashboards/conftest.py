"""A dashboard page in this process, reading a fake API over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import fake_api
import pytest
import streamlit as st
from streamlit import util
from streamlit.testing.v1 import AppTest

from whichstep_dashboards import serve, settings

_page_hash = getattr(util, "calc_hash", None) or util.calc_md5
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def addresses() -> Iterator[dict[str, str]]:
    with (
        fake_api.serve(fake_api.empty()) as empty,
        fake_api.serve(fake_api.small()) as small,
        fake_api.serve(fake_api.odd()) as odd,
        fake_api.serve(fake_api.small(), token="secret") as locked,
    ):
        yield {"empty": empty, "small": small, "odd": odd, "locked": locked}


@pytest.fixture
def open_page(addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a screen by name on a store, or on an address, with the given query string."""

    def open_(screen: str, store: str, *, own_token: str | None = None, **query: str | list[str]) -> AppTest:
        st.cache_data.clear()
        monkeypatch.setenv(settings.ENDPOINT_VARIABLE, addresses.get(store, store))
        monkeypatch.setenv(settings.TOKEN_VARIABLE, own_token or "")
        page = AppTest.from_file(str(serve.APP), default_timeout=30)
        page._page_hash = _page_hash(screen)
        for name, value in query.items():
            page.query_params[name] = value
        return page.run()

    return open_
