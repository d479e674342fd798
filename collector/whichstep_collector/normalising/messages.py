"""Messages of a model call in one form, whatever the encoding: `{"role", "parts": [{"type", …}], …}`.

Parts: text (content), reasoning (content), tool_call (id, name, arguments), tool_call_response (id, name, response),
uri and others as sent. The forms read here: indexed attributes (two spellings), JSON or native lists of OTel parts,
of OpenAI, Gemini and LangChain messages, and per-message span events. Nothing raises; what is not understood stays as
a part with its own type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from whichstep_collector.normalising.skeleton import parse_json

Message = dict[str, Any]
Part = dict[str, Any]

INDEX_MAX: Final = 10_000
"""Of a message or tool call in an attribute name. A larger index is not read as one."""
_MESSAGES_MAX: Final = 20_000
_ROLES: Final = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "tool-call": "assistant",
    "function": "tool",
    "tool-response": "tool",
    "developer": "system",
}
_ROLE_NAMES: Final = frozenset({"user", "assistant", "system", "tool"})


_LANGCHAIN_TYPES: Final = frozenset({"human", "ai", "system", "tool", "function"})


def role_of(value: Any) -> str:
    """A role under its OTel name."""
    return _ROLES.get(value, value) if isinstance(value, str) and value else "user"


def text_part(content: str) -> Part:
    """A part of plain text."""
    return {"type": "text", "content": content}


def call_part(call_id: Any, name: Any, arguments: Any) -> Part:
    """A tool call asked for; arguments that are JSON text are read."""
    if isinstance(arguments, str):
        parsed = parse_json(arguments)
        arguments = arguments if parsed is None else parsed
    part: Part = {"type": "tool_call"}
    if isinstance(call_id, str) and call_id:
        part["id"] = call_id
    part["name"] = name if isinstance(name, str) else ""
    part["arguments"] = arguments
    return part


def response_part(call_id: Any, response: Any, name: Any = None) -> Part:
    """The result of a tool call."""
    part: Part = {"type": "tool_call_response"}
    if isinstance(call_id, str) and call_id:
        part["id"] = call_id
    if isinstance(name, str) and name:
        part["name"] = name
    part["response"] = response
    return part


def read_messages(value: Any, *, default_role: str) -> list[Message] | None:
    """The messages that a JSON text or native value holds, None where it holds none."""
    if isinstance(value, str):
        value = parse_json(value)
    if isinstance(value, dict):
        value = value.get("messages", [value] if "role" in value or "parts" in value else None)
    if not isinstance(value, (list, tuple)):
        return None
    if len(value) == 1 and isinstance(value[0], (list, tuple)) and not _is_pair(value[0]):
        value = value[0]  # a batch of one conversation
    messages = [message for item in value[:_MESSAGES_MAX] if (message := read_message(item, default_role=default_role))]
    return messages or None


def read_answer(value: Any) -> list[Message] | None:
    """The assistant's messages that a JSON text or native value holds; None where it may be any other answer."""
    found = parse_json(value) if isinstance(value, str) else value
    for item in found if isinstance(found, (list, tuple)) and found else (found,):
        if not isinstance(item, dict) or role_of(item.get("role")) != "assistant":
            return None
    return read_messages(found, default_role="assistant")


def read_message(item: Any, *, default_role: str) -> Message | None:  # noqa: PLR0911  (one shape a line)
    """One message of any known shape; None for what is no message."""
    if _is_plain(item):
        return item  # type: ignore[no-any-return]
    if isinstance(item, str):
        return {"role": default_role, "parts": [text_part(item)]}
    if _is_pair(item):
        return {"role": role_of(item[0]), "parts": [text_part(item[1])]}
    if not isinstance(item, dict):
        return None
    if "kwargs" in item and "lc" in item:  # LangChain, "constructor" form
        return _langchain(item["kwargs"], item.get("id"))
    if isinstance(item.get("data"), dict) and isinstance(item.get("type"), str):  # LangChain, "dict" form
        return _langchain({"type": item["type"], **item["data"]}, None)
    if isinstance(item.get("parts"), (list, tuple)):
        return _with_parts(item, default_role)
    if isinstance(item.get("blocks"), list):
        return _in_blocks(item, default_role)
    if "role" in item or "content" in item or "tool_calls" in item:
        return _openai(item, default_role)
    return _response_item(item)


def _in_blocks(item: dict[str, Any], default_role: str) -> Message:
    """LlamaIndex's form; what was asked for stands there twice."""
    parts, more = content_parts(item["blocks"]), item.get("additional_kwargs")
    if isinstance(more, dict) and (call_id := more.get("tool_call_id")):
        return {"role": "tool", "parts": [response_part(call_id, message_text({"parts": parts}), more.get("name"))]}
    return {"role": role_of(item.get("role") or default_role), "parts": parts}


def _response_item(item: dict[str, Any]) -> Message | None:
    """A call or its result as the Responses API lists them among the messages."""
    kind, call_id = item.get("type"), item.get("call_id")
    if kind == "function_call":
        return {"role": "assistant", "parts": [call_part(call_id, item.get("name"), item.get("arguments"))]}
    if kind == "function_call_output":
        return {"role": "tool", "parts": [response_part(call_id, item.get("output"))]}
    return None


def _is_plain(item: Any) -> bool:
    """Whether this has the form of OTel already, and of nothing else: it is kept as sent."""
    if type(item) is not dict or "kwargs" in item or "data" in item:
        return False
    parts = item.get("parts")
    if type(parts) is not list or type(item.get("role")) is not str or "tool_calls" in item or "tool_call_id" in item:
        return False
    for part in parts:  # noqa: SIM110  (`all` of a generator costs as much as the rest of a message)
        if type(part) is not dict or "type" not in part:
            return False
    return True


def _is_pair(item: Any) -> bool:
    """Whether this is a message in LangChain's short form: its role and its text."""
    return (
        isinstance(item, (list, tuple))
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], str)
        and role_of(item[0]) in _ROLE_NAMES
    )


def _with_parts(item: dict[str, Any], default_role: str) -> Message:
    parts = item["parts"]
    if "tool_calls" in item or "tool_call_id" in item:  # half in OpenAI's form
        return _openai({**item, "content": message_text(item) if "tool_call_id" in item else parts}, default_role)
    if all(isinstance(part, dict) and "type" in part for part in parts) and isinstance(item.get("role"), str):
        return item  # already the form of OTel: kept as sent, so that equal messages have equal text
    return {"role": role_of(item.get("role") or default_role), "parts": [_any_part(part) for part in parts]}


def _any_part(part: Any) -> Part:
    if isinstance(part, str):
        return text_part(part)
    if not isinstance(part, dict):
        return {"type": "other", "content": part}
    return part if "type" in part else untyped_part(part)


def untyped_part(piece: dict[str, Any]) -> Part:
    """A part whose kind is the name of its only field, as several providers and frameworks write them."""
    if isinstance(text := piece.get("text"), str):
        return text_part(text)
    if piece.get("block_type") == "tool_call":
        return call_part(piece.get("tool_call_id"), piece.get("tool_name"), piece.get("tool_kwargs"))
    for name, read in _UNTYPED.items():
        if isinstance(held := piece.get(name), dict):
            return read(held)
    return {"type": "other", **piece}


def _tool_call_result(held: dict[str, Any]) -> Part:
    origin = held.get("origin")
    call = origin if isinstance(origin, dict) else {}
    return response_part(call.get("id"), held.get("result"), call.get("tool_name"))


def _function_call(held: dict[str, Any]) -> Part:
    return call_part(held.get("id"), held.get("name"), held.get("args", held.get("arguments")))


def _function_response(held: dict[str, Any]) -> Part:
    return response_part(held.get("id"), held.get("response"), held.get("name"))


_UNTYPED: Final[dict[str, Callable[[dict[str, Any]], Part]]] = {
    "toolUse": lambda held: call_part(held.get("toolUseId"), held.get("name"), held.get("input")),
    "toolResult": lambda held: response_part(held.get("toolUseId"), held.get("content")),
    "functionCall": _function_call,
    "function_call": _function_call,
    "functionResponse": _function_response,
    "function_response": _function_response,
    "tool_call": lambda held: call_part(held.get("id"), held.get("tool_name", held.get("name")), held.get("arguments")),
    "tool_call_result": _tool_call_result,
    "reasoning": lambda held: {"type": "reasoning", "content": held.get("reasoning_text") or ""},
}


def _openai(item: dict[str, Any], default_role: str) -> Message:
    role = role_of(item.get("role") or _langchain_role(item.get("type")) or default_role)
    call_id = item.get("tool_call_id")
    if role == "tool" or call_id:
        return {"role": "tool", "parts": [response_part(call_id, item.get("content"), item.get("name"))]}
    parts = content_parts(item.get("content"))
    parts += [_openai_call(call) for call in dicts(item.get("tool_calls"))]
    message: Message = {"role": role, "parts": parts}
    if isinstance(item.get("finish_reason"), str):
        message["finish_reason"] = item["finish_reason"]
    return message


def _langchain_role(kind: Any) -> str | None:
    """The role that LangChain's flat form says in place of one."""
    return kind if isinstance(kind, str) and kind in _LANGCHAIN_TYPES else None


def _openai_call(call: dict[str, Any]) -> Part:
    function = call.get("function")
    if isinstance(function, dict):
        return call_part(call.get("id"), function.get("name"), function.get("arguments"))
    return call_part(call.get("id"), call.get("name"), call.get("arguments", call.get("args")))


def _langchain(kwargs: Any, class_path: Any) -> Message | None:
    if not isinstance(kwargs, dict):
        return None
    kind = kwargs.get("type") or (class_path[-1] if isinstance(class_path, list) and class_path else "")
    role = role_of(str(kind).removesuffix("Chunk").removesuffix("Message").lower())
    if role == "tool":
        return {"role": "tool", "parts": [_langchain_result(kwargs)]}
    calls = [call_part(call.get("id"), call.get("name"), call.get("args")) for call in dicts(kwargs.get("tool_calls"))]
    return {"role": role, "parts": content_parts(kwargs.get("content")) + calls}


def _langchain_result(kwargs: dict[str, Any]) -> Part:
    return response_part(kwargs.get("tool_call_id"), kwargs.get("content"), kwargs.get("name"))


def content_parts(content: Any) -> list[Part]:
    """Parts of a message's content: text, or a list of typed pieces."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text_part(content)]
    if not isinstance(content, (list, tuple)):
        return [{"type": "other", "content": content}]
    return [part for piece in content if (part := _content_piece(piece)) is not None]


def _content_piece(piece: Any) -> Part | None:  # noqa: PLR0911  (one shape a line)
    if isinstance(piece, str):
        return text_part(piece)
    if not isinstance(piece, dict):
        return None
    kind = piece.get("type")
    if not isinstance(kind, str):
        return untyped_part(piece)
    if kind in {"text", "input_text", "output_text"} and isinstance(piece.get("text"), str):
        return text_part(piece["text"])
    if kind == "tool-call":
        return call_part(piece.get("toolCallId"), piece.get("toolName"), piece.get("input", piece.get("args")))
    if kind == "tool-result":
        return response_part(piece.get("toolCallId"), piece.get("output", piece.get("result")), piece.get("toolName"))
    if kind == "tool_use":
        return call_part(piece.get("id"), piece.get("name"), piece.get("input"))
    if kind == "tool_result":
        return response_part(piece.get("tool_use_id"), piece.get("content"))
    return piece


def dicts(value: Any) -> list[dict[str, Any]]:
    """The items of a list that are objects; none of what is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, (list, tuple)) else []


def parts_of(message: Message) -> list[Part]:
    """The parts of a message that are objects."""
    return dicts(message.get("parts"))


def message_text(message: Message) -> str:
    """The text parts of a message, joined by line breaks."""
    found = [
        content
        for part in parts_of(message)
        if part.get("type") == "text" and isinstance(content := part.get("content"), str)
    ]
    return found[0] if len(found) == 1 else "\n".join(found)


def tool_calls(messages: Iterable[Message]) -> list[tuple[str, str]]:
    """Name and call id ('' where not given) of every tool call asked for, in order."""
    return [
        (str(part.get("name") or ""), str(part.get("id") or ""))
        for message in messages
        for part in parts_of(message)
        if part.get("type") == "tool_call"
    ]


def asked_text(messages: Sequence[Message]) -> str | None:
    """What the user asked in this turn: the first text of the user's last words, whatever was said in turns before.

    Tool results that a provider has under the role of the user, and system messages between, do not part those words.
    """
    found = None
    for message in reversed(messages):
        role = message.get("role")
        if role == "user":
            found = message_text(message) or found
        elif found is not None and role != "system":
            break
    return found


class EventMessages(NamedTuple):
    """Messages told by span events."""

    input: list[Message]
    output: list[Message]


def read_events(events: Iterable[tuple[str, Mapping[str, Any]]]) -> EventMessages:
    """Messages from span events (name, attributes): one a message, one for all, or prompt and completion texts."""
    found = EventMessages([], [])
    for name, values in events:
        if name == "gen_ai.content.prompt":
            found.input.extend(read_messages(values.get("gen_ai.prompt"), default_role="user") or [])
        elif name == "gen_ai.content.completion":
            found.output.extend(read_messages(values.get("gen_ai.completion"), default_role="assistant") or [])
        elif name == "gen_ai.client.inference.operation.details":
            found.input.extend(read_messages(values.get("gen_ai.input.messages"), default_role="user") or [])
            found.output.extend(read_messages(values.get("gen_ai.output.messages"), default_role="assistant") or [])
        elif name == "gen_ai.choice":
            found.output.extend(_choice(values))
        elif name.startswith("gen_ai.") and name.endswith(".message"):
            found.input.extend(_event_message(name.split(".")[1], values))
    return found


def _choice(values: Mapping[str, Any]) -> list[Message]:
    message = values.get("message", values.get("content"))
    content = parse_json(message) if isinstance(message, str) else message
    if isinstance(content, dict):
        read = read_message(content, default_role="assistant")
        return [read] if read else []
    parts = content_parts(_pieces(content if content is not None else message))
    return [{"role": "assistant", "parts": parts}] if parts else []


def _event_message(role: str, values: Mapping[str, Any]) -> list[Message]:
    content = values.get("content")
    parsed = parse_json(content) if isinstance(content, str) else content
    pieces = _pieces(parsed if parsed is not None else content)
    if role == "tool":
        return [{"role": "tool", "parts": [response_part(values.get("id"), pieces)]}]
    calls = values.get("tool_calls")
    if isinstance(calls, str):
        calls = parse_json(calls)
    parts = content_parts(pieces) + [_openai_call(call) for call in dicts(calls)]
    return [{"role": role_of(role), "parts": parts}] if parts else []


def _pieces(content: Any) -> Any:
    """Pieces that say their kind as the name of their only field, under their common names; documents have more."""
    if not isinstance(content, list):
        return content
    return [
        untyped_part(piece) if isinstance(piece, dict) and len(piece) == 1 and "type" not in piece else piece
        for piece in content
    ]


def dump_message(message: Any) -> str:
    """The JSON text of a message: what is hashed and stored."""
    return orjson.dumps(message, default=repr).decode()
