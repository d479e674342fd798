"""Plays runs in the framework's environment: `python -m frameworks.play MODULE INSTRUMENTATION`.

Each line of standard input is one run as JSON (variant, model_url, environment, log, out); each is played in a fork, so
that the framework is imported once and no run sees another. A line of standard output says how it ended. The run
writes to `out` what its own code knows of it: the journal of the tools, the answer, the error that ended it.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import inspect
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from frameworks.desk import Desk
from frameworks.framework import INSTRUMENT
from frameworks.variants import VARIANTS

MODEL = "gpt-4o-mini"
_SECONDS_MAX = 150


def main(module: str, instrumentation: str) -> None:
    # this package is loaded: the other folders beside it must not stand in for anybody's modules
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parents[1]]
    agent = importlib.import_module(f"frameworks.agents.{module}")
    importlib.import_module("frameworks.telemetry")
    for name in getattr(agent, "IMPORTS", ()):
        importlib.import_module(name)
    for line in sys.stdin:
        run = json.loads(line)
        child = os.fork()
        if child == 0:
            _play(agent, f"{module}-{instrumentation}", instrumentation, run)
        sys.stdout.write(f"{_ended(child)}\n")
        sys.stdout.flush()


def _ended(child: int) -> str:
    """How a run ended: ok, an exit status, or that it was stopped."""
    deadline = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "ok" if status == 0 else f"ended with {os.waitstatus_to_exitcode(status)}"
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"stopped after {_SECONDS_MAX} s"


def _play(agent: Any, setup: str, instrumentation: str, run: dict[str, Any]) -> None:
    """One run, to the end of this process."""
    log = os.open(run["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = 1
    try:
        os.environ.update(run["environment"])
        desk = Desk(VARIANTS[run["variant"]], setup, getattr(agent, "MODEL", MODEL), run["model_url"])
        known = _known(desk, *_played(agent, instrumentation, desk))
        known["packages"] = getattr(agent, "packages", _packages)()
        Path(run["out"]).write_text(json.dumps(known, indent=1, default=str), encoding="utf-8")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # threads of the framework shall not hold it


def _played(agent: Any, instrumentation: str, desk: Desk) -> tuple[str | None, BaseException | None]:
    from frameworks import telemetry

    if instrumentation == INSTRUMENT:
        telemetry.start_whichstep()
    else:
        if not getattr(agent, "OWN_TELEMETRY", False):
            telemetry.start()
        agent.instrument(instrumentation)
    played = (
        asyncio.run(_answer(agent, desk)) if inspect.iscoroutinefunction(agent.answer) else _answer_now(agent, desk)
    )
    telemetry.flush()
    getattr(agent, "flush", lambda: None)()
    return played


def _answer_now(agent: Any, desk: Desk) -> tuple[str | None, BaseException | None]:
    try:
        return agent.answer(desk), None
    except Exception as error:
        traceback.print_exc()
        return None, error


async def _answer(agent: Any, desk: Desk) -> tuple[str | None, BaseException | None]:
    try:
        answer, error = await agent.answer(desk), None
    except Exception as raised:
        traceback.print_exc()
        answer, error = None, raised
    await asyncio.sleep(0.2)  # what closes its spans when the loop collects its generators shall have done so
    return answer, error


def _known(desk: Desk, answer: str | None, error: BaseException | None) -> dict[str, Any]:
    return {
        "journal": desk.journal,
        "answer": answer,
        "error": error and {"type": type(error).__name__, "message": str(error)[:500]},
        "session_id": desk.session_id,
        "user_id": desk.user_id,
        "user_input": desk.ticket,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _packages() -> dict[str, str]:
    return {
        each.metadata["Name"].lower().replace("_", "-"): each.version
        for each in importlib.metadata.distributions()
        if each.metadata["Name"]
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
