"""Play held actions in every framework and write what held: `python -m frameworks.approvals [--only MODULE,…]`.

Each framework has an environment of its own (`frameworks.environments`). The page keeps the lines of those that were not
played.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from frameworks import environments
from frameworks.approvals import stage
from frameworks.approvals.scenarios import SCENARIOS
from frameworks.framework import Framework

MODULES = ("langgraph", "langchain", "openai_agents", "pydantic_ai", "autogen", "crewai", "mcp")
PAGE = environments.ROOT / "docs" / "approvals_frameworks.md"
HEAD = f"""# Held actions in frameworks

Played by `make adapters` with the real packages, a scripted model on loopback and a running `whichstep up`, each framework in
an environment of its own: a model asks for an action that is blocked, then for one that a person decides on. Where the
framework stops by a mechanism of its own, its process is killed (`kill -9`) while the request is pending, and another process
goes on from what it kept; where the call waits, the sidecar is killed meanwhile and started again. A decision holds when the
action ran with exactly the decided arguments, once, or not at all; when the model was told why not; and when the execution
shows, as one, that it waited, the decision, and what ran, each as one step. The last column: all of it again with
`whichstep.instrument()` recording the framework, too.

| framework | version | how it waits | {" | ".join(SCENARIOS)} | instrumented |
|---|---|---|{"---|" * (len(SCENARIOS) + 1)}
"""


def main() -> int:
    """Returns 1 when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="modules in agents/, separated by commas")
    only = parser.parse_args().only
    problems = []
    for name in only.split(",") if only else MODULES:
        problems += _play(name)
    sys.stdout.write("\n".join(problems or ["every decision held"]) + "\n")
    return 1 if problems else 0


def _play(name: str) -> list[str]:
    agent = stage.module(name)
    requirements = (*agent.REQUIREMENTS, *agent.INSTRUMENTATION)
    program = environments.program_of(f"approvals_{name}", Framework(agent.NAME, requirements, ()))[0]
    plain, instrumented = (_wrong(name, program, instrumented=instrumented) for instrumented in (False, True))
    held = [_word(plain[each]) for each in SCENARIOS]
    also = _word([problem for problems in instrumented.values() for problem in problems])
    _write(agent, " | ".join([agent.NAME, _version(program, agent.PACKAGE), agent.MECHANISM, *held, also]))
    return [
        f"{name}{how}, {each}: {problem}"
        for how, wrong in (("", plain), (" instrumented", instrumented))
        for each, problems in wrong.items()
        for problem in problems
    ]


def _wrong(name: str, program: str, *, instrumented: bool) -> dict[str, list[str]]:
    """What does not hold, by scenario."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = stage.outcomes(name, program, Path(folder), instrumented=instrumented)
    return {each: stage.wrong(SCENARIOS[each], outcome) for each, outcome in outcomes.items()}


def _word(problems: list[str]) -> str:
    return "does not hold" if problems else "holds"


def _version(program: str, package: str) -> str:
    asked = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([program, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


def _write(agent: Any, line: str) -> None:
    """Put the line of a framework into the page; the others stay."""
    before = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    lines = {old.split(" | ")[0]: old for old in before if old.startswith("| ") and not old.startswith("| framework")}
    lines[f"| {agent.NAME}"] = f"| {line} |"
    names = [f"| {stage.module(name).NAME}" for name in MODULES]
    PAGE.write_text(HEAD + "\n".join(lines[name] for name in names if name in lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
