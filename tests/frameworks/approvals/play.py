"""Plays a framework in its environment: `python -m frameworks.approvals.play MODULE start|go_on JOB`.

A job is JSON: model_urls (scenario -> URL), folder, endpoint, port, instrumented (`whichstep.instrument()` records, too). `start` says `{"held": …}` once all scenarios have
stopped and then waits to be killed, or, where calls of tools wait, plays to the end. `go_on` plays the rest. Each tool
that really runs is a line in `ran.jsonl`; each answer a line of standard output.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frameworks.approvals.scenarios import EXPIRES_IN_SECONDS, SCENARIOS

MODEL = "gpt-4o-mini"


@dataclass(frozen=True)
class Job:
    """One scenario to play."""

    scenario: str
    model_url: str
    folder: Path
    tools_url: str = ""
    instrumented: bool = False

    @property
    def key(self) -> str:
        """The name of the run: its task, session and thread."""
        return f"mail-{self.scenario}"

    @property
    def options(self) -> dict[str, Any]:
        """For `policy.guard`."""
        seconds = EXPIRES_IN_SECONDS.get(self.scenario)
        return {} if seconds is None else {"expires_in": seconds}

    @property
    def functions(self) -> list[Callable[..., str]]:
        """The tools as functions that note what they did."""

        def delete_any_data(what: str) -> str:
            """Delete data for good."""
            return self.note("delete_any_data", {"what": what})

        def send_external_email(to: str, subject: str, body: str) -> str:
            """Send an e-mail to a customer."""
            return self.note("send_external_email", {"to": to, "subject": subject, "body": body})

        return [delete_any_data, send_external_email]

    def note(self, tool: str, arguments: dict[str, Any]) -> str:
        """Write down that a tool ran."""
        with (self.folder / "ran.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"scenario": self.scenario, "tool": tool, "arguments": arguments}) + "\n")
        return f"{tool}: done"

    def keep(self, name: str, text: str | bytes) -> None:
        """Keep something for the process that goes on."""
        (self.folder / f"{self.scenario}.{name}").write_bytes(text if isinstance(text, bytes) else text.encode())

    def kept(self, name: str) -> str:
        """What was kept."""
        return (self.folder / f"{self.scenario}.{name}").read_text(encoding="utf-8")


def main(module: str, part: str, text: str) -> None:
    # this package is loaded: the folders beside it must not stand in for anybody's modules
    tests = Path(__file__).resolve().parents[2]
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != tests]
    given = json.loads(text)
    import whichstep

    whichstep.configure(service="mailer", endpoint=given["endpoint"], environment="test")
    if given["instrumented"]:
        whichstep.instrument()
    agent = importlib.import_module(f"frameworks.approvals.agents.{module}")
    jobs = [
        Job(name, given["model_urls"][name], Path(given["folder"]), given.get("tools_url", ""), given["instrumented"])
        for name in SCENARIOS
    ]
    asyncio.run(_all(agent, part, jobs))
    whichstep.flush()
    if part == "start" and agent.SUSPENDS:
        _say({"held": True})
        time.sleep(600)


async def _all(agent: Any, part: str, jobs: list[Job]) -> None:
    await asyncio.gather(*(_one(agent, part, job) for job in jobs))


async def _one(agent: Any, part: str, job: Job) -> None:
    import whichstep

    run = getattr(agent, part)
    if part == "start":
        with whichstep.task("mail", id=job.key, session=job.key):
            answer = await run(job)
    else:
        answer = await run(job)
    if answer is not None:
        _say({"scenario": job.scenario, "answer": answer})


def _say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # threads of the framework shall not hold it
