"""How LangChain serialises what it runs, under any instrumentation: tool messages, states, tool inputs."""

from __future__ import annotations

import ast
import re
from typing import Any, Final

from whichstep_collector.dialects.base import Task, ToolResult
from whichstep_collector.normalising.messages import Message, read_message
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.told import Call
from whichstep_collector.received import ReceivedSpan

_LITERAL_LENGTH_MAX: Final = 64 * 1024
_RESULT_NAME: Final = re.compile(r'"(?:tool_call_id|output)"')
_TASK_NAME: Final = re.compile(r'"(?:messages|inputs|outputs|resume)"')
_COMMAND: Final = frozenset({"update", "resume", "goto"})
_SHOWN: Final = re.compile(
    r"content=(?P<content>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\") .*\btool_call_id='(?P<call_id>[^']*)'(?P<rest>.*)",
    re.DOTALL,
)
_INTERRUPT: Final = re.compile(
    r"(?:GraphInterrupt\()?(\(Interrupt\(value=\{'action_requests'.*?\),?\))\)?\s*(?:Traceback|$)", re.DOTALL
)
"""`(Interrupt(value={…}, id='…'),)`, as its message or in the text of the error."""
PLUMBING: Final = frozenset({"tools_condition", "__start__", "_write", "ChannelWrite", "Branch"})
"""Names of spans that decide an edge or write a channel: no steps."""
_KEPT_RESULT: Final = re.compile(r".+:[0-9a-f]{32}")
"""`send_email:5277…`: the task in which our adapter keeps what a held call returned is a part of the call."""


def is_plumbing(name: str) -> bool:
    """Whether a span of this name is the graph's own machinery."""
    return name in PLUMBING or name.startswith(("ChannelWrite<", "Branch<")) or bool(_KEPT_RESULT.fullmatch(name))


def read(value: Any) -> Any:
    """The JSON that a text holds, else the value itself."""
    parsed = parse_json(value) if isinstance(value, str) else None
    return value if parsed is None else parsed


def unwrap_result(value: Any) -> ToolResult:
    """The content of a serialised ToolMessage, its call id, and its word on whether the tool failed."""
    if isinstance(value, str) and _RESULT_NAME.search(value) is None:
        shown = _SHOWN.fullmatch(value) if value.startswith("content=") else None
        return ToolResult(value) if shown is None else _shown(shown)  # most results: not worth reading
    found = read(value)
    message = _tool_message(found)
    if message is None:
        return ToolResult(found["output"] if isinstance(found, dict) and set(found) == {"output", "kwargs"} else value)
    call_id = message.get("tool_call_id")
    content = message.get("content")
    failed = (content if isinstance(content, str) else "") if message.get("status") == "error" else None
    return ToolResult(content, call_id if isinstance(call_id, str) else None, failed)


def _shown(message: re.Match[str]) -> ToolResult:
    """A ToolMessage as Python prints it."""
    content = read_python(message["content"])
    return ToolResult(content, message["call_id"], content if "status='error'" in message["rest"] else None)


def _tool_message(found: Any) -> dict[str, Any] | None:
    if not isinstance(found, dict):
        return None
    if isinstance(output := found.get("output"), dict):
        return _tool_message(output)
    if isinstance(update := found.get("update"), dict) and "goto" in found:  # a Command that hands over
        messages = update.get("messages")
        return _tool_message(messages[-1]) if isinstance(messages, list) and messages else None
    named = found.get("id")
    in_javascript = isinstance(named, list) and named[-1:] == ["ToolMessage"]  # which has no type among its arguments
    for holder in (found.get("kwargs"), found.get("data")):
        if isinstance(holder, dict) and (in_javascript or holder.get("type") == "tool"):
            return holder
    return found if found.get("type") == "tool" and "tool_call_id" in found else None


def unwrap_arguments(value: Any) -> Any:
    """The arguments out of {"input_str": "a Python literal", "inputs": {…}, …}; else the value itself."""
    found = read(value)
    if not isinstance(found, dict) or "input_str" not in found:
        return value
    inputs, said = found.get("inputs"), found["input_str"]
    if isinstance(inputs, dict) and inputs:
        return inputs
    return python_literal(said)


def call_id_of_arguments(value: Any) -> str | None:
    """The tool call id that the wrapping of arguments holds."""
    found = read(value)
    kwargs = found.get("kwargs") if isinstance(found, dict) and "input_str" in found else None
    call_id = kwargs.get("tool_call_id") if isinstance(kwargs, dict) else None
    return call_id if isinstance(call_id, str) else None


def python_literal(said: Any) -> Any:
    """The value of a dict or list written as Python; else the text itself. Bounded; evaluates nothing."""
    if not isinstance(said, str) or said[:1] not in {"{", "["} or len(said) > _LITERAL_LENGTH_MAX:
        return said
    try:
        found = ast.literal_eval(said)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return said
    return found if isinstance(found, (dict, list)) else said


def held(span: ReceivedSpan) -> list[Call]:
    """The calls that its middleware stopped for a person: the interrupt that it raises lists them."""
    exception = next((event for event in span.events if event.name == "exception"), None)
    found = _INTERRUPT.match(str(exception.attributes.get("exception.message"))) if exception else None
    interrupts = read_python(found[1]) if found else None
    values = [item.get("value") for item in interrupts if isinstance(item, dict)] if interrupts else []
    requests = [value.get("action_requests") for value in values if isinstance(value, dict)]
    return [
        Call(str(request["name"]), None, request.get("args"))
        for listed in requests
        for request in (listed if isinstance(listed, list) else ())
        if isinstance(request, dict) and request.get("name")
    ]


def unwrap_task(value: Any) -> Task:
    """The messages of a graph's state, out of "inputs" or "outputs" where wrapped; else the value."""
    if isinstance(value, str) and _TASK_NAME.search(value) is None:
        return Task(value)
    found = read(value)
    if (command := of_command(found)) is not None:
        return command
    if not isinstance(found, dict):
        return Task(value)
    inner = next(
        (found[name] for name in ("inputs", "outputs") if name in found and ("kwargs" in found or "tags" in found)),
        found,
    )
    if (command := of_command(inner)) is not None:
        return command
    messages = inner.get("messages") if isinstance(inner, dict) else None
    if isinstance(messages, list) and (read_ones := _messages(messages)):
        return Task(inner, read_ones)
    return Task(value if inner is found else inner)


def of_command(found: Any) -> Task | None:
    """The messages that commands of LangGraph's add to a state, or with what one goes on; None for anything else."""
    commands = found if isinstance(found, list) else [found]
    if not commands or not all(isinstance(command, dict) and command.keys() >= _COMMAND for command in commands):
        return None
    updates = [update for command in commands if isinstance(update := command["update"], dict)]
    lists = [messages for update in updates if isinstance(messages := update.get("messages"), list)]
    if lists and (read_ones := _messages([message for messages in lists for message in messages])):
        return Task(found, read_ones)
    return Task(commands[-1]["resume"]) if commands[-1]["resume"] is not None else None


def _messages(items: list[Any]) -> list[Message] | None:
    found = [read_message(item, default_role="user") for item in items]
    return [message for message in found if message] if found and all(found) else None
