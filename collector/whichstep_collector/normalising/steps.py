"""Fills the columns that belong to the type of a step: messages of model calls, tools, documents, tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.dialects.base import Dialect
from whichstep_collector.normalising.coerce import flag, meaningful
from whichstep_collector.normalising.contents import preview
from whichstep_collector.normalising.documents import read_documents
from whichstep_collector.normalising.event_texts import ToolTexts, read_task_events, read_tool_events
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.indexed import MessageKeys, ReadMessage, read_document_at, read_message_at, said_by
from whichstep_collector.normalising.messages import (
    Message,
    asked_text,
    dump_message,
    message_text,
    read_answer,
    read_events,
    read_messages,
)
from whichstep_collector.normalising.moment import without_moment
from whichstep_collector.normalising.plan import STATUS_KEYS, SUCCESS_KEYS, Plan
from whichstep_collector.normalising.python_text import is_object
from whichstep_collector.normalising.skeleton import INLINE_MAX, parse_json, reference
from whichstep_collector.normalising.texts import SpanTexts, digest_of_json
from whichstep_collector.normalising.tool_results import failure_in, text_of
from whichstep_collector.received import Attributes, ReceivedSpan

_SYSTEM_KEYS: Final = (names.SYSTEM_INSTRUCTIONS,)
_SEARCHES: Final = re.compile(r"search|retriev|knowledge|(?:^|_)(?:docs?|rag|kb)(?:_|$)", re.IGNORECASE)
"""Names of tools that retrieve: their result is a list of documents, and an empty one found nothing."""
_TASKS: Final = frozenset({"agent", "workflow"})
"""Of these alone events are read: other spans repeat the whole conversation in theirs."""
_EMPTY_RESULTS: Final = ("[]", "{}", "null")
_NO_ARGUMENTS: Final = ("{}",)
_RULES: Final = {names.POLICY_DIGEST: "policy", names.CONTRACT_DIGEST: "contract"}


def fill_model_call(texts: SpanTexts, span: ReceivedSpan, plan: Plan, dialect: Dialect) -> str | None:
    """Input and output messages, what was asked for, and the configuration of the call."""
    attributes = span.attributes
    events = read_events((event.name, event.attributes) for event in span.events) if span.events else None
    system = _system(attributes)
    if plan.input:
        _put_indexed_input(texts, attributes, plan.input)
    elif (sent := _parsed(attributes.get(names.INPUT_MESSAGES))) is not None and (
        messages := read_messages(sent, default_role="user")
    ):
        _put_listed_input(texts, names.INPUT_MESSAGES, sent, messages, _with_system(system, messages))
    elif events and events.input:
        texts.put_input_messages([*system, *events.input])
    elif sent_so := dialect.sent(attributes):
        texts.put_input_messages([*system, *sent_so])
    elif (key := _first(attributes, plan.input_values)) is not None:
        _put_raw_input(texts, attributes[key], key, system)
    told = dialect.answer(attributes) or (events.output if events else [])
    _put_model_output(texts, attributes, plan, told)
    _put_configuration(texts, attributes, plan, system)
    return None


def _with_system(system: list[Message], messages: list[Message]) -> list[Message]:
    """The messages after the system prompt, which some senders tell in both places."""
    first = messages[0]
    if system and first.get("role") == "system" and message_text(first) == message_text(system[0]):
        return messages
    return [*system, *messages]


def _put_indexed_input(texts: SpanTexts, attributes: Attributes, keys: tuple[MessageKeys, ...]) -> None:
    found = _read_indexed(texts, keys, attributes)
    if found:
        hashes = texts.put_input_messages([item.message for item in found])
        _share_indexed(texts, attributes, found, hashes)


def _read_indexed(texts: SpanTexts, keys: Iterable[MessageKeys], attributes: Attributes) -> list[ReadMessage]:
    read = texts.contents.messages
    return [found for item in keys if (found := read_message_at(item, attributes, read)) is not None]


def _share_indexed(
    texts: SpanTexts, attributes: Attributes, found: list[ReadMessage], hashes: list[bytes] | None
) -> None:
    if hashes is None:
        return
    for item, digest in zip(found, hashes, strict=True):
        for key, pointer in item.pointers:
            if len(attributes[key]) > INLINE_MAX:
                texts.shared[key] = reference(digest, pointer)


def _listed(value: Any) -> list[Message] | None:
    return read_messages(value, default_role="user") if meaningful(value) else None


def _parsed(value: Any) -> Any:
    """What a JSON text says, any other value itself; None for a text that is no JSON."""
    return parse_json(value) if isinstance(value, str) else value


def _put_listed_input(texts: SpanTexts, key: str, sent: Any, messages: list[Message], whole: list[Message]) -> None:
    hashes = texts.put_input_messages(whole)
    if hashes and type(sent) is list and sent == messages:  # as JSON, and nothing had to be read into another form
        texts.share_items(key, hashes[-len(messages) :])


def _put_raw_input(texts: SpanTexts, value: Any, key: str, system: list[Message]) -> None:
    messages = (
        read_messages(value, default_role="user") if not isinstance(value, str) or value[:1] in {"{", "["} else None
    )
    if messages:
        texts.put_input_messages([*system, *messages])
        return
    texts.put_value("input", value, key=key)
    if isinstance(value, str):
        texts.facts.user_message = preview(value)
        texts.facts.input_digest = texts.contents.digest((value,))


def _system(attributes: Attributes) -> list[Message]:
    for key in _SYSTEM_KEYS:
        value = attributes.get(key)
        if meaningful(value):
            parsed = parse_json(value) if isinstance(value, str) else value
            parts = parsed if isinstance(parsed, (list, tuple)) else [{"type": "text", "content": value}]
            return [{"role": "system", "parts": [part for part in parts if isinstance(part, dict)]}]
    return []


def _put_model_output(texts: SpanTexts, attributes: Attributes, plan: Plan, told: list[Message]) -> None:
    if plan.output and (found := _read_indexed(texts, plan.output, attributes)):
        if len(found) == 1 and (answer := found[0].text) is not None:
            texts.put_text("output", answer, key=found[0].pointers[0][0])
            return
        hashes = texts.put_output_messages([item.message for item in found])
        _share_indexed(texts, attributes, found, hashes)
        _finish_reason(texts, [item.message for item in found])
        return
    value = attributes.get(names.OUTPUT_MESSAGES)
    messages = read_messages(value, default_role="assistant") if meaningful(value) else told
    if told and not any(message.get("parts") for message in messages or ()):
        messages = told
    if messages:
        texts.put_output_messages(messages)
        _finish_reason(texts, messages)
    elif (key := _first(attributes, plan.output_values)) is not None:
        if answered := read_answer(attributes[key]):
            texts.put_output_messages(answered)
        else:
            texts.put_value("output", attributes[key], key=key)


def _finish_reason(texts: SpanTexts, messages: list[Message]) -> None:
    if texts.facts.finish_reason is None:
        said = messages[0].get("finish_reason")
        texts.facts.finish_reason = said if isinstance(said, str) and said else None


def _put_configuration(texts: SpanTexts, attributes: Attributes, plan: Plan, system: list[Message]) -> None:
    """What shapes the call, as a digest and as content of that name: prompts, tools, model, parameters.

    Today's date in a prompt makes no other configuration. Null where none of it is told.
    """
    prompts = [dump_message(message) for message in system] or _system_prompt(attributes, plan) or _first_prompt(texts)
    tools = [said for key in plan.tools if isinstance(said := attributes[key], str)]
    definitions = attributes.get(names.TOOL_DEFINITIONS)
    if definitions is not None:
        tools.append(definitions if isinstance(definitions, str) else dump_message(definitions))
    told = attributes.get("llm.invocation_parameters")
    parameters = [told] if isinstance(told, str) else [f"{key}={attributes[key]}" for key in plan.parameters]
    if prompts or tools or parameters:
        model = texts.facts.request_model or ""
        said = [without_moment(prompt, texts.facts.started_at) for prompt in prompts]
        digest = texts.contents.digest((model, *said, *tools, *parameters))
        texts.facts.configuration_digest = digest
        parts = {"model": model, "prompts": prompts, "tools": tools, "parameters": parameters}
        texts.contents.keep(texts.trace_id, digest, parts)


def put_rules(texts: SpanTexts, attributes: Attributes, keys: Sequence[str]) -> None:
    """The policy and the contract that an execution ran under are part of its configuration, as a model call's are."""
    said = {_RULES[key]: value for key in keys if isinstance(value := attributes[key], str) and value}
    if said:
        digest = texts.contents.digest(tuple(f"{rule}={value}" for rule, value in said.items()))
        texts.facts.configuration_digest = digest
        texts.contents.keep(texts.trace_id, digest, {"rules": said})


def _first_prompt(texts: SpanTexts) -> list[str]:
    """The system prompt where it is only the first of the messages."""
    first = texts.input_messages[0] if texts.input_messages else None
    return [dump_message(first)] if first and first.get("role") in {"system", "developer"} else []


def _system_prompt(attributes: Attributes, plan: Plan) -> list[str]:
    for keys in plan.input[:1]:
        role, said = said_by(keys.fields, "role", attributes), said_by(keys.fields, "content", attributes)
        if isinstance(role, str) and role in {"system", "developer"} and isinstance(said, str):
            return [said]
    return []


def fill_tool(texts: SpanTexts, span: ReceivedSpan, plan: Plan, dialect: Dialect) -> str | None:
    """Arguments and result without their wrapping. Returns the tool's own word that it failed."""
    attributes, facts = span.attributes, texts.facts
    told = read_tool_events(span.events) if span.events else ToolTexts()
    if (key := _first(attributes, plan.arguments) or _first_of(attributes, plan.arguments, _NO_ARGUMENTS)) is not None:
        value = dialect.unwrap_arguments(attributes[key])
        texts.put_value("arguments", value, key=key if value is attributes[key] else None)
        facts.arguments_digest = digest_of_json(value)
    elif told.arguments is not None:
        texts.put_value("arguments", told.arguments)
        facts.arguments_digest = digest_of_json(told.arguments)
    failed = _status_hint(attributes) if plan.tells_status else None
    if (key := _first(attributes, plan.results) or _first_of(attributes, plan.results, _EMPTY_RESULTS)) is not None:
        result = dialect.unwrap_result(attributes[key])
        said = text_of(result.value)
        texts.put_value("result", said, key=key if said is attributes[key] else None)
        facts.tool_call_id = facts.tool_call_id or result.call_id
        failed = result.failed if result.failed is not None else failed
        if failed is None and span.status == 0 and not span.events:
            failed = failure_in(said)
            facts.error_guessed = failed is not None
        _count_documents(facts, said)
    elif told.result is not None:
        texts.put_value("result", said := text_of(told.result))
        _count_documents(facts, said)
    return failed


def _count_documents(facts: SpanFacts, result: Any) -> None:
    """Of a tool that searches: its result is a list of documents."""
    if facts.tool is not None and _is_search(facts.tool) and (found := read_documents(result)) is not None:
        facts.document_count = len(found)


@lru_cache(4096)
def _is_search(tool: str) -> bool:
    return _SEARCHES.search(tool) is not None


def _status_hint(attributes: Attributes) -> str | None:
    for key in STATUS_KEYS:
        value = attributes.get(key)
        if isinstance(value, str) and value.lower() in {"error", "failure", "failed"}:
            return ""
    return "" if any(flag(attributes.get(key)) is False for key in SUCCESS_KEYS) else None


def fill_retrieval(texts: SpanTexts, span: ReceivedSpan, plan: Plan, dialect: Dialect) -> str | None:
    """Query and documents; 0 documents is "found nothing", null "does not say"."""
    attributes, facts = span.attributes, texts.facts
    if (key := _first(attributes, plan.query)) is not None:
        value = dialect.unwrap_query(attributes[key])
        texts.put_value("query", value, key=key if value is attributes[key] else None)
        facts.input_digest = digest_of_json(value)
    if plan.documents:
        _put_indexed_documents(texts, attributes, plan)
        return None
    for key in plan.document_lists:
        if (documents := read_documents(attributes[key])) is not None:
            facts.document_count = len(documents)
            texts.put_items("sources", [dump_message(document) for document in documents])
            return None
    return None


def _put_indexed_documents(texts: SpanTexts, attributes: Attributes, plan: Plan) -> None:
    documents = [dump_message(read_document_at(keys, attributes)) for keys in plan.documents]
    texts.facts.document_count = len(documents)
    hashes = texts.put_items("sources", documents)
    if hashes is None:
        return
    for keys, digest in zip(plan.documents, hashes, strict=True):
        if (key := keys.content) and isinstance(attributes[key], str) and len(attributes[key]) > INLINE_MAX:
            texts.shared[key] = reference(digest, "/content")


def fill_task(texts: SpanTexts, span: ReceivedSpan, plan: Plan, dialect: Dialect) -> str | None:
    """Input and output of an agent, workflow or other step: the user's words and the answer where they can be told."""
    _put_task_input(texts, span, plan, dialect)
    _put_task_output(texts, span.attributes, plan, dialect)
    if span.events and texts.facts.type in _TASKS:
        _put_task_events(texts, span)
    return None


def _put_task_events(texts: SpanTexts, span: ReceivedSpan) -> None:
    told = read_task_events(span.events)
    if texts.facts.input is None and told.input:
        _put_task_messages(texts, [message for message in told.input if message.get("role") != "system"])
    if texts.facts.output is None and told.output:
        _put_answer(texts, told.output)


def _put_task_input(texts: SpanTexts, span: ReceivedSpan, plan: Plan, dialect: Dialect) -> None:
    attributes, facts = span.attributes, texts.facts
    messages = _listed(attributes.get(names.INPUT_MESSAGES))
    key = _first(attributes, plan.input_values)
    if messages is None and key is not None:
        task = dialect.unwrap_task(attributes[key])
        messages = task.messages
        if messages is None and not is_object(task.value):
            texts.put_value("input", task.value, key=key if task.value is attributes[key] else None)
    if messages is None and plan.input:
        messages = [found.message for found in _read_indexed(texts, plan.input, attributes)] or None
        if facts.input is not None and messages:
            facts.user_message = preview(asked_text(messages) or "") or None
            return
    if messages:
        _put_task_messages(texts, messages)


def _put_task_messages(texts: SpanTexts, messages: list[Message]) -> None:
    said = asked_text(messages)
    if len(messages) == 1 and said:
        texts.put_text("input", said)
        texts.facts.user_message = preview(said)
    else:
        texts.put_input_messages(messages)


def _put_task_output(texts: SpanTexts, attributes: Attributes, plan: Plan, dialect: Dialect) -> None:
    value = attributes.get(names.OUTPUT_MESSAGES)
    messages = read_messages(value, default_role="assistant") if meaningful(value) else None
    key = _first(attributes, plan.output_values)
    if messages is None and key is not None:
        task = dialect.unwrap_task(attributes[key])
        messages = task.messages
        if messages is None and not is_object(task.value):
            texts.put_value("output", task.value, key=key if task.value is attributes[key] else None)
    if messages:
        _put_answer(texts, messages)


def _put_answer(texts: SpanTexts, messages: list[Message]) -> None:
    """What the assistant said last, if it had the last word; else the last message, but no answer for a whole run."""
    last = messages[-1]
    if last.get("role") == "assistant" and (said := message_text(last)):
        texts.put_text("output", said)
    elif texts.facts.type == "other" and last.get("role") != "user":
        texts.put_items("output", [dump_message(last)])


def fill_nothing(_texts: SpanTexts, _span: ReceivedSpan, _plan: Plan, _dialect: Dialect) -> str | None:
    """A span that is no step keeps its raw attributes only."""
    return None


def _first(attributes: Attributes, keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if meaningful(attributes[key]):
            return key
    return None


def _first_of(attributes: Attributes, keys: tuple[str, ...], said: tuple[str, ...]) -> str | None:
    """The first key that says "nothing" in JSON: of a tool, that is a result, or a call without arguments."""
    return next((key for key in keys if attributes[key] in said), None)


Fill = Callable[[SpanTexts, ReceivedSpan, Plan, Dialect], str | None]
FILLS: Final[dict[str, Fill]] = {
    "llm_call": fill_model_call,
    "tool_call": fill_tool,
    "handoff": fill_tool,
    "approval": fill_tool,
    "retrieval": fill_retrieval,
    "rerank": fill_retrieval,
    "none": fill_nothing,
}
"""By step type; every other type is a task."""
