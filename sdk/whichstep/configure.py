"""Start, settings and end of recording in this process. All optional: the first step starts with the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from whichstep.settings import load

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from whichstep.policy import Policy

FLUSH_TIMEOUT_SECONDS: Final = 10.0
logger = logging.getLogger("whichstep")


def configure(
    *,
    service: str | None = None,
    release: str | None = None,
    environment: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    capture_content: bool | None = None,
    redact: str | os.PathLike[str] | None = None,
    spool_dir: str | os.PathLike[str] | None = None,
    policy: Policy | Mapping[str, Any] | str | os.PathLike[str] | None = None,
) -> None:
    """Set what the environment does not say. May be called again: the last call holds.

    Never raises, but for a policy that cannot be used: to go on without it would let through what it forbids.

    Args:
        service: service.name of what is recorded.
        release: The version of the agent; the unit by which releases are compared.
        environment: prod, staging, …
        endpoint: The sidecar, `http://127.0.0.1:4318`.
        token: An ingest token, where the sidecar asks for one.
        capture_content: False keeps structure, timing, tokens and cost, and no text.
        redact: A file with more patterns to redact, one regular expression a line.
        spool_dir: Where batches wait while the sidecar is away; "off" keeps nothing on disk.
        policy: What the tools of this process may do alone: a file, a map of action to risk level, or a Policy. From
            now on every `whichstep.tool` is held by its name.

    Raises:
        ConfigurationError: the policy cannot be read; no tool runs until it is.
    """
    arguments = {
        "service": service,
        "release": release,
        "environment": environment,
        "endpoint": endpoint,
        "token": token,
        "capture_content": capture_content,
        "redact": redact,
        "spool_dir": spool_dir,
    }
    try:
        from whichstep.runtime import configured  # noqa: PLC0415  OpenTelemetry is loaded when it is needed

        configured(load(arguments)).provider()
    except Exception:  # the outermost edge: never into the host
        logger.exception("whichstep could not be configured; it runs with the environment's settings")
    if policy is not None:
        from whichstep.approval.state import use_policy  # noqa: PLC0415  most programs have no policy

        use_policy(policy)


def tracer_provider() -> TracerProvider:
    """The tracer provider to hand to instrumentations: the application's if it has set one, else our own.

    `whichstep.instrument()` hands it over by itself. A global provider that is set is never replaced.
    """
    from whichstep.runtime import running  # noqa: PLC0415  OpenTelemetry is loaded when it is needed

    return running().provider()


def flush(timeout: float = FLUSH_TIMEOUT_SECONDS) -> int:
    """Send what waits; answers how many spans and events the sidecar has acknowledged since the last call.

    Args:
        timeout: Seconds to wait at most. While the sidecar is away everything is spooled, and the answer is 0.
    """
    from whichstep.runtime import started  # noqa: PLC0415  OpenTelemetry is loaded when it is needed

    runtime = started()
    if runtime is None:
        return 0
    runtime.delivery.flush(timeout_seconds=timeout)
    return runtime.delivery.take_delivered()


def shutdown(timeout: float = FLUSH_TIMEOUT_SECONDS) -> None:
    """End open steps, send what waits, stop. What cannot be sent in time is spooled. Steps after this are dropped."""
    from whichstep.runtime import started  # noqa: PLC0415  OpenTelemetry is loaded when it is needed

    runtime = started()
    if runtime is not None:
        runtime.shutdown(timeout_seconds=timeout)
