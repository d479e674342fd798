"""HTTP calls to the sidecar about policies and approvals: short ones, and one that waits for a decision.

A call answers with status and document, whatever the status; it raises `Away` where no answer came. Repeating is the
caller's: creation is idempotent by the id that the client made, a consumption is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from whichstep.settings import TRACES_PATH, Settings
from whichstep.transport import opener_for

if TYPE_CHECKING:
    import urllib.request

ANSWER_BYTES_MAX: Final = 4 << 20


class Away(Exception):  # noqa: N818  an answer, not a defect
    """No answer came; the text says why."""


class Answer(NamedTuple):
    """What the sidecar answered."""

    status: int
    document: dict[str, Any]

    @property
    def detail(self) -> str:
        """What a problem document says, in a sentence."""
        return str(self.document.get("detail") or self.document.get("title") or f"HTTP {self.status}")

    @property
    def is_final(self) -> bool:
        """Whether the same question would be answered the same a moment later."""
        return self.status not in {408, 425, 429, 500, 502, 503, 504}


class Sidecar:
    """The sidecar that the settings name. One connection a call; safe in any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = settings.traces_url.removesuffix(TRACES_PATH)
        self._opener: urllib.request.OpenerDirector | None = None

    @property
    def endpoint(self) -> str:
        """Its base address."""
        return self._base

    def get(self, path: str, *, timeout_seconds: float) -> Answer:
        """Ask."""
        return self._call("GET", path, None, timeout_seconds)

    def post(self, path: str, document: Mapping[str, Any], *, timeout_seconds: float) -> Answer:
        """Tell."""
        return self._call(
            "POST", path, json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"), timeout_seconds
        )

    def _call(self, method: str, path: str, body: bytes | None, timeout_seconds: float) -> Answer:
        import http.client  # noqa: PLC0415  most processes never ask for an approval
        import urllib.error  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        self._opener = self._opener or opener_for(self._settings)
        headers = {"accept": "application/json", "user-agent": "whichstep-sdk", **dict(self._settings.headers)}
        if body is not None:
            headers["content-type"] = "application/json"
        request = urllib.request.Request(self._base + path, data=body, headers=headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=timeout_seconds) as answer:
                return Answer(answer.status, _document(answer.read(ANSWER_BYTES_MAX)))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _document(error.read(ANSWER_BYTES_MAX)))
        except (OSError, http.client.HTTPException) as error:
            raise Away(str(getattr(error, "reason", None) or error) or type(error).__name__) from error


def _document(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
