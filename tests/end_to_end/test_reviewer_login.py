"""A reviewer signs in at an identity provider in a real browser, and decides in the dashboard under that name."""

import httpx
import pytest

from browser import browser
from identity_provider import IdentityProvider
from sidecar_process import sidecar_process


@pytest.fixture
def variables():
    provider = IdentityProvider()
    yield {f"WHICHSTEP_{name.upper()}": value for name, value in provider.settings().items()}
    provider.close()


def test_the_dashboard_decides_for_nobody_until_somebody_signed_in(tmp_path, variables):
    with browser() as window, sidecar_process(tmp_path / "data", dashboard=True, settings=variables) as sidecar:
        asked = {"action": "issue_refund", "arguments": {"amount": 950}, "agent": "clerk"}
        request = httpx.post(f"{sidecar.http}/api/v1/approvals", json=asked, trust_env=False).json()
        page = f"{sidecar.dashboard}/approvals?approval={request['approval_id']}"
        sidecar.wait_for(lambda: answers(f"{sidecar.dashboard}/_stcore/health"))
        window.open(page)
        window.wait_for("You can read, and not decide", 30)
        assert "sign in, or enter a token" in window.wait_for("Deciding needs", 30)
        window.open(f"{sidecar.http}/login?next=dashboard")
        window.wait_for("You decide as ann@", 30)
        window.open(page)
        window.wait_for("Decide as ann@", 30)
        window.click("[data-testid=stBaseButton-primary]")
        window.wait_for("approved", 30)
        found = httpx.get(f"{sidecar.http}/api/v1/approvals/{request['approval_id']}", trust_env=False).json()
        assert (found["state"], found["decided_by"]) == ("approved", "ann@example.com")
        window.open(f"{sidecar.http}/login/out")
        window.click("button")
        window.wait_for("Signed out")
        window.open(page)
        window.wait_for("You can read, and not decide", 30)


def answers(url):
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
