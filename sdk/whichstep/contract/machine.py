"""The order that a contract allows, as an automaton whose state is the declared step that began last.

Steps are taken in order of their start; of parallel branches too. Where a recorded step belongs:

* it matches a declared step: it is that step, wherever it stands;
* it is inside a declared step: its content; of it only the tools are held to that step's `tools`;
* a tool call outside of all: held to the `tools` of the step that began last;
* it only frames others (workflow, agent, guardrail, evaluation, embedding, rerank, approval): seen by rules alone;
* anything else that acts is not listed, and forbidden up to level 3 where steps are declared.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from whichstep.contract.model import END, LEVELS, Contract, ContractStep
from whichstep.contract.patterns import matches
from whichstep.contract.rules import Part, parts_of

FRAMES: Final = frozenset({"workflow", "agent", "guardrail", "evaluation", "embedding", "rerank", "approval"})
TOOLS: Final = frozenset({"tool_call", "handoff"})
_STATEMENTS: Final = frozenset({"approval", "evaluation"})
"""Steps that are about another one and may have its name; rules know them as `approval:NAME`."""
DECLARED, TOOL, ACT, FRAME, IGNORED = "declared", "tool", "act", "frame", "ignored"


class Kind(NamedTuple):
    """What a recorded step is to the contract: one of the words above, and the name that rules know it by."""

    kind: str
    label: str


class Machine:
    """A contract made ready to be asked. Holds no execution's state: one serves all threads."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.names: tuple[str, ...] = tuple(step.name for step in contract.steps)
        self._steps = {step.name: step for step in contract.steps}
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._tools: dict[tuple[str | None, str], bool] = {}
        self._parts: dict[tuple[str, str], tuple[Part, ...]] = {}
        self.closed = bool(contract.steps) and contract.level < max(LEVELS)
        """Whether what is not listed is forbidden."""

    def step(self, name: str) -> ContractStep:
        """The declared step of that name."""
        return self._steps[name]

    def kind(self, step_type: str, name: str) -> Kind:
        """What a recorded step of this type and name is."""
        key = (step_type, name)
        found = self._kinds.get(key)
        if found is None:
            found = self._kind(step_type, name)
            if len(self._kinds) < _KINDS_MAX:
                self._kinds[key] = found
        return found

    def _kind(self, step_type: str, name: str) -> Kind:
        for step in self.contract.steps:
            of_type = step.type == step_type or (step.type is None and step_type not in _STATEMENTS)
            if of_type and any(matches(name, pattern) for pattern in step.match):
                return Kind(DECLARED, step.name)
        if any(matches(name, pattern) for pattern in self.contract.ignore):
            return Kind(IGNORED, name)
        if step_type in _STATEMENTS:
            return Kind(FRAME, f"{step_type}:{name}")
        if step_type in FRAMES:
            return Kind(FRAME, name)
        return Kind(TOOL if step_type in TOOLS else ACT, name)

    def parts(self, label: str, step_type: str) -> tuple[Part, ...]:
        """The rules that a step concerns, and as which part of each."""
        key = (label, step_type)
        found = self._parts.get(key)
        if found is None:
            found = parts_of(self.contract.rules, label, step_type)
            if len(self._parts) < _KINDS_MAX:
                self._parts[key] = found
        return found

    def is_frame(self, step_type: str, name: str) -> bool:
        """Whether a recorded step only frames others, or is looked through: it uses no budget."""
        return self.kind(step_type, name).kind in (FRAME, IGNORED)

    def follows(self, state: str | None, step: str) -> bool:
        """Whether a declared step may begin after another; a state of None is the start."""
        if state is None:
            return self.contract.start is None or step in self.contract.start
        followers = self._steps[state].next
        return followers is None or step in followers

    def may_end(self, state: str | None) -> bool:
        """Whether the workflow may end in this state."""
        if state is None:
            return self.contract.start is None
        followers = self._steps[state].next
        return followers is None or END in followers

    def allows_tool(self, state: str | None, tool: str) -> bool:
        """Whether the tool may be called inside, or after, this declared step."""
        key = (state, tool)
        found = self._tools.get(key)
        if found is None:
            own = self._steps[state].tools if state is not None else ()
            anywhere = self.contract.tools
            free = anywhere is None and not self.closed
            found = free or any(matches(tool, pattern) for pattern in (*own, *(anywhere or ())))
            if len(self._tools) < _KINDS_MAX:
                self._tools[key] = found
        return found

    def next_steps(self, state: str | None) -> list[str]:
        """What may come next, for messages: declared steps, tools in brackets, end."""
        steps = [name for name in self.names if self.follows(state, name)]
        own = self._steps[state].tools if state is not None else ()
        tools = [f"[{tool}]" for tool in (*own, *(self.contract.tools or ()))]
        return [*steps, *tools, *([END] if self.may_end(state) else [])]

    def distance(self, state: str | None) -> int | None:
        """How many declared steps lie between this state and the nearest end; None where there is no way."""
        waiting, seen = deque([(state, 0)]), {state}
        while waiting:
            at, steps = waiting.popleft()
            if self.may_end(at):
                return steps
            for name in self.names:
                if name not in seen and self.follows(at, name):
                    seen.add(name)
                    waiting.append((name, steps + 1))
        return None


_KINDS_MAX: Final = 4096
"""Names that are remembered; an agent that makes up names of tools must not fill the memory."""
