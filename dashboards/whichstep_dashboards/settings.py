"""Settings of the dashboard process; the environment is read here and nowhere else in this package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4318"
ENDPOINT_VARIABLE: Final = "WHICHSTEP_ENDPOINT"
TOKEN_VARIABLE: Final = "WHICHSTEP_TOKEN"  # noqa: S105  # the name of a variable, no secret

LOGIN_VARIABLE: Final = "WHICHSTEP_LOGIN_URL"


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """Where the dashboard reads from."""

    endpoint: str = DEFAULT_ENDPOINT
    """Base address of the sidecar's HTTP port."""
    token: str | None = field(default=None, repr=False)
    """Bearer token with the scope `read`; needed only where the sidecar asks for tokens."""
    login: str | None = None
    """Where reviewers sign in at an identity provider; None where tokens alone say who decides."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> DashboardSettings:
        """Settings as the supervisor or a shell handed them over; empty variables count as unset."""
        endpoint = environment.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT
        return cls(
            endpoint=endpoint.rstrip("/"),
            token=environment.get(TOKEN_VARIABLE) or None,
            login=environment.get(LOGIN_VARIABLE) or None,
        )
