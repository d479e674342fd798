"""Puts the texts of a span into its row: previews in the row, wholes in the batch's contents, each text once.

`shared` tells the attribute skeleton which attributes are content already, `in_columns` which texts stand whole in a
column of the row, so that what is kept for the row is not kept again for the raw attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import orjson

from whichstep_collector.normalising.contents import Contents, preview
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.messages import Message, asked_text, dump_message, message_text, tool_calls
from whichstep_collector.normalising.skeleton import INLINE_MAX, column_reference, parse_json, reference
from whichstep_store.digests import digest_of, digest_of_value

MessageColumn = Literal["input", "output"]
TextColumn = Literal["input", "output", "arguments", "result", "query", "sources"]

_PARTS: Final = {name: f"{name}_parts" for name in ("input", "output", "arguments", "result", "query", "sources")}
_IS_LIST: Final = {name: f"{name}_is_list" for name in ("input", "output")}


class SpanTexts:
    """The texts of one span on their way into its row."""

    __slots__ = ("_row", "contents", "facts", "in_columns", "input_messages", "output_messages", "shared", "trace_id")

    def __init__(self, facts: SpanFacts, contents: Contents) -> None:
        self.facts, self._row = facts, facts.__dict__
        self.trace_id = facts.trace_id
        self.contents = contents
        self.shared: dict[str, Any] = {}
        self.in_columns: dict[str, Any] = {}
        self.input_messages: Sequence[Message] = ()
        self.output_messages: Sequence[Message] = ()

    def put_text(self, column: TextColumn, text: str, *, key: str | None = None) -> None:
        """Fills a text column. `key` names the attribute that holds exactly this text, if one does."""
        row = self._row
        if len(text) <= INLINE_MAX:
            row[column] = text
            return
        row[column] = short = preview(text)
        if len(short) == len(text):
            self.in_columns[text] = column_reference(column)
            return
        digest = self.contents.add(self.trace_id, text)
        row[_PARTS[column]] = [digest]
        if column in _IS_LIST:
            row[_IS_LIST[column]] = False
        if key is not None:
            self.shared[key] = reference(digest)

    def put_items(self, column: TextColumn, texts: Sequence[str]) -> list[bytes] | None:
        """Fills a text column with a JSON array of these items; the items' hashes where they became content."""
        whole = f"[{','.join(texts)}]"
        self._row[column] = short = preview(whole)
        if len(short) == len(whole):
            return None
        if column == "sources" and len(texts) == 1:  # one hash means: the text
            self.facts.sources_parts = [self.contents.add(self.trace_id, whole)]
            return None
        add, trace_id = self.contents.add, self.trace_id
        hashes = [add(trace_id, text) for text in texts]
        self._row[_PARTS[column]] = hashes
        if column in _IS_LIST:
            self._row[_IS_LIST[column]] = True
        return hashes

    def put_input_messages(self, messages: Sequence[Message], texts: Sequence[str] | None = None) -> list[bytes] | None:
        """Fills `input` with messages, `input_digest` and `user_message`."""
        self.input_messages = messages
        texts = texts or [dump_message(message) for message in messages]
        hashes = self.put_items("input", texts)
        self.facts.input_digest = self.contents.digest(tuple(texts)) if hashes is None else digest_of(b"".join(hashes))
        said = asked_text(messages)
        if said is not None:
            self.facts.user_message = preview(said)
        return hashes

    def put_output_messages(self, messages: Sequence[Message]) -> list[bytes] | None:
        """Fills `output`: the answer's text, or the messages where they ask for tools; and what was asked for."""
        self.output_messages = messages
        calls = tool_calls(messages)
        if calls:
            self.facts.asked_tools = [name for name, _ in calls]
            self.facts.asked_call_ids = [call_id for _, call_id in calls]
            return self.put_items("output", [dump_message(message) for message in messages])
        answer = "\n".join(text for message in messages if (text := message_text(message)))
        if answer:
            self.put_text("output", answer)
        elif any(message.get("parts") for message in messages):
            return self.put_items("output", [dump_message(message) for message in messages])
        return None

    def put_value(self, column: TextColumn, value: Any, *, key: str | None = None) -> None:
        """Fills a text column with a value: text as it is, anything else as JSON."""
        if isinstance(value, str):
            self.put_text(column, value, key=key)
        elif value is not None:
            self.put_text(column, orjson.dumps(value, default=repr).decode())

    def share_items(self, key: str, hashes: Sequence[bytes]) -> None:
        """Tells the skeleton that the JSON text under `key` is a list of these items, which became content."""
        self.shared[key] = {"$json": [reference(digest, "") for digest in hashes]}


def digest_of_json(value: Any) -> bytes:
    """A digest of canonical JSON; text that holds JSON counts as its value."""
    if isinstance(value, str):
        parsed = parse_json(value)
        value = value if parsed is None else parsed
    return digest_of_value(value)
