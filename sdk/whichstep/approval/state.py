"""Which policy is in force for the tools of this process: the one given to `configure`, else that of WHICHSTEP_POLICY.

A policy that cannot be read is not the same as none: until it is mended, no tool runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from whichstep.errors import ConfigurationError
from whichstep.policy import Policy

if TYPE_CHECKING:
    from whichstep.approval.gate import Gate

_UNREAD: Final = object()
_GIVEN: Final = object()

_lock = threading.Lock()
_gate: Gate | None = None
_problem: ConfigurationError | None = None
_source: object = _UNREAD
"""Where the two came from: `_GIVEN` to `use_policy`, else the file that the settings name, None where they name none.
Written last, so that no thread takes a policy that is being read for none."""


def use_policy(given: Policy | Mapping[str, Any] | str | os.PathLike[str]) -> None:
    """Gate every tool from now on by this policy: an object, a flat map, or a file.

    Raises:
        ConfigurationError: it cannot be read. No tool runs then, whether this is caught or not.
    """
    with _lock:
        _use(given, _GIVEN)


def forget_policy() -> None:
    """Gate tools as the settings say again; for tests."""
    with _lock:
        _set(None, None, _UNREAD)


def tool_gate() -> Gate | None:
    """What holds the tools of this process; None where no policy is in force.

    Raises:
        ConfigurationError: there is a policy, and it cannot be read.
    """
    if _source is not _GIVEN:
        _follow_settings()
    if _problem is not None:
        raise ConfigurationError(str(_problem), _problem.problems)
    return _gate


def _follow_settings() -> None:
    """Read the file that the settings name, once for each settings that name one."""
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    file = running().settings.policy_file
    if file is _source:
        return
    with _lock:
        if _source is _GIVEN or file is _source:  # by another thread meanwhile
            return
        if file is None:
            _set(None, None, None)
        else:
            _use(file, file)


def _use(given: Policy | Mapping[str, Any] | str | os.PathLike[str], source: object) -> None:
    from whichstep.approval.connection import collect_evidence  # noqa: PLC0415  loads OpenTelemetry
    from whichstep.approval.gate import Gate  # noqa: PLC0415  see above

    try:
        policy = given if isinstance(given, Policy) else _read(given)
    except ConfigurationError as error:
        _set(_gate, error, source)
        raise
    collect_evidence()
    _set(Gate(policy), None, source)


def _set(gate: Gate | None, problem: ConfigurationError | None, source: object) -> None:
    global _gate, _problem, _source  # noqa: PLW0603  one per process, as the runtime
    _gate, _problem = gate, problem
    _source = source


def _read(given: Mapping[str, Any] | str | os.PathLike[str]) -> Policy:
    return Policy.from_dict(given) if isinstance(given, Mapping) else Policy.load(given)


def _forget_lock_after_fork() -> None:
    global _lock  # noqa: PLW0603  a thread that only the parent has may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock_after_fork)
