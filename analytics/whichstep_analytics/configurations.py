"""What changed between what two sides ran: prompts line by line, tools by name, models, parameters, rules. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CONTEXT_LINES: Final = 3
LIKENESS_MIN: Final = 0.3
"""Share of equal words from which two prompts are one that changed."""
_ELSEWHERE: Final = frozenset({"model", "tools", "functions"})
NOBODY: Final = ""
"""Agent of calls that name none."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one side ran; each part by its name, with its text."""

    prompts: Mapping[str, Sequence[str]]
    """Those of each agent, each once."""
    tools: Mapping[str, str]
    """Definitions by the tool's name, as JSON with sorted keys."""
    models: Mapping[str, str]
    """By agent."""
    parameters: Mapping[str, str]
    """By agent and name."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Digests of policies and contracts."""


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs."""

    part: str
    """prompt, tool, model, parameter, policy or contract."""
    name: str
    kind: str
    """added, removed or changed."""
    before: str | None
    after: str | None
    diff: str
    """A unified diff of the texts; empty where one side has none."""


def read(rows: Iterable[tuple[str | None, str]], rules: Iterable[tuple[str, str]] = ()) -> Ran:
    """What was run, from pairs of agent and kept configuration (JSON), and pairs of rule and digest.

    A configuration is a model call's, or the `rules` of an execution.
    """
    prompts: dict[str, list[str]] = {}
    models: dict[str, set[str]] = {}
    parameters: dict[str, set[str]] = {}
    tools: dict[str, str] = {}
    held = list(rules)
    for agent, text in sorted(rows, key=lambda row: (row[0] or NOBODY, row[1])):
        document = json.loads(text)
        if "rules" in document:
            held += document["rules"].items()
            continue
        name = agent or NOBODY
        prompts.setdefault(name, []).extend(map(_prompt, document["prompts"]))
        models.setdefault(name, set()).add(document["model"])
        for key, value in _parameters(document["parameters"]):
            parameters.setdefault(_named(name, key), set()).add(value)
        tools |= dict(_tools(document["tools"]))
    return Ran(
        prompts={name: tuple(dict.fromkeys(texts)) for name, texts in prompts.items()},
        tools=tools,
        models={name: ", ".join(sorted(found - {""})) for name, found in models.items() if found - {""}},
        parameters={key: ", ".join(sorted(found)) for key, found in parameters.items()},
        rules={f"{rule} {digest[:12]}": digest for rule, digest in sorted(held)},
    )


def changes(before: Ran, after: Ran) -> list[Change]:
    """What differs, part by part."""
    prompts = (
        change
        for name in sorted(before.prompts.keys() | after.prompts.keys())
        for change in _changed_prompts(name, before.prompts.get(name, ()), after.prompts.get(name, ()))
    )
    parts = (
        ("tool", before.tools, after.tools),
        ("model", before.models, after.models),
        ("parameter", before.parameters, after.parameters),
        ("rule", before.rules, after.rules),
    )
    return [*prompts, *(change for part, old, new in parts for change in _changed(part, old, new))]


def _changed_prompts(name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    """What is on one side only, each beside the most similar one of the other side, where one is like it at all."""
    gone, come = [text for text in old if text not in new], [text for text in new if text not in old]
    pairs = sorted(((_likeness(one, other), one, other) for one in gone for other in come), reverse=True)
    for likeness, one, other in pairs:
        if likeness >= LIKENESS_MIN and one in gone and other in come:
            gone.remove(one)
            come.remove(other)
            yield _change("prompt", name, one, other)
    yield from (_change("prompt", name, text, None) for text in gone)
    yield from (_change("prompt", name, None, text) for text in come)


def _likeness(one: str, other: str) -> float:
    """Share of equal words, 0 to 1."""
    return difflib.SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()


def _changed(part: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield _change(part, name, before, after)


def _change(part: str, name: str, before: str | None, after: str | None) -> Change:
    kind = "added" if before is None else "removed" if after is None else "changed"
    return Change(part, name, kind, before, after, _diff(before or "", after or ""))


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "before", "after", n=CONTEXT_LINES, lineterm=""
    )
    return "\n".join(lines)


def _prompt(told: str) -> str:
    """The words of a system prompt: of a message its text parts."""
    message = _parsed(told)
    if not isinstance(message, dict):
        return told
    parts = message.get("parts")
    texts = [part.get("content") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    words = [text for text in texts if isinstance(text, str)]
    return "\n".join(words) if words else told


def _parameters(told: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`name=value` each, or a JSON object of them; without those that are parts of their own."""
    for text in told:
        document = _parsed(text)
        if isinstance(document, dict):
            found = [(str(name), _text(value)) for name, value in document.items()]
        else:
            key, _, value = text.partition("=")
            found = [(key.rpartition(".")[2], value)]
        yield from (pair for pair in found if pair[0] not in _ELSEWHERE)


def _tools(told: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Definitions by name; what has none is told by its text."""
    for text in told:
        document = _parsed(text)
        for definition in document if isinstance(document, list) else [document if document is not None else text]:
            inner = definition.get("function", definition) if isinstance(definition, dict) else None
            name = inner.get("name") if isinstance(inner, dict) else None
            whole = _text(definition)
            yield (str(name) if name else whole[:60]), whole


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _named(agent: str, name: str) -> str:
    return f"{agent}: {name}" if agent else name
