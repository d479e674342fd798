"""Reviewers who sign in at an identity provider: a real flow with a provider on loopback, and what spoils it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from identity_provider import IdentityProvider
from running import running
from whichstep.policy import Policy
from whichstep_collector.approvals.sessions import Sessions
from whichstep_collector.errors import SettingsError
from whichstep_collector.settings import Settings
from whichstep_collector.tokens import token_digest

POLICY = Policy.from_dict({
    "default": "approve",
    "rule": [
        {"action": "wire", "risk_level": "approve", "reviewers": ["ann@example.com"]},
        {"action": "own", "risk_level": "approve", "requester_may_review": False},
    ],
})  # fmt: skip


@pytest.fixture(scope="module")
def provider():
    found = IdentityProvider()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def honest(provider):
    yield
    provider.signed_by, provider.algorithm, provider.issued, provider.declines = None, "RS256", {}, None
    provider.claims = {"sub": "1", "email": "ann@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def started(tmp_path_factory, provider):
    with running(tmp_path_factory.mktemp("login"), policy=POLICY, **provider.settings()) as found:
        yield found


@pytest.fixture
def browser(started):
    with httpx.Client(base_url=started.http, trust_env=False) as client:
        yield client


def go(browser, next_path="/approvals"):
    """Sign in as a browser does; the answer of the callback."""
    at_provider = browser.get("/login", params={"next": next_path})
    assert at_provider.status_code == 303, at_provider.text
    back = browser.get(at_provider.headers["location"])
    return browser.get(back.headers["location"])


def ask(started, **body):
    answer = httpx.post(f"{started.http}/api/v1/approvals", json={"action": "send", **body}, trust_env=False)
    assert answer.status_code == 201, answer.text
    return answer.json()["approval_id"]


def decide(browser, approval_id, decision="approve"):
    page = browser.get(f"/approvals/{approval_id}").text
    hidden = dict(re.findall(r"<input type='hidden' name='(\w+)' value='([^']*)'>", page))
    return browser.post(f"/approvals/{approval_id}", data={**hidden, "decision": decision})


def state_of(started, approval_id):
    return httpx.get(f"{started.http}/api/v1/approvals/{approval_id}", trust_env=False).json()


def test_a_person_who_signed_in_decides_under_the_name_that_the_provider_tells(started, browser, provider):
    approval_id = ask(started, arguments={"to": "b"})
    assert f"Sign in with {urlsplit(provider.issuer).netloc}" in browser.get("/approvals").text
    done = go(browser, f"/approvals/{approval_id}")
    assert "Signed in as ann@example.com" in done.text
    assert f"content='0;url=/approvals/{approval_id}'" in done.text
    cookie = next(
        value for value in done.headers.get_list("set-cookie") if "whichstep_reviewer=" in value and "Path=/;" in value
    )
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert decide(browser, approval_id).status_code == 303
    found = state_of(started, approval_id)
    assert (found["state"], found["decided_by"]) == ("approved", "ann@example.com")


def test_the_rules_of_who_may_decide_hold_for_that_name(started, browser, provider):
    go(browser)
    assert decide(browser, ask(started, action="wire")).status_code == 303
    assert "who asks may not decide" in decide(browser, ask(started, action="own", requester="ann@example.com")).text
    provider.claims |= {"email": "ben@example.com"}
    go(browser)
    wanted = ask(started, action="wire")
    assert decide(browser, wanted).status_code == 403
    assert state_of(started, wanted)["state"] == "pending"


def test_signing_out_ends_the_session_everywhere(started, browser):
    go(browser)
    token = browser.cookies["whichstep_reviewer"]

    def who():
        asked = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{started.http}/api/v1/whoami", headers=asked, trust_env=False)

    assert who().json()["name"] == "ann@example.com"
    assert browser.post("/login/out", headers={"origin": "https://evil.example"}).status_code == 403
    assert "Sign out" in browser.get("/login/out").text
    assert "Signed out" in browser.post("/login/out").text
    assert who().status_code == 401


SPOILED = {
    "meant for another client": {"aud": "another"},
    "of another issuer": {"iss": "https://other.example"},
    "of another sign-in": {"nonce": "other"},
    "expired": {"exp": 1},
    "from the future": {"iat": 1 << 40},
    "for several clients": {"aud": ["whichstep", "another"]},
}


@pytest.mark.parametrize("issued", SPOILED.values(), ids=SPOILED)
def test_a_token_that_is_not_about_this_sign_in_is_refused(started, browser, provider, issued):
    provider.issued = issued
    refused = go(browser)
    assert refused.status_code == 403
    assert "whichstep_reviewer" not in browser.cookies


def test_a_token_that_the_issuer_did_not_sign_is_refused(browser, provider):
    provider.signed_by = RSAKey.generate_key(2048, {"kid": "1"})
    assert "cannot be trusted" in go(browser).text
    provider.signed_by, provider.algorithm = None, "none"
    assert "cannot be trusted" in go(browser).text
    assert "whichstep_reviewer" not in browser.cookies


def test_keys_that_the_issuer_changed_are_fetched_again(browser, provider):
    go(browser)
    provider.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
    assert "Signed in as" in go(browser).text


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"email": "eve@example.org"}, "eve@example.org is no reviewer here"),
        ({"email_verified": False}, "has not verified"),
        ({"email_verified": "false"}, "has not verified"),
        ({"email": None}, "WHICHSTEP_OIDC_CLAIM"),
    ],
)
def test_a_person_who_is_no_reviewer_is_told_why(browser, provider, claims, says):
    provider.claims |= claims
    refused = go(browser)
    assert (refused.status_code, says in refused.text) == (403, True)
    assert "whichstep_reviewer" not in browser.cookies


def test_a_person_is_the_same_however_the_address_is_written(started, browser, provider):
    provider.claims |= {"email": "Guest@Elsewhere.net"}
    assert "Signed in as guest@elsewhere.net" in go(browser).text
    own = ask(started, action="own", requester="guest@elsewhere.net")
    assert "who asks may not decide" in decide(browser, own).text


def test_a_person_who_declines_is_told_so(browser, provider):
    provider.declines = "the user said <no>"
    refused = go(browser)
    assert refused.status_code == 403
    assert "the user said &lt;no&gt;" in refused.text
    planted = browser.get("/login/callback?error=x&error_description=call+555&state=made+up")
    assert (planted.status_code, "call 555" in planted.text) == (403, False)


def test_a_callback_works_once_and_in_the_browser_that_began(started, browser):
    at_provider = browser.get("/login")
    back = browser.get(at_provider.headers["location"]).headers["location"]
    with httpx.Client(trust_env=False) as other:
        assert other.get(back).status_code == 403  # a link that somebody sent
        assert other.get(back, headers={"cookie": b"whichstep_login=\xe9"}).status_code == 403
    assert browser.get(back).status_code == 200
    browser.cookies.delete("whichstep_reviewer")
    assert browser.get(back).status_code == 403  # the attempt is used up
    assert "whichstep_reviewer" not in browser.cookies
    assert browser.get("/login/callback").status_code == 403


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "x"]
)
def test_nobody_is_sent_elsewhere_afterwards(browser, path):
    assert "content='0;url=/approvals'" in go(browser, path).text


def test_the_redirect_is_that_of_the_settings_and_the_secret_is_never_shown(started, browser, provider, tmp_path):
    asked = parse_qs(urlsplit(browser.get("/login", headers={"host": "localhost"}).headers["location"]).query)
    assert asked["redirect_uri"] == [f"{started.http}/login/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert "provider-secret" not in repr(Settings(data_dir=tmp_path, **provider.settings()))


def test_an_issuer_that_is_away_or_another_is_said(tmp_path, provider):
    gone = provider.settings(oidc_issuer="http://127.0.0.1:9")
    with running(tmp_path / "gone", **gone) as found:
        answer = httpx.get(f"{found.http}/login", trust_env=False)
        assert (answer.status_code, "cannot be asked" in answer.text) == (502, True)
    provider.issuer_says = "https://other.example"
    with running(tmp_path / "other", **provider.settings()) as found:
        assert "WHICHSTEP_OIDC_ISSUER" in httpx.get(f"{found.http}/login", trust_env=False).text
    provider.issuer_says = None


def test_without_an_issuer_there_is_no_login(tmp_path):
    with running(tmp_path) as found:
        assert httpx.get(f"{found.http}/login", trust_env=False).status_code == 404
        assert "/login" not in httpx.get(f"{found.http}/approvals", trust_env=False).text


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "https://login.example.com"},
        {"oidc_issuer": "https://login.example.com", "oidc_client_id": "x"},
        {"oidc_issuer": "http://login.example.com", "oidc_client_id": "x", "oidc_reviewers": "*"},
    ],
)
def test_settings_that_would_let_anybody_in_or_nobody_are_refused(tmp_path, given):
    with pytest.raises(SettingsError, match="oidc_issuer"):
        Settings(data_dir=tmp_path, **given)


def test_a_public_address_needs_a_token(tmp_path, provider):
    public = provider.settings(public_url="https://whichstep.example.com")
    with pytest.raises(SettingsError, match="WHICHSTEP_TOKEN"), running(tmp_path / "open", **public):
        pass
    with running(tmp_path / "closed", token="agent", **public) as found:
        host = {"host": "whichstep.example.com"}
        answer = httpx.get(f"{found.http}/login", headers=host, trust_env=False)
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert asked["redirect_uri"] == ["https://whichstep.example.com/login/callback"]
        assert "Secure" in answer.headers["set-cookie"]


def test_many_sessions_end_none_that_has_no_end(monkeypatch):
    monkeypatch.setattr("whichstep_collector.approvals.sessions._SESSIONS_MAX", 3)
    sessions = Sessions(60)
    kept = sessions.begin("dashboard", "read", seconds=float("inf"))
    for number in range(9):
        last = sessions.begin(f"p{number}")
    assert sessions.find(token_digest(kept)).name == "dashboard"
    assert sessions.find(token_digest(last)).name == "p8"


def test_a_session_ends_by_time():
    now = [0.0]
    sessions = Sessions(60, monotonic=lambda: now[0])
    token = sessions.begin("ann")
    assert sessions.find(token_digest(token)).name == "ann"
    now[0] = 60.0
    assert sessions.find(token_digest(token)) is None
