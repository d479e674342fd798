from __future__ import annotations

import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import RECEIVED, as_json, event, exception, link, log, log_request, request, span
from whichstep_collector.decode import decode_logs, decode_traces
from whichstep_collector.normalise import normalise_logs, normalise_traces
from whichstep_collector.redact import Redactor
from whichstep_collector.redact_patterns import BUILT_IN, PatternsError, is_payment_card, load_patterns

# Made up here; none opens anything.
SECRETS = {
    "api_key": [
        "sk-" + "a1B2" * 8, "sk-ant-api03-" + "x" * 40, "sk-proj-" + "Q9" * 20, "ghp_" + "a" * 36, "github_pat_" + "b" * 30,
        "xoxb-" + "1234567890-abcdef", "AIza" + "S" * 35, "sk_live_" + "c" * 24, "hf_" + "d" * 34, "glpat-" + "e" * 20,
        "whsec_" + "f" * 32,
    ],
    "aws_key": ["AKIA" + "ABCDEFGH12345678", "ASIA" + "ABCDEFGH12345678"],
    "private_key": ["-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb"],
    "jwt": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP"],
    "payment_card": ["4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"],
}  # fmt: skip
IN_CONTEXT = [
    ("Authorization: Bearer abc123def456ghi7", "abc123def456ghi7", "authorization"),
    ("authorization: basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA", "authorization"),
    ("postgres://bob:hunter2@db:5432/x", "hunter2", "url_password"),
    (r"https:\/\/bob:hunter2@db\/x", "hunter2", "url_password"),
    ("password=hunter2", "hunter2", "secret"),
    ("API_KEY: 'zzz-not-a-known-shape'", "zzz-not-a-known-shape", "secret"),
    ("{'client_secret': 'hunter2'}", "hunter2", "secret"),
    ("aws_secret_access_key = wJalrXUtnFEMIzK7MDENGzbPxRfiCYEXAMPLEKEYx"[:-1], "wJalrXUtnFEMIzK7MDENGzbPxRfiCYEXAMPLEKEY", "aws_secret"),
]  # fmt: skip
CLEAN = [
    "task-force-of-the-risk-department-and-more", "basic information about tokens", "max_tokens: 100", "input_tokens=33",
    "1760000000000000000", "1234567890123456", "A-1042", "token", "The password must be long", "sk-short", "2026-11-22 10:04:26.293987",
    "0fd584fd-ac14-4b6d-a126-d24264a029eb", "key=value", "dana@example.com", "Bearer authentication is used", "http://host:8080/a@b",
]  # fmt: skip


@pytest.mark.parametrize(("name", "secret"), [(name, one) for name, many in SECRETS.items() for one in many])
def test_a_secret_is_replaced_and_the_text_around_it_stays(name, secret):
    assert Redactor().redact_text(f"before {secret} after").startswith("before [REDACTED:")
    assert name in Redactor().redact_text(f"see {secret}")
    assert secret not in Redactor().redact_text(secret)


@pytest.mark.parametrize(("text", "secret", "name"), IN_CONTEXT)
def test_a_secret_told_by_what_stands_before_it_is_replaced(text, secret, name):
    redacted = Redactor().redact_text(text)
    assert secret not in redacted
    assert f"[REDACTED:{name}]" in redacted


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_text_stays_as_it_is(text):
    assert Redactor().redact_text(text) == text


def test_json_stays_json_and_its_escapes_hide_nothing():
    text = r'{"note":"key sk\u002daaaabbbbccccddddeeee","n":4111111111111111,"card":4111111111111111.0,"ok":[1,"x"],"password":"p","nested":"{\"api_key\":\"q\"}"}'
    redacted = orjson.loads(Redactor().redact_text(text))
    assert redacted == {
        "note": "key [REDACTED:api_key]",
        "n": "[REDACTED:payment_card]",
        "card": "[REDACTED:payment_card]",
        "ok": [1, "x"],
        "password": "[REDACTED:secret]",
        "nested": '{"api_key":"[REDACTED:secret]"}',
    }


def test_json_that_was_cut_off_is_redacted_as_text():
    assert "aaaabbbb" not in Redactor().redact_text(r'{"a":"sk\u002daaaabbbbccccddddeeee')


PLANTED = "sk-" + "Zz9" * 10
NUMBER = 4111111111111111


def planted_request():
    inside = {
        "list": [PLANTED, {"deep": f"x {PLANTED}"}],
        "map": {PLANTED: "key"},
        "number": NUMBER,
        "json": f'{{"a":"{PLANTED}"}}',
    }
    message = request(
        span(
            PLANTED,
            status=2,
            message=f"failed with {PLANTED}",
            attributes={"plain": PLANTED, PLANTED: "as a key", **inside, "http.request.header.authorization": ["x"]},
            events=[event(PLANTED, a=PLANTED), exception("E", PLANTED)],
            links=[link(2, a=PLANTED)],
        ),
        scope=PLANTED,
        resource={"service.name": PLANTED, "deep": {"a": [PLANTED]}},
    )
    message.resource_spans[0].scope_spans[0].spans[0].trace_state = PLANTED
    message.resource_spans[0].scope_spans[0].scope.attributes.add(key="k").value.string_value = PLANTED
    return message


@pytest.mark.parametrize("json", [False, True])
def test_a_secret_planted_in_every_field_of_a_span_reaches_no_row(json):
    body = as_json(planted_request()) if json else planted_request().SerializeToString()
    received = decode_traces(body, json=json)
    redactor = Redactor()
    redactor.redact_traces(received)
    batch = normalise_traces(received, received_at=RECEIVED)
    everything = repr(batch.spans.to_pylist()) + repr(batch.content.to_pylist()) + repr(batch.logs.to_pylist())
    assert PLANTED not in everything
    assert str(NUMBER) not in everything
    assert "redacted" in batch.spans.to_pylist()[0]["flags"]
    assert redactor.counts["api_key"] > 10
    assert redactor.counts["payment_card"] == 1


def test_a_secret_planted_in_every_field_of_a_log_reaches_no_row():
    message = log_request(
        log(PLANTED, trace=1, body={"a": [PLANTED]}, attributes={"b": PLANTED, "password": "p4ss"}), scope=PLANTED
    )
    received = decode_logs(message.SerializeToString(), json=False)
    Redactor().redact_logs(received)
    rows = repr(normalise_logs(received, received_at=RECEIVED).logs.to_pylist())
    assert PLANTED not in rows
    assert "p4ss" not in rows


def test_clean_spans_are_not_marked():
    received = decode_traces(request(span(a="b"), span(id=2, a=PLANTED)).SerializeToString(), json=False)
    Redactor().redact_traces(received)
    assert [found.redacted for found in received.spans()] == [False, True]


def test_values_under_secret_names_go_and_counts_stay():
    received = decode_traces(
        request(span(attributes={"db.password": "x", "gen_ai.usage.input_tokens": 5, "cancellation_token": "c", "apiKey": {"a": 1}}))
        .SerializeToString(),
        json=False,
    )  # fmt: skip
    Redactor().redact_traces(received)
    (found,) = received.spans()
    assert found.attributes == {
        "db.password": "[REDACTED:secret]",
        "gen_ai.usage.input_tokens": 5,
        "cancellation_token": "c",
        "apiKey": "[REDACTED:secret]",
    }


def test_a_patterns_file_adds_and_switches_patterns(tmp_path: Path):
    file = tmp_path / "patterns.toml"
    file.write_text(
        '[builtin]\nemail = true\npayment_card = false\n[[pattern]]\nname = "customer"\nregex = "CUST-\\\\d+(?=!)"\n'
        '[[pattern]]\nname = "x"\nregex = "secret-word"\nreplacement = "***"\n'
    )
    redactor = Redactor(load_patterns(file))
    said = redactor.redact_text("dana@example.com CUST-12! CUST-13 secret-word 4111111111111111")
    assert said == "[REDACTED:email] [REDACTED:customer]! CUST-13 *** 4111111111111111"
    received = decode_traces(request(span(a="x CUST-7!", n=NUMBER)).SerializeToString(), json=False)
    redactor.redact_traces(received)
    assert next(received.spans()).attributes == {"a": "x [REDACTED:customer]!", "n": NUMBER}


def test_a_plain_patterns_file_has_one_expression_a_line(tmp_path: Path):
    file = tmp_path / "patterns.txt"
    file.write_text("# ours\n\nCUST-\\d+\n")
    assert Redactor(load_patterns(file)).redact_text("CUST-1") == "[REDACTED:pattern]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[builtin]\nnone = true", "known:"),
        ("[builtin]\nemail = 1", "true or false"),
        ('[[pattern]]\nname = "x"', "needs name and regex"),
        ('[[pattern]]\nname = "x"\nregex = "("', "no regular expression"),
        ('[[patern]]\nname = "x"', "patern"),
        ("= nothing", "no TOML"),
    ],
)
def test_a_patterns_file_that_cannot_be_used_says_why(tmp_path: Path, text, said):
    file = tmp_path / "patterns.toml"
    file.write_text(text)
    with pytest.raises(PatternsError, match=said):
        load_patterns(file)
    with pytest.raises(PatternsError, match="cannot read"):
        load_patterns(tmp_path / "absent.toml")


def test_without_a_file_the_built_in_patterns_hold():
    assert load_patterns(None) == BUILT_IN


@pytest.mark.parametrize(("digits", "card"), [("4111111111111111", True), ("4111111111111112", False), ("1111111111111117", False), ("6011000990139424", True), ("30569309025904", True)])  # fmt: skip
def test_a_card_has_an_issuer_and_passes_luhn(digits, card):
    assert is_payment_card(digits) is card


SIGNED = st.sampled_from([one for many in SECRETS.values() for one in many] + [text for text, _, _ in IN_CONTEXT])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), SIGNED, st.text(max_size=30))
def test_the_vectorised_search_misses_nothing_that_the_patterns_find(before, secret, after):
    """Signs may match too much, never too little."""
    text = f"{before} {secret} {after}".encode("utf-8", "replace").decode()
    redactor = Redactor()
    if redactor.redact_text(text) != text:
        received = decode_traces(request(span(a=text)).SerializeToString(), json=False)
        redactor.redact_traces(received)
        assert next(received.spans()).attributes["a"] == redactor.redact_text(text)


def test_threads_share_one_redactor():
    redactor = Redactor()
    body = request(*[span(id=number, a=f"{PLANTED}{number}") for number in range(1, 20)]).SerializeToString()
    threads = [
        threading.Thread(target=lambda: redactor.redact_traces(decode_traces(body, json=False))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redactor.counts["api_key"] == 4 * 19
