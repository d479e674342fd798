"""What a module in `agents/` declares. Standard library only: the agents' processes import it too.

Beside `FRAMEWORK` the module has `instrument(setup)`, which turns the instrumentation on once telemetry is set up, and
`answer(desk)`, a function or coroutine that plays the run at hand and returns the agent's last words. Both import the
framework inside, for the declaration is read where the framework is not installed. Optional: `IMPORTS` (modules to
import once for all runs), `MODEL`, `OWN_TELEMETRY` (the framework sets OpenTelemetry up itself), `flush()`, and
`packages()` (versions, where they are not Python's).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from frameworks.variants import Variant
from whichstep_cli.demo.stories import ToolCall


@dataclass(frozen=True, eq=False)
class Setup:
    """One way to see a framework: an instrumentation and what it takes."""

    instrumentation: str
    requirements: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of the agent's process, for what is turned on by them."""
    not_emitted: dict[str, str] = field(default_factory=dict)
    """Fact, or `v01/fact`: why it cannot be known, where a search of the recording (`evidence`) cannot show it."""
    variants: tuple[str, ...] = ()
    """How the names of the variants that it plays begin; all where there is none."""


INSTRUMENT = "instrument"
_PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def through_instrument(extra: str, not_emitted: dict[str, str] | None = None) -> Setup:
    """The framework as `pip install whichstep[EXTRA]` and `whichstep.instrument()` show it: one good run, one failed."""
    extras = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    return Setup(INSTRUMENT, tuple(extras[extra]), not_emitted=not_emitted or {}, variants=("v01_", "v02_"))


NODE_TELEMETRY = (
    "@opentelemetry/sdk-trace-node@^2",
    "@opentelemetry/resources@^2",
    "@opentelemetry/exporter-trace-otlp-proto@^0.223",
)
"""What `desk.mjs` needs."""
OLDER_TELEMETRY = ("opentelemetry-sdk>=1.36,<1.38", "wrapt<2")
"""Of the autumn of 2025, for what does not run on a newer one."""
TRANSFER = ToolCall("transfer_to_refund_agent", {})


@dataclass(frozen=True)
class Framework:
    """One framework: what to install, how to look at it, what it plays."""

    name: str
    requirements: tuple[str, ...]
    setups: tuple[Setup, ...]
    without: dict[str, str] = field(default_factory=dict)
    """Variant: why the framework has no such thing."""
    handoff: ToolCall = TRANSFER
    """What the model asks for to hand over, in the framework's own terms."""
    tool_prefix: str = ""
    """What the framework puts before the names of tools."""
    converses: bool = False
    """Whether the agent is given an earlier turn where the variant has one: of those that can, one a way of doing so."""
    node: bool = False
    """The agent is a program for Node.js beside the module, which runs it; the requirements are npm's."""

    def plays(self, setup: Setup, variant: Variant) -> bool:
        """Whether a set-up of this framework plays a variant."""
        if variant.name in self.without or (variant.history and not self.converses):
            return False
        return not setup.variants or variant.name.startswith(setup.variants)
