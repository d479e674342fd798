"""Which actions an agent may take alone, which are marked, which wait for a person, which never run.

One module for both ends: the agent's process and the sidecar judge the same policy by the same code. Standard library
only. A policy never changes; `check` is pure, may be called from any thread, and never raises.

    policy = Policy.load("policy.toml")
    policy.check("issue_refund", {"amount": 250}).risk_level
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

from whichstep.errors import ConfigurationError, Problem
from whichstep.policy.decision import Decision, stricter
from whichstep.policy.lines import lines_of
from whichstep.policy.reading import Read, Reader
from whichstep.policy.rules import ANY, Rule

__all__ = ["Decision", "Policy", "Rule", "stricter"]

DEFAULT: Final = "approve"
UNLISTED: Final = "no rule names the action"
NAMES_KEPT_MAX: Final = 4096
"""Names of actions whose rules are remembered: agents have tens; beyond it they are looked up again."""
_AT_LINE: Final = re.compile(r"at line (\d+)")
logger = logging.getLogger("whichstep")
Candidates = tuple[tuple[Rule, Decision], ...]
"""The rules that name one action, in order, the default last, each with what it says."""


class Policy:
    """A set of rules, in the order in which they are tried; the first that applies decides."""

    def __init__(self, read: Read, *, source: str = "the policy") -> None:
        """Use `load` or `from_dict`."""
        self.rules, self.default, self.source = read.rules, read.default, source
        self._approval = read.approval
        self.digest = hashlib.blake2b(_canonical(self.form()).encode(), digest_size=16).hexdigest()
        """32 hex digits over what the policy says, whatever the layout and comments of its file."""
        level = read.default or DEFAULT
        approval = read.approval if level == "approve" else {}
        self._unlisted = Rule(actions=(ANY,), risk_level=level, id="default", reason=UNLISTED, **approval)
        self._exact: dict[str, list[int]] = {}
        self._patterns = []
        for at, rule in enumerate(self.rules):
            for glob in rule.actions:
                if glob.is_exact:
                    self._exact.setdefault(glob.text, []).append(at)
                else:
                    self._patterns.append((at, glob))
        self._known: dict[str, Decision | Candidates] = {}
        self._said_default = read.default is not None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a `policy.toml`, or the same form as JSON in a file whose name ends so.

        Raises:
            ConfigurationError: the file cannot be read, or something in it is wrong; with file, line, rule, remedy.
        """
        file = os.fspath(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
            if file.endswith(".json"):
                return cls(Reader(file).read(json.loads(text)), source=file)
            form = tomllib.loads(text)
        except OSError as error:
            problem = Problem(file, f"cannot be read: {error.strerror}", "name a file that exists and may be read")
        except UnicodeDecodeError:
            problem = Problem(file, "is no UTF-8 text", "save it as UTF-8")
        except tomllib.TOMLDecodeError as error:
            at, what = _AT_LINE.search(str(error)), str(error).partition(" (at ")[0]
            line = int(at[1]) if at else max(len(text.splitlines()), 1)
            problem = Problem(file, f"is no TOML: {what}", "mend that line", line)
        except ValueError as error:
            problem = Problem(file, f"is no JSON: {error}", "mend it, or name a TOML file")
        else:
            return cls(Reader(file, lines_of(text)).read(form), source=file)
        raise ConfigurationError(problems=[problem])

    @classmethod
    def from_dict(cls, form: Mapping[str, Any], *, default: str | None = None) -> Self:
        """Read the flat map of action to risk level, or the full form that the file has.

        Args:
            form: `{"search_web": "auto", "delete_*": "block"}` (the key `default` is for all other actions), or the
                keys default, approval, actions and rule of the file.
            default: The risk level of actions that no rule names; approve where nothing says else.

        Raises:
            ConfigurationError: something in it is wrong.
        """
        whole = dict(form)
        if all(isinstance(value, str) for value in form.values()):
            whole = {"actions": whole, **({"default": whole.pop("default")} if "default" in whole else {})}
        if default is not None:
            whole["default"] = default
        return cls(Reader("the policy").read(whole))

    def check(
        self,
        action: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        environment: str | None = None,
        agent: str | None = None,
    ) -> Decision:
        """Say what holds for an action; nothing runs.

        Where a rule cannot be judged (an argument that a condition needs is missing or of another type, the
        environment or agent that it names is not known), the stricter of "it applies" and "it does not" holds.
        """
        known = self._known.get(action)
        if known is None:
            known = self._look_up(action)
        return known if isinstance(known, Decision) else _judge(known, arguments, environment, agent)

    def depends_on_call(self, action: str) -> bool:
        """Whether the decision on an action may differ from call to call, by arguments, environment or agent."""
        known = self._known.get(action) or self._look_up(action)
        return not isinstance(known, Decision)

    def guard(self, tools: Iterable[Any], **options: Any) -> list[Any]:
        """The tools (functions, or objects of a framework), each held by this policy; what is given stays as it is.

        Args:
            tools: A list of tools as LangGraph, LangChain, OpenAI Agents, Pydantic AI, AutoGen or CrewAI take it.
            options: summary, evidence, expires_in and on_approval, as of `whichstep.action`.

        Raises:
            ConfigurationError: one of them cannot be held.
        """
        # By name: the sidecar, which judges by this module, has no tools to guard and nothing of OpenTelemetry's SDK.
        guard = import_module("whichstep.approval.guard").guard
        held: list[Any] = guard(self, tools, import_module("whichstep.approval.action").options_of(**options))
        return held

    def form(self) -> dict[str, Any]:
        """The policy as JSON; `from_dict` reads the same policy, with the same digest, from it."""
        form: dict[str, Any] = {"default": self.default} if self.default is not None else {}
        approval = {key.removesuffix("_seconds"): _listed(value) for key, value in self._approval.items()}
        return {**form, **({"approval": approval} if approval else {}), "rule": [rule.form() for rule in self.rules]}

    def __repr__(self) -> str:
        return f"Policy({self.source!r}, {len(self.rules)} rules, digest {self.digest[:12]})"

    def _look_up(self, action: str) -> Decision | Candidates:
        """The rules that name an action, with what they say; or the decision where it depends on nothing else."""
        numbers = {*self._exact.get(action, ()), *(at for at, glob in self._patterns if glob.matches(action))}
        rules = [*(self.rules[at] for at in sorted(numbers)), self._unlisted]
        said = tuple((rule, rule.decision(action, self.digest)) for rule in rules)
        found = said[0][1] if rules[0].is_unconditional else said
        if rules[0] is self._unlisted:
            self._say_default(action)
        if len(self._known) >= NAMES_KEPT_MAX:
            self._known.clear()
        self._known[action] = found
        return found

    def _say_default(self, action: str) -> None:
        if not self._said_default:
            self._said_default = True
            logger.warning(
                "whichstep: no rule of %s names %r, so a person has to approve it, as every action that no rule names; "
                'set default = "auto", "log", "approve" or "block" to decide otherwise',
                self.source,
                action,
            )


def _judge(
    rules: Candidates, arguments: Mapping[str, Any] | None, environment: str | None, agent: str | None
) -> Decision:
    doubts: list[tuple[Decision, str]] = []
    for rule, decision in rules:
        applies = rule.applies(arguments, environment, agent)
        if applies is True:
            return _settled(decision, doubts) if doubts else decision
        if applies is not False:
            doubts.append((decision, applies))
    raise AssertionError("the default applies to every action")


def _settled(decision: Decision, doubts: list[tuple[Decision, str]]) -> Decision:
    """The strictest of what holds and of what may hold."""
    for doubtful, why in doubts:
        held = stricter(doubtful, decision)
        reason = f"{why}, so rule {doubtful.rule} may apply, and the stricter outcome is taken ({held.rule})"
        decision = dataclasses.replace(held, reason=reason, is_certain=False)
    return decision


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _canonical(form: Mapping[str, Any]) -> str:
    return json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
