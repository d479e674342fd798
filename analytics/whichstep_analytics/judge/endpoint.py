"""One question to a model behind any OpenAI-compatible endpoint: `POST BASE/chat/completions`.

Asked again, a bounded number of times, where time may mend it: 429, 5xx, no connection; a Retry-After is kept to. An
answer larger than 1 MiB is none. The text of an answer never becomes part of an error's message.
"""

from __future__ import annotations

import ipaddress
import threading
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)

from whichstep_analytics.judge.prompt import Messages

ATTEMPTS_MAX: Final = 4
ANSWER_TOKENS_MAX: Final = 1_000
_ANSWER_BYTES_MAX: Final = 1 << 20
_WAIT_SECONDS_MAX: Final = 30.0
_NEWER_NAME: Final = "max_completion_tokens"


class ModelAnswer(NamedTuple):
    """What the model said, and what it counted; None: it did not say."""

    text: str
    input_tokens: int | None
    output_tokens: int | None


class ModelError(Exception):
    """The model gave no answer; the message says what happened."""


class _BusyError(ModelError):
    """Time may mend it."""

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class ChatModel:
    """A model behind an endpoint. Safe from any thread; close it at the end."""

    def __init__(
        self,
        endpoint: str,
        model: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 60.0,
        wait_seconds: float = 1.0,
    ) -> None:
        """`endpoint` is the base address, as `https://api.openai.com/v1`; `wait_seconds` is the first wait."""
        self.name = model
        base = endpoint.rstrip("/")
        self._url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        self._closing = threading.Event()
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout_seconds,
            trust_env=not _is_loopback(base),
        )
        self._retrying = Retrying(
            retry=retry_if_exception_type(_BusyError),
            stop=stop_after_attempt(ATTEMPTS_MAX) | stop_when_event_set(self._closing),
            wait=lambda state: _wait(state, first=wait_seconds),
            sleep=sleep_using_event(self._closing),
            reraise=True,
        )

    def ask(self, messages: Messages) -> ModelAnswer:
        """The model's answer.

        Raises:
            ModelError: it gave none that can be read, now or after the attempts.
        """
        asked = {"model": self.name, "messages": messages}
        try:
            return _answer(self._retrying(self._post, {**asked, "max_tokens": ANSWER_TOKENS_MAX}))
        except _RenamedLimitError:
            return _answer(self._retrying(self._post, {**asked, _NEWER_NAME: ANSWER_TOKENS_MAX}))

    def close(self) -> None:
        """End waits and close the connections; an answer that is under way is given up when it next says something."""
        self._closing.set()
        self._http.close()

    def _post(self, body: dict[str, Any]) -> bytes:
        try:
            with self._http.stream("POST", self._url, json=body) as response:
                content = _bounded(response)
        except httpx.TransportError as error:
            raise _BusyError(f"no connection or no answer in time ({type(error).__name__})") from error
        except httpx.InvalidURL as error:
            raise ModelError("the endpoint is no address; mend WHICHSTEP_JUDGE_ENDPOINT") from error
        status = response.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _BusyError(f"the endpoint answered {status}", after_seconds=_retry_after(response))
        if status == httpx.codes.BAD_REQUEST and "max_tokens" in body and _NEWER_NAME.encode() in content:
            raise _RenamedLimitError("the model wants another name for the limit of its answer")
        if not response.is_success:
            raise ModelError(f"the endpoint answered {status}; check WHICHSTEP_JUDGE_ENDPOINT, _MODEL and _API_KEY")
        return content


class _RenamedLimitError(ModelError):
    """Newer models of OpenAI refuse `max_tokens`, most other servers know nothing else."""


def _answer(content: bytes) -> ModelAnswer:
    try:
        document = httpx.Response(200, content=content).json()
        text = document["choices"][0]["message"]["content"]
        usage = document.get("usage") or {}
        counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError("the endpoint's answer is no chat completion") from error
    if not isinstance(text, str):
        raise ModelError("the endpoint's answer is no chat completion")
    input_tokens, output_tokens = (count if isinstance(count, int) and count >= 0 else None for count in counts)
    return ModelAnswer(text, input_tokens, output_tokens)


def _bounded(response: httpx.Response) -> bytes:
    content = b""
    for part in response.iter_bytes():
        content += part
        if len(content) > _ANSWER_BYTES_MAX:
            raise ModelError("the endpoint's answer is larger than 1 MiB")
    return content


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None


def _wait(state: RetryCallState, *, first: float) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.after_seconds if isinstance(error, _BusyError) else None
    wanted = wait_random_exponential(multiplier=first)(state) if asked is None else asked
    return min(wanted, _WAIT_SECONDS_MAX)


def _is_loopback(endpoint: str) -> bool:
    """A proxy of the environment cannot reach this machine's loopback."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
