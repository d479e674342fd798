"""Every test records as if it were the first of its process: no settings and no policy of one before it are in force."""

import os

import pytest

from whichstep.approval import state
from whichstep.runtime import Setup, running, set_up


@pytest.fixture(scope="session")
def _set_up_without_environment() -> Setup:
    with pytest.MonkeyPatch.context() as clean:
        for name in [name for name in os.environ if name.startswith(("OTEL_", "WHICHSTEP_"))]:
            clean.delenv(name)
        return running().setup


@pytest.fixture(autouse=True)
def _recording_as_at_the_start(_set_up_without_environment):
    runtime = running()
    if runtime.setup is not _set_up_without_environment:
        runtime.delivery.close(timeout_seconds=1.0)
        runtime.use(set_up(_set_up_without_environment.settings))
    state.forget_policy()
