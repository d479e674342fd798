"""Every test records as if it were the first of its process: no settings and no policy of one before it are in force.

What a test records outside `whichstep.testing.capture` goes to a port where nobody listens, and is kept nowhere.
"""

import pytest

from whichstep.approval import state
from whichstep.runtime import Setup, configured, running, set_up
from whichstep.settings import load


@pytest.fixture(scope="session")
def _first_setup() -> Setup:
    return configured(load({"endpoint": "http://127.0.0.1:9", "spool_dir": None}, {})).setup


@pytest.fixture(autouse=True)
def _recording_as_at_the_start(_first_setup):
    runtime = running()
    if runtime.settings is not _first_setup.settings:
        runtime.delivery.close(timeout_seconds=1.0)
        runtime.use(set_up(_first_setup.settings))
    state.forget_policy()
