"""Which policy is in force for the tools of this process: the one given to `configure`, else that of WHICHSTEP_POLICY.

A policy that cannot be read is not the same as none: until it is mended, no tool runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whichstep.errors import ConfigurationError
from whichstep.policy import Policy

if TYPE_CHECKING:
    from whichstep.approval.gate import Gate

_gate: Gate | None = None
_problem: ConfigurationError | None = None
_decided = False


def use_policy(given: Policy | Mapping[str, Any] | str | os.PathLike[str]) -> None:
    """Gate every tool from now on by this policy: an object, a flat map, or a file.

    Raises:
        ConfigurationError: it cannot be read. No tool runs then, whether this is caught or not.
    """
    global _problem, _decided  # noqa: PLW0603  one per process, as the runtime
    _decided = True
    try:
        policy = given if isinstance(given, Policy) else _read(given)
    except ConfigurationError as error:
        _problem = error
        raise
    _problem = None
    _set(policy)


def forget_policy() -> None:
    """Gate no tool any more; for tests."""
    global _gate, _problem, _decided
    _gate, _problem, _decided = None, None, False


def tool_gate() -> Gate | None:
    """What holds the tools of this process; None where no policy is in force.

    Raises:
        ConfigurationError: there is a policy, and it cannot be read.
    """
    if not _decided:
        _from_environment()
    if _problem is not None:
        raise ConfigurationError(str(_problem), _problem.problems)
    return _gate


def _from_environment() -> None:
    global _decided  # noqa: PLW0603  see above
    from whichstep.runtime import running  # noqa: PLC0415  loads OpenTelemetry

    file = running().settings.policy_file
    if file is not None:
        use_policy(file)
    _decided = True


def _set(policy: Policy) -> None:
    global _gate  # noqa: PLW0603  see above
    from whichstep.approval.connection import collect_evidence  # noqa: PLC0415  loads OpenTelemetry
    from whichstep.approval.gate import Gate  # noqa: PLC0415  see above

    collect_evidence()
    _gate = Gate(policy)


def _read(given: Mapping[str, Any] | str | os.PathLike[str]) -> Policy:
    return Policy.from_dict(given) if isinstance(given, Mapping) else Policy.load(given)
