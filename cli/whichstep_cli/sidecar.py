"""The composition root: a store, the jobs and the answers over it, and the sidecar that owns them all.

Plain constructor calls, in the order in which the parts need each other; closing goes the other way round. Used by
`up` for a process that lives, and by `folder` for one question to a folder that nobody owns.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from whichstep.errors import ConfigurationError
from whichstep.policy import Policy
from whichstep_analytics.answers import Answers, Probe
from whichstep_analytics.jobs.outcome import deciding_names
from whichstep_analytics.runner import JobRunner
from whichstep_cli import output
from whichstep_cli.contracts import KEPT_CONTRACTS, contracts_of, keep_contracts
from whichstep_cli.errors import CommandError, UnreachableError, UsageError
from whichstep_cli.judging import judging
from whichstep_cli.probes import sidecar_probe
from whichstep_collector import settings as sidecar_settings
from whichstep_collector.counters import Counters
from whichstep_collector.errors import PortInUse, SettingsError
from whichstep_collector.settings import Settings
from whichstep_collector.sidecar import Addresses, Sidecar
from whichstep_store import expectations
from whichstep_store.errors import StoreError
from whichstep_store.retention import DAYS
from whichstep_store.store import Store

KEPT_POLICY: Final = "policy.json"
SETTLE_SECONDS_MAX: Final = 60.0
EXPECTATIONS_AUTHOR: Final = "expectations file"
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A sidecar at work."""

    addresses: Addresses
    store: Store
    counters: Counters
    dashboard_token: str | None = None
    busy: Callable[[], bool] = lambda: False
    """Whether the jobs are at work this moment."""

    def settle(
        self, seconds: float = SETTLE_SECONDS_MAX, *, left: Callable[[int], None] = lambda _traces: None
    ) -> bool:
        """Wait until everything received is loaded and its results are computed; whether that was reached.

        `left` is told again and again how many traces wait for their results.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            quiet = not self.busy()
            # The journal first: what leaves it between the two questions is among the touched traces by then.
            backlog = self.counters.value("whichstep_journal_backlog_bytes")
            traces = self.store.reader.touched().num_rows
            left(traces)
            if quiet and not backlog and not traces and not self.busy():
                return True
            time.sleep(_POLL_SECONDS)
        return False


def settle(running: Running, label: str, seconds: float) -> None:
    """Wait until results are computed, with a progress bar.

    Raises:
        CommandError: that takes longer than it may.
    """
    with output.countdown(label) as left:
        if not running.settle(seconds, left=left):
            raise CommandError(f"{label} takes longer than {seconds / 60:.0f} minutes; what was stored before is kept")


@contextmanager
def running_sidecar(settings: Settings, probes: Sequence[Probe] = ()) -> Iterator[Running]:
    """A sidecar that takes requests for the length of the block, then drains. The doctor asks `probes` too.

    Raises:
        UnreachableError: the folder belongs to another process, or cannot be opened.
    """
    with open_store(
        settings.data_dir, retention_days=settings.retention_days, size_bytes_max=settings.data_size_max
    ) as store:
        policy = policy_of(settings)
        keep_policy(settings.data_dir, policy)
        keep_contracts(settings)
        keep_expectations(store, settings)
        runner, counters = job_runner(store, settings), Counters()
        answers = Answers(store, probes=[sidecar_probe(counters), *probes])
        with judging(settings, store, answers, counters) as judge:
            try:
                sidecar = Sidecar(
                    settings,
                    store,
                    answers=answers,
                    tick=runner.tick,
                    counters=counters,
                    policy=policy,
                    judge=judge.judge if judge else None,
                )
                addresses = sidecar.start()
            except (SettingsError, PortInUse) as error:
                raise UsageError(str(error)) from error
            store.announce(addresses.http)
            try:
                yield Running(addresses, store, counters, sidecar.dashboard_token, busy=lambda: runner.busy)
            finally:
                sidecar.stop()


def job_runner(store: Store, settings: Settings) -> JobRunner:
    """The jobs over an open store, judging as the settings say.

    Raises:
        UsageError: the settings name no evaluations, or contracts that cannot be used.
    """
    try:
        deciding = deciding_names(settings.success_evaluations)
    except ValueError as error:
        raise UsageError(f"success_evaluations: {error}") from error
    return JobRunner(store, deciding=deciding, contracts=contracts_of(settings), policy=policy_of(settings))


def keep_expectations(store: Store, settings: Settings) -> None:
    """Write the file of expectations to the ledger; what changed in it is judged again, in slices.

    Without a file what the last one said stays: the folder's answers hold whoever opens it.

    Raises:
        UsageError: the file cannot be used; the message has its line.
    """
    if settings.expectations is None:
        return
    try:
        text = settings.expectations.read_text(encoding="utf-8")
        store.ledger.replace_expectations(
            expectations.parse(text, source=str(settings.expectations)), author=EXPECTATIONS_AUTHOR
        )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the expectations {settings.expectations}: {error}") from error
    except expectations.ExpectationsError as error:
        raise UsageError(str(error)) from error


def policy_of(settings: Settings) -> Policy | None:
    """The policy that decides on actions, where the settings name one.

    Raises:
        UsageError: it cannot be used; the message has file, line, rule and remedy of all that is wrong.
    """
    try:
        return None if settings.policy is None else Policy.load(settings.policy)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error


def keep_policy(data_dir: Path, policy: Policy | None) -> None:
    """Write down the policy that the folder's results are judged by, for commands that open the folder themselves."""
    kept = data_dir / KEPT_POLICY
    if policy is None:
        kept.unlink(missing_ok=True)
        return
    written = kept.with_suffix(".new")
    written.write_text(json.dumps(policy.form(), ensure_ascii=False, indent=1), encoding="utf-8")
    written.replace(kept)


@contextmanager
def open_store(data_dir: Path, *, retention_days: int = DAYS, size_bytes_max: int | None = None) -> Iterator[Store]:
    """The folder as its only owner, for the block; what is older or larger than said goes when it next seals.

    Raises:
        UnreachableError: another process owns it (the message names it), or it cannot be opened.
    """
    try:
        store = Store.open(data_dir, retention_days=retention_days, size_bytes_max=size_bytes_max)
    except StoreError as error:
        raise UnreachableError(str(error)) from error
    except OSError as error:
        raise UnreachableError(f"cannot open {data_dir}: {error.strerror}; choose another --data-dir") from error
    try:
        yield store
    finally:
        store.close()


def load_settings(arguments: Mapping[str, Any]) -> Settings:
    """Settings from the command line, the environment and the defaults; names variables that look misspelt.

    Raises:
        UsageError: a value does not fit.
    """
    try:
        loaded = sidecar_settings.load(arguments, os.environ)
    except SettingsError as error:
        raise UsageError(f"{error}; `whichstep up --help` lists the settings") from error
    for name in loaded.unknown:
        output.remark(f"whichstep: {name} is no setting of whichstep; is it misspelt?")
    return loaded.settings


def settings_without_doors(data_dir: Path) -> Settings:
    """Settings of a sidecar that nobody else is to find: loopback, free ports, no dashboard."""
    doors = {"host": "127.0.0.1", "http_port": 0, "grpc_port": 0, "dashboard": False}
    arguments = {"data_dir": data_dir, **doors, "judge_automatic": False}
    if (kept := data_dir / KEPT_POLICY).exists():
        arguments["policy"] = kept
    if (contracts := data_dir / KEPT_CONTRACTS).is_dir():
        arguments["contracts"] = contracts
    return load_settings(arguments)
