"""What gates of this process share: the sidecar that the settings name, its policy, and where the agent runs."""

from __future__ import annotations

import os
from typing import Final

from whichstep.approval.authority import Authority
from whichstep.approval.evidence import Evidence
from whichstep.approval.sidecar import Sidecar
from whichstep.processor import ENDED
from whichstep.redaction import Redactor
from whichstep.runtime import Runtime, running
from whichstep.settings import Settings

_ENVIRONMENTS: Final = ("deployment.environment.name", "deployment.environment")


class Connection:
    """One sidecar as the settings name it, and what is known of the agent from its settings and resource."""

    def __init__(self, runtime: Runtime) -> None:
        self.settings: Settings = runtime.settings
        self.sidecar = Sidecar(runtime.settings)
        self.authority = Authority(self.sidecar)
        self.redactor = Redactor(runtime.setup.kinds)
        resource = runtime.provider().resource.attributes
        told = [str(resource[key]) for key in _ENVIRONMENTS if resource.get(key)]
        self.environment = runtime.settings.environment or next(iter(told), None)
        service = str(resource.get("service.name") or "")
        self.service = runtime.settings.service or ("" if service.startswith("unknown_service") else service) or None
        self.release = runtime.settings.release or str(resource.get("service.version") or "") or None


EVIDENCE: Final = Evidence()
"""What the executions of this process found, from the moment that `collect_evidence` was called."""
_connection: Connection | None = None


def collect_evidence() -> None:
    """Keep what retrievals and tools find from now on; again and again is as good as once."""
    if EVIDENCE.take not in ENDED:
        ENDED.append(EVIDENCE.take)


def forget_after_fork() -> None:
    """In a forked child: a lock may have been held, and a refresh under way, by threads that only the parent has."""
    global _connection  # noqa: PLW0603  see below
    _connection = None
    EVIDENCE.renew_lock()


def connection() -> Connection:
    """The connection by the settings that are in force now."""
    global _connection  # noqa: PLW0603  one per process, as the runtime
    runtime = running()
    if _connection is None or _connection.settings is not runtime.settings:
        _connection = Connection(runtime)
    return _connection


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_after_fork)
