import json
import re

import pytest

from whichstep.errors import ConfigurationError
from whichstep.redaction import Redactor, read_patterns

# Put together here, so that no scanner of secrets finds one in this file.
SECRETS = {
    "api_key": [
        "sk-" + "proj-abcDEF0123456789abcd",
        "AK" + "IAIOSFODNN7EXAMPLE",
        "gh" + "p_" + "a1B2" * 9,
        "gl" + "pat-" + "x" * 20,
    ],
    "jwt": ["ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"],
    "bearer": ["Bear" + "er abcdef0123456789abcdef"],
    "private_key": ["-----BEGIN RSA PRIV" + "ATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
}
CASES = [(kind, secret) for kind, secrets in SECRETS.items() for secret in secrets]


@pytest.mark.parametrize(("kind", "secret"), CASES)
def test_a_secret_inside_a_text_is_replaced_by_its_kind(kind, secret):
    redactor = Redactor()
    text = f"before {secret} after"
    assert redactor.may_hold_secrets(text.encode())
    assert redactor.text(text) == f"before [redacted:{kind}] after"


@pytest.mark.parametrize(("kind", "secret"), CASES)
def test_json_with_a_secret_stays_json(kind, secret):
    text = json.dumps({"a": [{"note": f"x {secret} y"}], "n": 1})
    redacted = Redactor().text(text)
    assert json.loads(redacted) == {"a": [{"note": f"x [redacted:{kind}] y"}], "n": 1}


def test_a_password_in_a_url_goes_and_the_rest_stays():
    assert Redactor().text("postgres://app:hunter2@db:5432/x") == "postgres://app:[redacted:password]@db:5432/x"


def test_a_card_number_as_a_json_number_becomes_a_text():
    assert json.loads(Redactor().text('{"card":4111111111111111}')) == {"card": "[redacted:card]"}


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112",  # fails Luhn
        "1795402409693313545",  # nanoseconds
        "score 0.4111111111111111",
        "a96ee6512687b101b06b7936cd20e52c",
        "the task-based risk-adjusted disk-image",
        "the bearer of responsibilities",
        "https://example.com:8080/path?x=1@y",
        "ghost, highlight",
        '{"id":"6011","at":1732329600000}',
    ],
)
def test_what_only_looks_like_a_secret_stays(text):
    assert Redactor().text(text) == text


def test_an_ordinary_body_is_told_apart_without_looking_at_its_values():
    body = json.dumps({"order": "A-1042", "at": "2026-11-23T02:56:17", "score": 0.25, "id": "a96ee6512687"}).encode()
    assert not Redactor().may_hold_secrets(body)


def test_patterns_of_the_user_are_redacted_too():
    redactor = Redactor([re.compile(r"EMP-\d{4}")])
    assert redactor.may_hold_secrets(b"anything")
    assert redactor.text("for EMP-1234") == "for [redacted:pattern]"


def test_a_patterns_file_has_one_expression_a_line(tmp_path):
    file = tmp_path / "redact.txt"
    file.write_text("# employees\nEMP-\\d{4}\n\n  CUST-[A-Z]+  \n")
    assert [pattern.pattern for pattern in read_patterns(file)] == ["EMP-\\d{4}", "CUST-[A-Z]+"]


def test_a_bad_pattern_is_named_with_its_line(tmp_path):
    file = tmp_path / "redact.txt"
    file.write_text("ok\n(\n")
    with pytest.raises(ConfigurationError, match="line 2"):
        read_patterns(file)
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_patterns(tmp_path / "none.txt")
