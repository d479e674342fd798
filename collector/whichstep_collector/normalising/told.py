"""Steps that a model call's messages tell of, as spans that nobody sent: tool calls answered, hosted tools, approvals.

Plain clients have no spans for their tools, hosted tools never have, and a call that a person refused has none. What
tells of them is the next call's input, or the answer's parts. The rows of these spans are `synthetic`; whether one is
a step of its own or completes one that was sent is the jobs' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from whichstep import attributes as names
from whichstep_collector.normalising.failures import Failure
from whichstep_collector.normalising.identity import run_key
from whichstep_collector.normalising.messages import Message, Part, parts_of
from whichstep_collector.received import ReceivedSpan

HOSTED_KIND: Final = 3
"""The span kind of a hosted tool: another service ran it."""
_UNIQUE_TAIL: Final = re.compile(r"[A-Za-z0-9]{8,}$")
_APPROVAL_REQUESTS: Final = frozenset({"tool-approval-request", "mcp_approval_request"})
_HOSTED: Final = {
    "server_tool_call": None,
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "computer_call": "computer",
    "image_generation_call": "image_generation",
    "mcp_call": "mcp",
}
_CALLS: Final = ("tool_call", "tool_call_response")
_ARGUMENTS: Final = ("arguments", "action", "queries", "code", "input")
_RESULTS: Final = ("results", "output", "outputs")
_CLIENTS: Final = frozenset({
    "openai", "openai_v2", "anthropic", "mistralai", "groq", "bedrock", "cohere", "together", "ollama", "vertexai",
    "google_genai", "google_generativeai", "litellm", "genai", "sagemaker", "replicate", "watsonx",
})  # fmt: skip
"""Parts of the names of scopes that see a model's client only, never who runs its tools."""
_NAME_PARTS: Final = re.compile(r"[./]|instrumentation-")
"""`openinference.instrumentation.openai`, or in JavaScript `@arizeai/openinference-instrumentation-openai`."""
_CONTENT_ONLY_ELSEWHERE: Final = frozenset({"gcp.vertex.agent"})
"""Scopes whose tool spans have no contents of their own."""


class Call(NamedTuple):
    """A tool call that messages tell of. What is None is not told."""

    name: str | None
    call_id: str | None
    arguments: Any = None
    response: Any = None
    failure: Failure | None = None
    """How it failed, where the teller says that it did."""


class Passed(NamedTuple):
    """What a message between agents tells: that a model answered `said`, or that a call was answered."""

    id: str | None
    """Of the message: it may be passed on again."""
    agent: str
    at: int
    """ns since the epoch."""
    said: Sequence[Message] = ()
    usage: Mapping[str, int] = MappingProxyType({})
    """By attribute name."""
    call: Call | None = None


def sees_no_tools(scope: str) -> bool:
    """Whether what this scope sends leaves tools, or what they said, to the messages of model calls."""
    parts = _NAME_PARTS.split(scope)
    return scope in _CONTENT_ONLY_ELSEWHERE or not _CLIENTS.isdisjoint(part.replace("-", "_") for part in parts)


def is_unique(call_id: Any) -> bool:
    """Whether a call id can be no other call's: some clients number the calls of each answer."""
    tail = _UNIQUE_TAIL.search(call_id) if isinstance(call_id, str) else None
    return tail is not None and any(character.isdigit() for character in tail[0])


class TurnKey(NamedTuple):
    """The key of a turn, and whether this model call began it."""

    key: bytes
    rule: str
    """`first_call`: the model call itself asked for the call; else `run_key`: it was sent it."""


def turn_key(messages: Sequence[Message], asked: Iterable[str]) -> TurnKey | None:
    """The key of the turn that a model call is part of: its first tool call since the user's last words.

    Every later call of the turn is sent the whole turn again, in whichever trace it is made.
    """
    sent = _first_call_id(_turn(messages))
    first = sent or next((call_id for call_id in asked if call_id), None)
    if not first or not is_unique(first):
        return None
    return TurnKey(run_key("call", first), "run_key" if sent else "first_call")


def _first_call_id(messages: Sequence[Message]) -> str | None:
    for message in messages:
        for part in parts_of(message):
            if part.get("type") in _CALLS and (call_id := _text(part, "id")):
                return call_id
    return None


def _turn(messages: Sequence[Message]) -> Sequence[Message]:
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        if message.get("role") == "user" and not _responses(message):
            return messages[number + 1 :]
    return messages


def answered(messages: Sequence[Message]) -> list[Call]:
    """The calls whose results a model is given, and was not given before: those after its last own message."""
    last = next((n for n in range(len(messages) - 1, -1, -1) if messages[n].get("role") == "assistant"), -1)
    responses = [part for message in messages[last + 1 :] for part in _responses(message)]
    if not responses:
        return []
    asked = [part for message in messages[: last + 1] for part in parts_of(message) if part.get("type") == "tool_call"]
    by_id = {call_id: part for part in asked if (call_id := _text(part, "id"))}
    in_order = asked[-len(responses) :] if len(asked) >= len(responses) else [{}] * len(responses)
    return [
        _call(by_id.get(_text(response, "id") or "", in_order[number]), response)
        for number, response in enumerate(responses)
    ]


def _call(asked: Part, response: Part) -> Call:
    call_id = _text(response, "id")
    return Call(
        _text(asked, "name") or _text(response, "name"),
        call_id if is_unique(call_id) else None,
        asked.get("arguments"),
        response.get("response", response.get("result")),
    )


def _responses(message: Message) -> list[Part]:
    return [part for part in parts_of(message) if part.get("type") == "tool_call_response"]


def _text(part: Part, key: str) -> str | None:
    said = part.get(key)
    return said if isinstance(said, str) and said else None


def asked(messages: Iterable[Message]) -> list[Call]:
    """The calls that an answer asks for."""
    return [
        Call(_text(part, "name"), _text(part, "id"), part.get("arguments"))
        for message in messages
        for part in parts_of(message)
        if part.get("type") == "tool_call" and is_unique(part.get("id"))
    ]


def hosted(messages: Iterable[Message]) -> list[Call]:
    """The tools that the provider ran itself while it answered, with their results where the answer has them."""
    parts = [part for message in messages for part in parts_of(message)]
    ran = [part for part in parts if _text(part, "type") in _HOSTED]
    if not ran:
        return []
    results = {_text(part, "id"): part for part in parts if part.get("type") == "server_tool_call_response"}
    return [_hosted(part, results.get(_text(part, "id"), {})) for part in ran]


def _hosted(part: Part, result: Part) -> Call:
    told = part.get("server_tool_call")
    inner: Part = told if isinstance(told, dict) else part
    name = _text(inner, "name") or _text(part, "name") or _HOSTED[part["type"]] or _text(inner, "type")
    arguments = next((inner[key] for key in _ARGUMENTS if inner.get(key) is not None), None)
    response = result.get("server_tool_call_response", result.get("response"))
    if response is None:
        response = next((inner[key] for key in _RESULTS if inner.get(key) is not None), None)
    return Call(name or "server_tool", _text(part, "id"), arguments, response)


def held(messages: Sequence[Message]) -> list[Call]:
    """The calls of this turn for which a person was asked: each stands before the request in its message."""
    found: list[Call] = []
    for message in _turn(messages):
        call: Part | None = None
        for part in parts_of(message):
            if part.get("type") == "tool_call":
                call = part
            elif _text(part, "type") in _APPROVAL_REQUESTS and (name := _text(call or part, "name")):
                found.append(Call(name, _text(call or part, "id"), (call or part).get("arguments")))
    return found


def span_of(call: Call, model_call: ReceivedSpan, *, kind: str, number: int, at: int, ended: bool) -> ReceivedSpan:
    """A span for a call that messages tell of, under the span that tells of it. `at`: when; `ended` whether it ran."""
    told = {
        names.OPERATION: "execute_tool",
        names.TOOL_NAME: call.name,
        names.TOOL_CALL_ID: call.call_id,
        names.TOOL_ARGUMENTS: call.arguments,
        names.TOOL_RESULT: call.response,
        "error.type": call.failure and call.failure.error_type,
    }
    return ReceivedSpan(
        trace_id=model_call.trace_id,
        span_id=derived_id(model_call.trace_id, model_call.span_id, f"{kind}\0{number}\0{call.call_id}".encode()),
        parent_span_id=model_call.span_id,
        name=call.name or "tool",
        kind=HOSTED_KIND if kind == "hosted" else 1,
        start=at,
        end=at if ended else 0,
        attributes={key: value for key, value in told.items() if value is not None},
        status=2 if call.failure else 0,
        status_message=(call.failure and call.failure.error_message) or "",
    )


def answer_of(passed: Passed, teller: ReceivedSpan) -> ReceivedSpan:
    """A span for a model's answer that a message between agents tells of: who asked and what came, in no time."""
    told = {
        names.OPERATION: "chat",
        names.AGENT_NAME: passed.agent,
        **({} if passed.id is None else {names.RESPONSE_ID: passed.id}),
        names.OUTPUT_MESSAGES: orjson.dumps(passed.said).decode(),
        **passed.usage,
    }
    return ReceivedSpan(
        trace_id=teller.trace_id,
        span_id=derived_id(teller.trace_id, teller.span_id, b"answer"),
        parent_span_id=teller.span_id,
        name="model call",
        kind=1,
        start=passed.at,
        end=passed.at,
        attributes=told,
    )


def derived_id(trace_id: bytes, span_id: int, what: bytes) -> int:
    """The id of a span that is told of by another: the same each time it is told."""
    digest = sha256(trace_id + span_id.to_bytes(8, "big") + what).digest()
    return int.from_bytes(digest[:8], "big") or 1
