"""A real headless Chromium, driven over WebDriver by plain HTTP: Debian's `chromium` and `chromium-driver`."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import pytest

MISSING: Final = "NO BROWSER: this is not tested; apt-get install chromium chromium-driver"
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS: Final = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")


class Browser:
    """One window. Elements are found by CSS; what is not there is an error."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client, self._session = client, session

    def open(self, url: str) -> None:
        """Load a page."""
        self._call("POST", "url", {"url": url})

    def click(self, css: str, seconds: float = 10.0) -> None:
        """Press an element: one that is drawn a moment after the words beside it, or drawn again, is waited for."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._call("POST", f"element/{self._find(css)}/click", {})
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def type(self, css: str, text: str) -> None:
        """Put a text in the place of what a field has."""
        element = self._find(css)
        self._call("POST", f"element/{element}/clear", {})
        self._call("POST", f"element/{element}/value", {"text": text})

    def text(self, css: str = "body") -> str:
        """What is to be read in an element."""
        return str(self._call("GET", f"element/{self._find(css)}/text"))

    def wait_for(self, words: str, seconds: float = 10.0) -> str:
        """The text of the page once it has these words: a page that follows a click comes a moment later."""
        deadline, found = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError):  # between two pages an element may be of the old one
                found = self.text()
                if words in found:
                    return found
            time.sleep(0.05)
        raise AssertionError(f"the page does not say {words!r}: {found}")

    def count(self, css: str) -> int:
        """How many elements there are."""
        return len(self._call("POST", "elements", {"using": "css selector", "value": css}))

    def _find(self, css: str) -> str:
        return str(self._call("POST", "element", {"using": "css selector", "value": css})[_ELEMENT])

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._client.request(method, f"/session/{self._session}/{path}", json=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{path} {body}: {answer['message']}")
        return answer


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with an empty profile for the block. Skips the test, and says so loudly, where none is installed."""
    driver, program = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or program is None:
        pytest.skip(MISSING)
    with (
        tempfile.TemporaryDirectory(prefix="whichstep-profile-", ignore_cleanup_errors=True) as profile,
        subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process,
    ):
        try:
            line = next(line for line in process.stdout if "successfully on port" in line)  # type: ignore[union-attr]
            port = line.rstrip(".\n ").rpartition(" ")[2]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
                options = {"binary": program, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
                wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
                session = client.post("/session", json=wanted).json()["value"]["sessionId"]
                yield Browser(client, session)
                client.delete(f"/session/{session}")
        finally:
            process.terminate()
