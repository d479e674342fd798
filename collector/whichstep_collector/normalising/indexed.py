"""Lists that instrumentations flatten into attribute names: messages, documents, tool definitions.

`llm.input_messages.3.message.content` and `gen_ai.prompt.3.content` name fields of item 3. The names of a span are
read once per set of names (`plan.py`) into the keys of each item; a span is then read by look-up. Gaps are legal and an
index allocates nothing: items are sorted by index, indexes past `INDEX_MAX` are left in the raw attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from whichstep_collector.normalising.coerce import HIDDEN
from whichstep_collector.normalising.documents import Document, scored, tidy
from whichstep_collector.normalising.messages import (
    INDEX_MAX,
    Message,
    Part,
    call_part,
    response_part,
    role_of,
    text_part,
)
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import Attributes

_INDEX: Final = re.compile(r"(\d{1,5})\.(.+)", re.DOTALL | re.ASCII)
_CALL: Final = re.compile(r"tool_calls\.(\d{1,5})\.(?:tool_call\.)?(?:function\.)?(id|name|arguments)", re.ASCII)
_PIECE: Final = re.compile(r"contents\.(\d{1,5})\.message_content\.(.+)", re.ASCII)
_FUNCTION: Final = re.compile(r"function\.(\d{1,5})", re.ASCII)

_TOOL_ROLES: Final = frozenset({"tool", "function"})

INPUT_PREFIXES: Final = ("llm.input_messages.", "gen_ai.prompt.")
OUTPUT_PREFIXES: Final = ("llm.output_messages.", "gen_ai.completion.")
DOCUMENT_PREFIXES: Final = ("retrieval.documents.", "reranker.output_documents.")
TOOL_PREFIXES: Final = ("llm.tools.", "llm.request.functions.")


@dataclass(slots=True)
class MessageKeys:
    """The attribute names that make up one message."""

    fields: dict[str, str] = field(default_factory=dict)
    pieces: dict[int, dict[str, str]] = field(default_factory=dict)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    functions: dict[int, str] = field(default_factory=dict)
    simple: bool = False
    """A role and a text, no more."""


def group_by_index(keys: Iterable[str], prefix: str) -> dict[int, dict[str, str]]:
    """Index to the rest of each name to the whole name, in order of index."""
    found: dict[int, dict[str, str]] = {}
    for key in keys:
        if key.startswith(prefix) and (match := _INDEX.fullmatch(key, len(prefix))) and int(match[1]) < INDEX_MAX:
            found.setdefault(int(match[1]), {})[match[2]] = key
    return dict(sorted(found.items()))


def message_keys(keys: Iterable[str], prefixes: Iterable[str]) -> tuple[MessageKeys, ...]:
    """The messages that a set of attribute names spells, by the first prefix that occurs."""
    for prefix in prefixes:
        if items := group_by_index(keys, prefix):
            return tuple(_message_keys(item) for item in items.values())
    return ()


def _message_keys(item: dict[str, str]) -> MessageKeys:
    found = MessageKeys()
    for rest, key in item.items():
        name = rest.removeprefix("message.")
        if match := _CALL.fullmatch(name):
            found.calls.setdefault(int(match[1]), {})[match[2]] = key
        elif match := _PIECE.fullmatch(name):
            found.pieces.setdefault(int(match[1]), {})[match[2]] = key
        elif match := _FUNCTION.fullmatch(name):
            found.functions[int(match[1])] = key
        else:
            found.fields[name] = key
    found.simple = found.fields.keys() == {"role", "content"} and len(item) == 2
    return found


def said_by(keys: dict[str, str], name: str, attributes: Attributes) -> Any:
    """The value of the attribute that a field's name stands for, None where there is none."""
    key = keys.get(name)
    return None if key is None else attributes.get(key)


_UNSAID: Final = frozenset({*HIDDEN, '""'})
"""Contents that say nothing: markers of what was hidden, and an empty text as JSON."""


class ReadMessage(NamedTuple):
    """A message, where its texts stand in it (attribute name and JSON pointer), and its text if it is no more."""

    message: Message
    pointers: tuple[tuple[str, str], ...]
    text: str | None = None


KnownMessages = dict[tuple[Any, Any], Message]
"""Messages of a role and a text that were read before."""


def read_message_at(keys: MessageKeys, attributes: Attributes, known: KnownMessages) -> ReadMessage | None:
    """One message from the attributes of its names; None where content is hidden or nothing is said."""
    if keys.simple:
        content_key = keys.fields["content"]
        content, role = attributes[content_key], attributes[keys.fields["role"]]
        if (
            type(content) is str
            and content
            and type(role) is str
            and role not in _TOOL_ROLES
            and content not in _UNSAID
        ):
            if (message := known.get((role, content))) is None:
                message = known[role, content] = {"role": role_of(role), "parts": [text_part(content)]}
            return ReadMessage(message, ((content_key, "/parts/0/content"),), content)
    return _read_any_message(keys, attributes)


def _read_any_message(keys: MessageKeys, attributes: Attributes) -> ReadMessage | None:
    fields, parts, pointers = keys.fields, [], []
    role = role_of(said_by(fields, "role", attributes))
    thought = said_by(fields, "thought", attributes)
    if isinstance(thought, str) and thought:
        parts.append({"type": "reasoning", "content": thought})
    if keys.functions:
        parts += [_function_part(attributes[key]) for _, key in sorted(keys.functions.items())]
    content = said_by(fields, "content", attributes)
    if isinstance(content, str) and content and content not in _UNSAID:
        content_key = fields["content"]
        if role == "tool":
            pointers.append((content_key, f"/parts/{len(parts)}/response"))
            parts.append(_tool_response(fields, attributes, content))
        else:
            pointers.append((content_key, f"/parts/{len(parts)}/content"))
            parts.append(text_part(content))
    for _, piece in sorted(keys.pieces.items()) if keys.pieces else ():
        _add_piece(piece, attributes, parts, pointers)
    for _, call in sorted(keys.calls.items()) if keys.calls else ():
        call_id, name = said_by(call, "id", attributes), said_by(call, "name", attributes)
        parts.append(call_part(call_id, name, said_by(call, "arguments", attributes)))
    if not parts and role != "assistant":
        return None
    message: Message = {"role": role, "parts": parts}
    finish = said_by(fields, "finish_reason", attributes)
    if isinstance(finish, str) and finish:
        message["finish_reason"] = finish
    return ReadMessage(message, tuple(pointers))


def _tool_response(fields: dict[str, str], attributes: Attributes, content: str) -> Part:
    return response_part(said_by(fields, "tool_call_id", attributes), content, said_by(fields, "name", attributes))


def _function_part(value: Any) -> Part:
    """A tool result that one instrumentation writes as JSON under `function.N`."""
    result = parse_json(value) if isinstance(value, str) else value
    if not isinstance(result, dict):
        return response_part(None, value)
    return response_part(result.get("call_id"), result.get("content"), result.get("name"))


def _add_piece(
    piece: dict[str, str], attributes: Attributes, parts: list[Part], pointers: list[tuple[str, str]]
) -> None:
    said = said_by(piece, "text", attributes)
    if isinstance(said, str) and said not in HIDDEN:
        pointers.append((piece["text"], f"/parts/{len(parts)}/content"))
        parts.append(text_part(said))
        return
    image = said_by(piece, "image.image.url", attributes)
    if isinstance(image, str):
        pointers.append((piece["image.image.url"], f"/parts/{len(parts)}/uri"))
        parts.append({"type": "uri", "modality": "image", "uri": image})


class DocumentKeys(NamedTuple):
    """The attribute names that make up one document: (field, name) pairs, and the name of its text."""

    fields: tuple[tuple[str, str], ...]
    content: str | None
    plain: bool
    """Has nothing to take apart: no metadata, its text under its usual name."""


def document_keys(keys: Iterable[str]) -> tuple[DocumentKeys, ...]:
    """The documents that a set of attribute names spells, by the first prefix that occurs."""
    for prefix in DOCUMENT_PREFIXES:
        if items := group_by_index(keys, prefix):
            return tuple(_document_keys(item) for item in items.values())
    return ()


def _document_keys(item: dict[str, str]) -> DocumentKeys:
    fields = {rest.removeprefix("document."): key for rest, key in item.items()}
    return DocumentKeys(tuple(fields.items()), fields.get("content"), fields.keys() <= {"id", "score", "content"})


def read_document_at(keys: DocumentKeys, attributes: Attributes) -> Document:
    """One document (id, score, content, metadata, …)."""
    found = {name: attributes[key] for name, key in keys.fields}
    if keys.plain:
        return scored(found)
    if isinstance(metadata := found.get("metadata"), str):
        found["metadata"] = parse_json(metadata) or metadata
    return tidy(found)
