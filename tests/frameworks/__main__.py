"""Play the matrix: `python -m frameworks [--only MODULE,…] [--variants v01,…] [--again]`, see `make frameworks`.

Resumable: a run that was played with the same agent, script and environment is not played again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import captures
from frameworks import environments, recorder, registry, table, truth
from frameworks.framework import Framework, Setup
from frameworks.model import FINAL_ANSWER, FINISH, ScriptedModel
from frameworks.variants import VARIANTS, Variant
from sidecar_process import SidecarProcess, sidecar_process
from whichstep_cli.demo.scripted_model import serving

HERE = Path(__file__).parent
_RAISING = ("v02b", "v06", "v07")
"""The variants in which the call may raise."""
PLAYED = environments.CACHE / "played"
_SHARED = ("variants.py", "desk.*", "node.py", "model.py", "play.py", "telemetry.py", "truth.py", "wires/*.py")


class Run(NamedTuple):
    """One set-up and variant."""

    module: str
    framework: Framework
    setup: Setup
    variant: Variant

    @property
    def folder(self) -> str:
        return f"{self.module}__{self.setup.instrumentation}"

    @property
    def recording(self) -> Path:
        return table.RECORDED / self.folder / f"{self.variant.name}.tar.xz"

    @property
    def mark(self) -> Path:
        return PLAYED / self.folder / self.variant.name


def main() -> int:
    """Returns 1 when a run could not be played, or when the sidecar says something else than the replay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="modules in agents/, separated by commas")
    parser.add_argument("--setups", default="", help="instrumentations")
    parser.add_argument("--variants", default="", help="how their names begin")
    parser.add_argument("--again", action="store_true", help="play what was played before, too")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that sidecar and agents end, too
    problems = []
    for module in asked.only.split(",") if asked.only else registry.REGISTERED:
        problems += _play_framework(module, asked)
    _say("\n".join(problems) or "every run was played and is read alike live and again")
    return 1 if problems else 0


def _play_framework(module: str, asked: argparse.Namespace) -> list[str]:
    framework = registry.framework(module)
    runs = [
        Run(module, framework, setup, variant)
        for setup in framework.setups
        for variant in VARIANTS.values()
        if framework.plays(setup, variant)
        and (not asked.setups or setup.instrumentation in asked.setups.split(","))
        and (not asked.variants or variant.name.startswith(tuple(asked.variants.split(","))))
    ]
    due = [run for run in runs if asked.again or not _is_played(run)]
    if not due:
        return []
    program = environments.program_of(module, framework)
    with tempfile.TemporaryDirectory() as data, sidecar_process(data) as sidecar:
        with recorder.recording(sidecar.http) as (recorded, otlp_url):
            problems = []
            for setup in dict.fromkeys(run.setup for run in due):
                of_setup = [run for run in due if run.setup == setup]
                problems += _play_setup(program, of_setup, recorded, otlp_url)
            problems += recorded.refused
        played = [run for run in due if run.mark.exists()]
        _await_results(sidecar)
        problems += [problem for run in played for problem in _compare(run, sidecar)]
    return problems


def _is_played(run: Run) -> bool:
    return run.recording.exists() and run.mark.exists() and run.mark.read_text(encoding="utf-8") == _digest(run)


def _digest(run: Run) -> str:
    """What a recording depends on."""
    sources = sorted(path for pattern in _SHARED for path in HERE.glob(pattern))
    sources += sorted((HERE / "agents").glob(f"{run.module}.*"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    digest.update(repr(run.setup).encode() + repr(run.framework.requirements).encode())
    return digest.hexdigest()


def _play_setup(program: list[str], runs: list[Run], recorded: recorder.Recorder, otlp_url: str) -> list[str]:
    """Play and keep the runs of one set-up, one after the other; the problems."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        command = [*program, runs[0].module, runs[0].setup.instrumentation]
        environment = _environment(runs[0], otlp_url, folder)
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as player:
            for run in runs:
                run.mark.unlink(missing_ok=True)
                said = _play(run, player, recorded, Path(folder) / "known.json")
                _say(f"{run.folder}/{run.variant.name}: {said}")
                if not run.mark.exists():
                    problems.append(f"{run.folder}/{run.variant.name}: {said}, see {_log(run)}")
            player.communicate()
    return problems


def _play(run: Run, player: subprocess.Popen[str], recorded: recorder.Recorder, out: Path) -> str:
    """Play and keep one run; how it ended."""
    model = ScriptedModel(run.variant, run.framework)
    recorded.start()
    with serving(model.answer) as url:
        environment = {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url, "GOOGLE_GEMINI_BASE_URL": url}
        order = {"variant": run.variant.name, "model_url": url, "environment": environment, "log": str(_log(run)),
                 "out": str(out)}  # fmt: skip
        player.stdin.write(json.dumps(order) + "\n")
        player.stdin.flush()
        ended = player.stdout.readline().strip() or "the player ended"
    if ended != "ok":
        return ended
    known: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    if known["error"] and not run.variant.name.startswith(_RAISING):
        return f"the agent itself is broken: {known['error']}"
    if lost := _not_run(run, model.journal, known["journal"]):
        return f"the agent itself is broken: the model asked in vain for {lost}"
    if not recorded.requests():
        return "nothing was exported"
    meta = truth.meta(run.framework, run.setup.instrumentation, run.variant, model.journal, known)
    recorder.write(run.recording, recorded.requests(), meta)
    run.mark.parent.mkdir(parents=True, exist_ok=True)
    run.mark.write_text(_digest(run), encoding="utf-8")
    return str(known["error"] or known["answer"])


def _not_run(run: Run, calls: list[dict[str, Any]], journal: list[dict[str, Any]]) -> set[str]:
    """Tools that the model asked for and that never ran, other than those that a person or the limit held."""
    asked = {each["name"] for call in calls for each in call.get("tool_calls", [])}
    ran = {entry["name"] for entry in journal}
    return asked - ran - {run.framework.handoff.tool, FINAL_ANSWER, FINISH}


def _log(run: Run) -> Path:
    log = environments.CACHE / "logs" / run.folder / f"{run.variant.name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


def _environment(run: Run, otlp_url: str, folder: str) -> dict[str, str]:
    """Of the player; nothing of the caller's but what finds programs and certificates."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE") if name in os.environ}
    return {
        **kept,
        "HOME": folder,
        "FRAMEWORK_FOLDER": str(environments.folder_of(run.module)),
        "PYTHONPATH": f"{HERE.parent}:{environments.ROOT / 'cli'}:{environments.ROOT / 'sdk'}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_url,
        "OPENAI_API_KEY": "scripted",
        "ANTHROPIC_API_KEY": "scripted",
        "GOOGLE_API_KEY": "scripted",
        **run.setup.environment,
    }


def _await_results(sidecar: SidecarProcess) -> None:
    """Returns once the results have not changed for longer than the jobs wait."""
    before = None
    while (
        now := sidecar.sql("select count(*), sum(step_count), (select count(*) from spans) from executions").row(0)
    ) != before:
        before = now
        time.sleep(5)


def _compare(run: Run, sidecar: SidecarProcess) -> list[str]:
    """Where the running sidecar's views and the replay of the recording disagree."""
    quoted = ", ".join(f"'{trace_id}'" for trace_id in captures.trace_ids(run.recording)) or "''"
    ids = f"select execution_id from trace_executions where trace_id in ({quoted})"
    executions = sidecar.sql(f"select * from executions where execution_id in ({ids}) order by started_at")
    steps = sidecar.sql(f"select * from steps where execution_id in ({ids}) order by position")
    live = captures.judge_frames(captures.Truth.read(run.recording), executions, steps)
    again = captures.judge(run.recording)
    return [
        f"{run.folder}/{run.variant.name}: {fact}: live {live[fact]}, replayed {again[fact]}"
        for fact in captures.FACTS
        if live[fact] != again[fact]
    ]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
