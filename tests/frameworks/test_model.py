"""The scripted model, asked by the providers' own client, and what is written down of a run."""

from __future__ import annotations

import openai
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from frameworks import evidence, recorder, table, truth
from frameworks.environments import ROOT
from frameworks.framework import Framework
from frameworks.model import ScriptedModel
from frameworks.variants import TICKET, VARIANTS
from whichstep_cli.demo.scripted_model import serving

SAID = [{"role": "user", "content": TICKET}]


@pytest.fixture
def asked():
    """A client of the model that plays a variant, and the model."""
    model = ScriptedModel(VARIANTS["v03m_model_429_retry"], Framework("any", (), ()))
    with serving(model.answer) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="scripted") as client:
        yield client, model


def chat(client, **options):
    return client.chat.completions.create(model="gpt-4o-mini", messages=SAID, **options)


def test_every_form_of_an_answer_asks_for_the_same_call(asked):
    client, model = asked
    whole = chat(client).choices[0].message.tool_calls[0].function
    model._cursor = 0
    pieces = [
        call.function
        for chunk in chat(client, stream=True)
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    ]
    model._cursor = 0
    response = client.responses.create(model="gpt-4o-mini", input=TICKET).output[0]
    model._cursor = 0
    with client.responses.stream(model="gpt-4o-mini", input=TICKET) as stream:
        streamed = stream.get_final_response().output[0]
    assert pieces[0].name == response.name == streamed.name == whole.name == "lookup_order"
    assert "".join(piece.arguments for piece in pieces) == response.arguments == streamed.arguments == whole.arguments


def test_no_two_tool_calls_have_the_same_id(asked):
    client, model = asked
    ids = []
    for _ in range(2):
        model._cursor = 0
        ids.append(chat(client).choices[0].message.tool_calls[0].id)
        model._cursor = 0
        ids.append(client.responses.create(model="gpt-4o-mini", input=TICKET).output[0].call_id)
    assert len(set(ids)) == 4


def test_a_call_that_the_client_repeats_is_one_step_of_the_truth(asked):
    client, model = asked
    for _ in range(2):
        chat(client)
    assert [call["status"] for call in model.journal] == [200, 429, 200]
    steps = truth._steps(Framework("any", (), ()), model.journal, [])
    assert [step["asks_for"] for step in steps] == [["lookup_order"], ["issue_refund"]]


def test_usage_is_what_the_journal_says(asked):
    client, model = asked
    usage = chat(client).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (
        model.journal[0]["usage"]["input"],
        model.journal[0]["usage"]["output"],
    )


def test_folders_of_the_machine_are_left_out_at_any_depth():
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="x")
    span.status.message = f'File "{ROOT}/tests/agent.py"'
    span.attributes.add(key="argv").value.array_value.values.add(
        string_value=f"{ROOT}/.frameworks/environments/a/bin/x"
    )
    kept = ExportTraceServiceRequest.FromString(recorder.anonymous("001.traces.pb", request.SerializeToString()))
    span = kept.resource_spans[0].scope_spans[0].spans[0]
    assert span.status.message == 'File "/app/tests/agent.py"'
    assert span.attributes[0].value.array_value.values[0].string_value == "/app/bin/x"


def test_unknown_counts_as_not_emitted_only_when_no_request_says_it():
    recording = next(table.RECORDED.glob("plain_openai__openinference/v01_happy.tar.xz"))
    assert evidence.searched("session", recording) == "no request holds the session id"
    assert evidence.searched("output", recording) is None
    assert evidence.searched("tokens", recording) is None


def test_every_variant_can_be_told_apart_by_how_its_name_begins():
    beginnings = [name.split("_")[0] for name in VARIANTS]
    assert len(set(beginnings)) == len(beginnings)
