"""Messages, answers and documents of model libraries as OpenTelemetry's GenAI parts. Duck-typed: imports none of them.

Understood: OpenAI chat completions and Responses, Anthropic messages, as objects or mappings, and parts as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from whichstep import attributes as names

Message = dict[str, Any]
Part = dict[str, Any]
CONTENT_FIELDS: Final = frozenset({"content", "arguments", "response", "result", "uri", "text"})

LANGCHAIN_ROLES: Final = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


class Response(NamedTuple):
    """What a model's response says: who answered, attributes of the call, the answer as messages."""

    provider: str
    attributes: dict[str, Any]
    messages: list[Message]


def read_response(response: Any) -> Response | None:
    """Read a response of OpenAI or Anthropic; None when it is neither."""
    if _items(get(response, "choices")):
        return _chat_completion(response)
    if _items(get(response, "output")) and get(response, "object") == "response":
        return _responses_api(response)
    if _items(get(response, "content")) is not None and get(response, "stop_reason", missing=_MISSING) is not _MISSING:
        return _anthropic(response)
    return None


def sent(value: Any) -> list[Message]:
    """The messages of a request."""
    return _messages(value, role="user")


def answered(value: Any) -> list[Message]:
    """The messages of an answer."""
    return _messages(value, role="assistant")


def documents(found: Iterable[Any]) -> list[Part]:
    """Documents as id, score, content and metadata, each where it is known; best first, as given."""
    return [_document(document) for document in found]


def documents_without_content(found: Iterable[Mapping[str, Any]]) -> list[Part]:
    """Ids and scores only."""
    return [{key: document[key] for key in ("id", "score") if key in document} for document in found]


def without_content(messages: Iterable[Message]) -> list[Message]:
    """Roles, types of parts, names and ids of tool calls: the structure of a conversation without its words."""
    return [
        {
            **{key: value for key, value in message.items() if key not in {"parts", *CONTENT_FIELDS}},
            "parts": [
                {key: value for key, value in part.items() if key not in CONTENT_FIELDS} for part in message["parts"]
            ],
        }
        for message in messages
    ]


def get(value: Any, name: str, *, missing: Any = None) -> Any:
    """A field of a mapping or an attribute of an object."""
    if isinstance(value, Mapping):
        return value.get(name, missing)
    return getattr(value, name, missing)


_MISSING: Final[Any] = object()


def _items(value: Any) -> Sequence[Any] | None:
    return value if isinstance(value, (list, tuple)) else None


def _chat_completion(response: Any) -> Response:
    choices = get(response, "choices")
    reasons = [str(reason) for choice in choices if (reason := get(choice, "finish_reason")) is not None]
    usage = get(response, "usage")
    attributes = _known(
        {
            names.RESPONSE_MODEL: get(response, "model"),
            names.RESPONSE_ID: get(response, "id"),
            names.FINISH_REASONS: reasons or None,
            names.INPUT_TOKENS: get(usage, "prompt_tokens"),
            names.OUTPUT_TOKENS: get(usage, "completion_tokens"),
            names.CACHE_READ_TOKENS: get(get(usage, "prompt_tokens_details"), "cached_tokens"),
            names.REASONING_TOKENS: get(get(usage, "completion_tokens_details"), "reasoning_tokens"),
        }
    )
    answers = []
    for choice in choices:
        message = _message(get(choice, "message"), role="assistant")
        if (reason := get(choice, "finish_reason")) is not None:
            message["finish_reason"] = str(reason)
        answers.append(message)
    return Response("openai", attributes, answers)


def _responses_api(response: Any) -> Response:
    usage = get(response, "usage")
    reason = get(get(response, "incomplete_details"), "reason") or get(response, "status")
    attributes = _known(
        {
            names.RESPONSE_MODEL: get(response, "model"),
            names.RESPONSE_ID: get(response, "id"),
            names.FINISH_REASONS: [str(reason)] if reason is not None else None,
            names.INPUT_TOKENS: get(usage, "input_tokens"),
            names.OUTPUT_TOKENS: get(usage, "output_tokens"),
            names.CACHE_READ_TOKENS: get(get(usage, "input_tokens_details"), "cached_tokens"),
            names.REASONING_TOKENS: get(get(usage, "output_tokens_details"), "reasoning_tokens"),
        }
    )
    parts = [part for item in get(response, "output") for part in _output_item(item)]
    return Response("openai", attributes, [{"role": "assistant", "parts": parts}])


def _anthropic(response: Any) -> Response:
    usage = get(response, "usage")
    read, written = get(usage, "cache_read_input_tokens"), get(usage, "cache_creation_input_tokens")
    uncached = get(usage, "input_tokens")
    reason = get(response, "stop_reason")
    attributes = _known(
        {
            names.RESPONSE_MODEL: get(response, "model"),
            names.RESPONSE_ID: get(response, "id"),
            names.FINISH_REASONS: [str(reason)] if reason is not None else None,
            # Anthropic counts cached tokens apart; on the wire input includes them.
            names.INPUT_TOKENS: None if uncached is None else uncached + (read or 0) + (written or 0),
            names.OUTPUT_TOKENS: get(usage, "output_tokens"),
            names.CACHE_READ_TOKENS: read,
            names.CACHE_WRITE_TOKENS: written,
        }
    )
    return Response("anthropic", attributes, [_message(response, role="assistant")])


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in attributes.items()
        if isinstance(value, (str, list)) or (isinstance(value, int) and not isinstance(value, bool))
    }


def _messages(value: Any, *, role: str) -> list[Message]:
    if isinstance(value, (list, tuple)):
        return [_message(item, role=role) for item in value]
    return [_message(value, role=role)]


def _message(value: Any, *, role: str) -> Message:
    """One message: a text, a message of OpenAI or Anthropic, an item of the Responses API, or parts as they are."""
    if isinstance(value, str):
        return {"role": role, "parts": [_text(value)]}
    if (parts := get(value, "parts")) is not None and isinstance(value, Mapping):
        return {**value, "parts": list(parts)}
    if get(value, "type") in {"function_call", "function_call_output", "reasoning"} and get(value, "role") is None:
        answer = get(value, "type") == "function_call_output"
        return {"role": "tool" if answer else "assistant", "parts": _output_item(value)}
    who = str(get(value, "role") or LANGCHAIN_ROLES.get(str(get(value, "type")), role))
    content, call_id = get(value, "content"), get(value, "tool_call_id")
    if who == "tool" or call_id is not None:
        return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": content}]}
    calls = [_openai_call(call) for call in get(value, "tool_calls") or ()]
    refusal = get(value, "refusal")
    parts = [*_content_parts(content), *([_text(refusal)] if isinstance(refusal, str) else []), *calls]
    return {"role": who, "parts": parts if parts or content is None else [_other(value)]}


def _content_parts(content: Any) -> list[Part]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [_text(content)]
    if isinstance(content, (list, tuple)):
        return [_part(block) for block in content]
    return [_other(content)]


def _part(block: Any) -> Part:
    """One block of a message's content."""
    kind = get(block, "type")
    if isinstance(block, str):
        return _text(block)
    if kind in {"text", "input_text", "output_text", "refusal"}:
        return _text(get(block, "text") or get(block, "refusal") or get(block, "content") or "")
    if kind in {"thinking", "reasoning"}:
        return {"type": "reasoning", "content": get(block, "thinking") or get(block, "content") or ""}
    if kind == "tool_use":
        return _call(get(block, "id"), get(block, "name"), get(block, "input"))
    if kind == "tool_result":
        return {"type": "tool_call_response", "id": get(block, "tool_use_id"), "response": get(block, "content")}
    return _other(block)


def _output_item(item: Any) -> list[Part]:
    """One item of the Responses API."""
    kind = get(item, "type")
    if kind == "message":
        return _content_parts(get(item, "content"))
    if kind == "function_call":
        return [_call(get(item, "call_id"), get(item, "name"), get(item, "arguments"))]
    if kind == "function_call_output":
        return [{"type": "tool_call_response", "id": get(item, "call_id"), "response": get(item, "output")}]
    if kind == "reasoning":
        texts = [str(get(part, "text") or "") for part in get(item, "summary") or ()]
        return [{"type": "reasoning", "content": "\n".join(texts)}]
    return [_other(item)]


def _openai_call(call: Any) -> Part:
    function = get(call, "function")
    if function is None:  # LangChain's flat form
        return _call(get(call, "id"), get(call, "name"), get(call, "args"))
    return _call(get(call, "id"), get(function, "name"), get(function, "arguments"))


def _call(call_id: Any, name: Any, arguments: Any) -> Part:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _text(text: Any) -> Part:
    return {"type": "text", "content": text}


def _other(value: Any) -> Part:
    """Anything else keeps its type and is carried whole."""
    kind = get(value, "type")
    return {"type": kind if isinstance(kind, str) else "text", "content": value}


def _document(document: Any) -> Part:
    if isinstance(document, str):
        return {"content": document}
    score: Any = None
    if isinstance(document, tuple) and len(document) == 2:  # (document, score) of a vector store
        document, score = document
    known = {
        "id": _first(document, "id", "id_", "doc_id", "node_id"),
        "score": score if score is not None else _first(document, "score", "relevance_score"),
        "content": _first(document, "content", "page_content", "text"),
        "metadata": _first(document, "metadata"),
    }
    return {key: value for key, value in known.items() if value is not None} or {"content": document}


def _first(value: Any, *fields: str) -> Any:
    found = (get(value, field) for field in fields)
    return next((item for item in found if item is not None and not callable(item)), None)
