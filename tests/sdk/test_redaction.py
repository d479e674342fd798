import json

import pytest

from whichstep.errors import ConfigurationError
from whichstep.redaction import Redactor, read_patterns

# Put together here, so that no scanner of secrets finds one in this file.
SECRETS = {
    "api_key": [
        "sk-" + "proj-abcDEF0123456789abcd",
        "gh" + "p_" + "a1B2" * 9,
        "gl" + "pat-" + "x" * 20,
    ],
    "aws_key": ["AK" + "IAIOSFODNN7EXAMPLE"],
    "jwt": ["ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"],
    "private_key": ["-----BEGIN RSA PRIV" + "ATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----"],
    "payment_card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
}
CASES = [(kind, secret) for kind, secrets in SECRETS.items() for secret in secrets]


@pytest.mark.parametrize(("kind", "secret"), CASES)
def test_a_secret_inside_a_text_is_replaced_by_its_kind(kind, secret):
    redactor = Redactor()
    text = f"before {secret} after"
    assert redactor.may_hold_secrets(text.encode())
    assert redactor.text(text) == f"before [REDACTED:{kind}] after"


@pytest.mark.parametrize(("kind", "secret"), CASES)
def test_json_with_a_secret_stays_json(kind, secret):
    text = json.dumps({"a": [{"note": f"x {secret} y"}], "n": 1})
    redacted = Redactor().text(text)
    assert json.loads(redacted) == {"a": [{"note": f"x [REDACTED:{kind}] y"}], "n": 1}


def test_a_bearer_token_goes_and_the_word_stays():
    assert Redactor().text("Authorization: Bearer abcdef0123456789") == "Authorization: Bearer [REDACTED:authorization]"


def test_a_password_in_a_url_goes_and_the_rest_stays():
    assert Redactor().text("postgres://app:hunter2@db:5432/x") == "postgres://app:[REDACTED:url_password]@db:5432/x"


def test_a_card_number_as_a_json_number_becomes_a_text():
    assert json.loads(Redactor().text('{"card":4111111111111111}')) == {"card": "[REDACTED:payment_card]"}


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


def test_a_patterns_file_has_one_expression_a_line(tmp_path):
    file = tmp_path / "redact.txt"
    file.write_text("# employees\nEMP-\\d{4}\n\n  CUST-[A-Z]+  \n")
    redactor = Redactor(read_patterns(file))
    assert redactor.may_hold_secrets(b"anything")
    assert redactor.text("EMP-1234 for CUST-X of 4111111111111111") == (
        "[REDACTED:pattern] for [REDACTED:pattern] of [REDACTED:payment_card]"
    )


def test_a_patterns_file_in_toml_names_patterns_and_switches_built_in_kinds(tmp_path):
    file = tmp_path / "redact.toml"
    file.write_text(
        "[builtin]\npayment_card = false\nemail = true\nsecret = false\n"
        "[[pattern]]\nname = 'employee'\nregex = 'EMP-\\d{4}'\n"
        "[[pattern]]\nname = 'host'\nregex = 'db\\d+'\nreplacement = 'a database'\n"
    )
    redactor = Redactor(read_patterns(file))
    assert redactor.text("EMP-1234 on db7 by a@b.de with 4111111111111111") == (
        "[REDACTED:employee] on a database by [REDACTED:email] with 4111111111111111"
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "ok\n(\n", "line 2"),
        ("a.toml", "[builtin]\nnonsense = true\n", "nonsense"),
        ("a.toml", "[[pattern]]\nname = 'x'\n", "regex"),
        ("a.toml", "= 1", "cannot read"),
        ("none.txt", None, "cannot read"),
    ],
)
def test_a_patterns_file_that_cannot_be_used_is_named(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read_patterns(tmp_path / name)
