"""Plays all decisions of one framework with all real parts: sidecar, scripted models, a reviewer over HTTP, kill -9.

Where the framework suspends, its process is killed once everything is held, and another goes on. Where calls wait, the
sidecar is killed while they do, and started again over the same data.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from frameworks.approvals.scenarios import MOVES, POLICY, SCENARIOS, Scenario
from frameworks.framework import Framework
from frameworks.model import ScriptedModel
from frameworks.variants import Variant
from sidecar_process import SidecarProcess, environment, sidecar_process
from whichstep_cli.demo.scripted_model import serving

TESTS = Path(__file__).resolve().parents[2]
ROOT = TESTS.parent


@dataclass(frozen=True)
class Outcome:
    """What became of one scenario."""

    ran: list[dict[str, Any]]
    """Arguments with which the held action really ran."""
    deleted: int
    """How often the blocked action ran."""
    answer: str | None
    told: str
    """All that the model was sent."""
    approval: dict[str, Any]
    waiting: dict[str, Any]
    """The execution while the request was pending, as the list shows it."""
    execution: dict[str, Any]


def outcomes(name: str, program: str, folder: Path, *, instrumented: bool = False) -> dict[str, Outcome]:
    """Play one framework; `program` is the Python of its environment; whether its own instrumentation records, too."""
    policy = folder / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        models, urls = _models(stack)
        with sidecar_process(folder / "data", "--policy", str(policy), exit_code=-9) as sidecar:
            port = sidecar.http.rpartition(":")[2]
            given = {"model_urls": urls, "folder": str(folder), "endpoint": sidecar.http, "instrumented": instrumented}
            job = json.dumps(given)
            agent = stack.enter_context(_player(program, name, "start", job, folder))
            suspends = _held(agent, sidecar)
            waiting = sidecar.wait_for(lambda: _waiting(sidecar))
            if suspends:
                agent.kill()
            sidecar.process.kill()
        with sidecar_process(folder / "data", "--policy", str(policy), "--http-port", port) as sidecar:
            if suspends:
                agent = stack.enter_context(_player(program, name, "go_on", job, folder))
            sidecar.wait_for(lambda: _expired(sidecar))
            scenarios = {each: item["task_id"].removeprefix("mail-") for each, item in waiting.items()}
            _decide(sidecar, folder / "data", scenarios)
            said, _ = agent.communicate(timeout=90)
            assert agent.returncode == 0, (folder / "log.txt").read_text()[-6000:]
            answers = [json.loads(line) for line in said.splitlines() if line.startswith('{"scenario"')]
            return _settled(lambda: _outcomes(sidecar, models, answers, waiting, folder / "ran.jsonl"))


def _settled(read: Callable[[], dict[str, Outcome]]) -> dict[str, Outcome]:
    """The outcomes once nothing is wrong with them, or as they are when the results have had time to follow the spans."""
    deadline = time.monotonic() + 15
    found = read()
    while any(wrong(SCENARIOS[name], outcome) for name, outcome in found.items()) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = read()
    return found


def _outcomes(
    sidecar: SidecarProcess,
    models: dict[str, list[str]],
    answers: list[dict[str, Any]],
    waiting: dict[str, dict[str, Any]],
    journal: Path,
) -> dict[str, Outcome]:
    return {name: _outcome(name, sidecar, models[name], answers, waiting, journal) for name in SCENARIOS}


def _models(stack: contextlib.ExitStack) -> tuple[dict[str, list[str]], dict[str, str]]:
    """A scripted model a scenario: what each was sent, and its URL."""
    sent: dict[str, list[str]] = {name: [] for name in SCENARIOS}

    def served(name: str) -> str:
        model = ScriptedModel(Variant(name, MOVES), Framework("", (), ()))

        def answer(path: str, request: dict[str, Any]) -> Any:
            sent[name].append(json.dumps(request))
            return model.answer(path, request)

        return stack.enter_context(serving(answer))

    return sent, {name: served(name) for name in SCENARIOS}


@contextlib.contextmanager
def _player(program: str, name: str, part: str, job: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    variables = environment() | {
        "PYTHONPATH": os.pathsep.join(str(path) for path in (TESTS, ROOT / "cli", ROOT / "sdk")),
        "HOME": str(folder),
        "OPENAI_API_KEY": "scripted",
        "WHICHSTEP_SPOOL_DIR": str(folder / f"spool-{part}"),
        "CREWAI_DISABLE_TELEMETRY": "true",
        "OTEL_SDK_DISABLED": "false",
    }
    command = [program, "-m", "frameworks.approvals.play", name, part, job]
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder)
    with process:
        try:
            yield process
        finally:
            process.kill()


def wrong(scenario: Scenario, outcome: Outcome) -> list[str]:
    """What an outcome should not be, in words; nothing when all is well."""
    steps = [(step["type"], step["name"], step["status"], step["approval_id"]) for step in outcome.execution["steps"]]
    asked = outcome.approval["approval_id"]
    decided = "ok" if scenario.ran else scenario.state
    ran = [("tool_call", "send_external_email", "ok", asked)] if scenario.ran else []
    facts = [
        ("the arguments that ran", outcome.ran, [dict(arguments) for arguments in scenario.ran]),
        ("the runs of the blocked action", outcome.deleted, 0),
        ("the answer", outcome.answer, MOVES[-1].text),
        ("the request", outcome.approval["state"], scenario.state),
        ("the words told to the model", (scenario.told or "") in outcome.told, True),
        ("the blocked attempt", ("tool_call", "delete_any_data", "blocked", None) in steps, True),
        (
            "the step that waits",
            [step for step in steps if step[0] == "approval"],
            [("approval", "send_external_email", decided, asked)],
        ),
        (
            "the step that ran",
            [step for step in steps if step[0] == "tool_call" and step[1] == "send_external_email"],
            ran,
        ),
        ("the execution", outcome.execution["status"], "ok"),
        ("the execution while the request was pending", outcome.waiting["status"], "waiting"),
    ]
    del facts[-1 if scenario.decision is None else len(facts) :]  # that one may have expired before anybody looked
    return [f"{what}: {found}, not {expected}" for what, found, expected in facts if found != expected]


def _held(agent: subprocess.Popen[str], sidecar: SidecarProcess) -> bool:
    """Wait until every scenario is held: the process says so where it suspends, else every request is there."""

    def all_asked() -> bool:
        assert agent.poll() is None, "the agent ended before everything was held"
        return len(sidecar.get("/api/v1/approvals")["approvals"]) == len(SCENARIOS)

    sidecar.wait_for(all_asked, seconds=90)
    suspends: bool = module(agent.args[3]).SUSPENDS  # type: ignore[index]
    if suspends:
        line = agent.stdout.readline()  # type: ignore[union-attr]
        assert json.loads(line) == {"held": True}, line
    return suspends


def module(name: str) -> Any:
    """What a module in `agents/` declares."""
    return importlib.import_module(f"frameworks.approvals.agents.{name}")


def _waiting(sidecar: SidecarProcess) -> dict[str, dict[str, Any]] | None:
    """The executions of the requests that nobody decides too late, once all of them are shown as waiting."""
    asked = {item["execution_id"]: item for item in sidecar.get("/api/v1/approvals")["approvals"]}
    shown = {item["execution_id"]: item for item in sidecar.get("/api/v1/executions", limit=100)["executions"]}
    if not asked.keys() <= shown.keys():
        return None
    pending = [item["execution_id"] for item in asked.values() if item["state"] == "pending"]
    return shown if all(shown[each]["status"] == "waiting" for each in pending) else None


def _expired(sidecar: SidecarProcess) -> bool:
    return len(sidecar.get("/api/v1/approvals", state="pending")["approvals"]) == len(SCENARIOS) - 1


def _decide(sidecar: SidecarProcess, data: Path, names: dict[str, str]) -> None:
    token = (data / "reviewer.token").read_text().strip()
    with httpx.Client(
        base_url=sidecar.http, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    ) as reviewer:
        for item in reviewer.get("/api/v1/approvals", params={"state": "pending"}).json()["approvals"]:
            decision = SCENARIOS[names[item["execution_id"]]].decision
            decided = reviewer.post(f"/api/v1/approvals/{item['approval_id']}/decision", json=decision)
            assert decided.status_code == 200, decided.text


def _outcome(
    name: str,
    sidecar: SidecarProcess,
    sent: list[str],
    answers: list[dict[str, Any]],
    waiting: dict[str, dict[str, Any]],
    journal: Path,
) -> Outcome:
    ran = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()] if journal.exists() else []
    ran = [entry for entry in ran if entry["scenario"] == name]
    (asked,) = [
        item
        for item in sidecar.get("/api/v1/approvals")["approvals"]
        if waiting[item["execution_id"]]["task_id"] == f"mail-{name}"
    ]
    return Outcome(
        ran=[entry["arguments"] for entry in ran if entry["tool"] == "send_external_email"],
        deleted=sum(entry["tool"] == "delete_any_data" for entry in ran),
        answer=next((each["answer"] for each in answers if each["scenario"] == name), None),
        told="\n".join(sent),
        approval=asked,
        waiting=waiting[asked["execution_id"]],
        execution=sidecar.get(f"/api/v1/executions/{asked['execution_id']}"),
    )
