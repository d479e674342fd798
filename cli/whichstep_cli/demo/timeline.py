"""One execution of the sample history, step by step, on a clock of its own.

A `Timeline` appends steps and moves its clock; it decides nothing about what goes wrong. Everything random comes from
the generator it was given, so equal seeds give equal executions. Times are nanoseconds since the epoch.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field
from typing import Any, Final

from whichstep import attributes as names

SECOND: Final = 1_000_000_000
ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """What a step raised."""

    type: str
    message: str


@dataclass(slots=True)
class PlannedStep:
    """A span to be: `parent` is the position of another step in the execution, none for the root."""

    name: str
    kind: str
    """Its step type."""
    parent: int | None
    started_at: int
    ended_at: int
    attributes: dict[str, Any]
    failure: Failure | None = None


@dataclass(slots=True)
class Timeline:
    """The steps of one execution so far; `clock` is when the next one starts."""

    rng: random.Random
    clock: int
    model: str
    provider: str
    instructions: str
    pace: float = 1.0
    """Factor on every latency."""
    verbosity: float = 1.0
    """Factor on the tokens of every prompt."""
    steps: list[PlannedStep] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def open(self, agent: str, question: str, attributes: dict[str, Any]) -> None:
        """Start the execution: the root step and the user's message."""
        found = {names.AGENT_NAME: agent, names.INPUT: question, **attributes}
        self.steps.append(PlannedStep(agent, "agent", None, self.clock, self.clock, _typed("agent", found)))
        self.messages.append(_text("user", question))
        self.clock += SECOND // 100

    def close(self, output: str | None, failure: Failure | None, attributes: dict[str, Any]) -> None:
        """End the execution now."""
        root = self.steps[ROOT]
        root.ended_at, root.failure = self.clock + SECOND // 200, failure
        root.attributes |= attributes if output is None else {names.OUTPUT: output, **attributes}

    def ask(self, tool: str, arguments: dict[str, Any]) -> str:
        """The model asks for a tool; returns the id of the call."""
        call_id = f"call_{len(self.steps)}"
        part = {"type": "tool_call", "id": call_id, "name": tool, "arguments": arguments}
        self._chat({"role": "assistant", "parts": [part]}, "tool_calls")
        return call_id

    def say(self, answer: str) -> None:
        """The model answers in words."""
        self._chat(_text("assistant", answer), "stop")

    def chat_fails(self, failure: Failure, seconds: float) -> None:
        """The model call raises."""
        self._add(f"chat {self.model}", "llm_call", seconds, self._request(), failure)

    def tool(self, tool: str, call_id: str, arguments: dict[str, Any], outcome: object, seconds: float) -> None:
        """A tool runs; a `Failure` as its outcome is what it raises."""
        failure = outcome if isinstance(outcome, Failure) else None
        result = f"{failure.type}: {failure.message}" if failure else json.dumps(outcome)
        found = {names.TOOL_NAME: tool, names.TOOL_CALL_ID: call_id, names.TOOL_ARGUMENTS: json.dumps(arguments)}
        self._add(tool, "tool_call", seconds, found if failure else {**found, names.TOOL_RESULT: result}, failure)
        answer = {"type": "tool_call_response", "id": call_id, "response": result}
        self.messages.append({"role": "tool", "parts": [answer]})

    def retrieve(self, query: str, documents: list[dict[str, Any]], seconds: float) -> None:
        """The knowledge base is searched."""
        found = {names.RETRIEVAL_QUERY: query, names.RETRIEVAL_DOCUMENTS: json.dumps(documents)}
        self._add("search_knowledge", "retrieval", seconds, found)

    def wait_for_person(
        self, kind: str, name: str, seconds: float, attributes: dict[str, Any], failure: Failure | None = None
    ) -> None:
        """An approval or a hand-over: minutes, not seconds, whatever the pace. A refusal is a failure."""
        self._add(name, kind, seconds / self.pace, attributes, failure)

    def seconds(self, median: float, spread: float = 0.5) -> float:
        """A latency with a long tail."""
        return self.rng.lognormvariate(math.log(median), spread)

    def _chat(self, answer: dict[str, Any], finish_reason: str) -> None:
        request = self._request()
        produced = self.rng.randint(20, 60) + len(json.dumps(answer)) // 4
        found = {
            **request,
            names.RESPONSE_MODEL: self.model,
            names.FINISH_REASONS: [finish_reason],
            names.INPUT_TOKENS: int(self.verbosity * (650 + len(request[names.INPUT_MESSAGES]) // 4)),
            names.OUTPUT_TOKENS: produced,
            names.OUTPUT_MESSAGES: json.dumps([{**answer, "finish_reason": finish_reason}]),
        }
        self._add(f"chat {self.model}", "llm_call", self.seconds(0.4) + produced / 90, found)
        self.messages.append(answer)

    def _request(self) -> dict[str, Any]:
        return {
            names.PROVIDER: self.provider,
            names.REQUEST_MODEL: self.model,
            names.SYSTEM_INSTRUCTIONS: json.dumps([{"type": "text", "content": self.instructions}]),
            names.INPUT_MESSAGES: json.dumps(self.messages),
        }

    def _add(
        self,
        name: str,
        kind: str,
        seconds: float,
        attributes: dict[str, Any],
        failure: Failure | None = None,
    ) -> None:
        end = self.clock + int(seconds * self.pace * SECOND)
        self.steps.append(PlannedStep(name, kind, ROOT, self.clock, end, _typed(kind, attributes), failure))
        self.clock = end + SECOND // 500


def _typed(kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
    operation = names.OPERATIONS.get(kind)
    known = {names.STEP_TYPE: kind, **({names.OPERATION: operation} if operation else {})}
    return {**known, **attributes}


def _text(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}
