import stat

import pytest

from whichstep_collector.tokens import (
    ADMIN,
    INGEST,
    READ,
    REVIEW,
    Tokens,
    bearer_token,
    grant,
    reviewer_token,
)


def test_without_tokens_anybody_may_ingest_and_read_but_not_review():
    tokens = Tokens([grant("reviewer", READ, REVIEW)])
    assert not tokens.required
    assert tokens.scopes(None) == {INGEST, READ}
    assert tokens.scopes("Bearer reviewer") == {INGEST, READ, REVIEW}


def test_a_token_for_ingest_closes_the_doors_to_everybody_else():
    tokens = Tokens([grant("agent", INGEST), grant("reviewer", READ, REVIEW)])
    assert tokens.required
    assert tokens.scopes(None) == frozenset()
    assert tokens.scopes("Bearer agent") == {INGEST}
    assert tokens.scopes("Bearer reviewer") == {READ, REVIEW}


def test_a_wrong_token_is_never_taken_for_none():
    assert Tokens([]).scopes("Bearer guess") is None
    assert Tokens([]).scopes("Basic dXNlcjpwYXNz") is None


def test_tokens_come_and_go_within_a_second():
    later, now = [], [0.0]
    tokens = Tokens([], more=lambda: later, monotonic=lambda: now[0])
    later.append(grant("new", ADMIN))
    assert tokens.scopes("Bearer new") is None
    now[0] = 1.0
    assert tokens.scopes("Bearer new") >= {ADMIN}
    later.clear()
    now[0] = 2.0
    assert tokens.scopes("Bearer new") is None


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "Bearer%20abc", " Bearer   abc "])
def test_the_forms_in_which_exporters_send_a_token_are_read(header):
    assert bearer_token(header) == "abc"


@pytest.mark.parametrize("header", ["abc", "Bearer", "Bearer ", "Basic abc"])
def test_what_is_no_bearer_token_is_none(header):
    assert bearer_token(header) is None


def test_the_reviewers_token_is_written_once_and_readable_by_the_owner_alone(tmp_path):
    token = reviewer_token(tmp_path)
    assert reviewer_token(tmp_path) == token
    assert len(token) > 40
    assert stat.S_IMODE((tmp_path / "reviewer.token").stat().st_mode) == 0o600
