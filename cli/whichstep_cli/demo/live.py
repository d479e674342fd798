"""Runs the example agents on every ticket, traced by the SDK as an application of anybody would be."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib
import importlib.util
import inspect
import logging
from collections.abc import Iterator
from typing import Any, Final

import whichstep
from whichstep_cli.demo.held import leave_a_request
from whichstep_cli.demo.history import release_of
from whichstep_cli.demo.scripted_model import ModelEndpoint, model_endpoint
from whichstep_cli.demo.shop import Shop
from whichstep_cli.demo.stories import STORIES, Story

FRAMEWORKS: Final = ("langgraph", "autogen")
log = logging.getLogger("whichstep.demo")
SERVICE: Final = "sample-agents"
"""Not the service of the history, whose figures these few tickets, most of which go wrong, would bend."""
_FLUSH_SECONDS: Final = 10.0
_NEEDED: Final = (
    "langgraph",
    "langchain_openai",
    "autogen_agentchat",
    "autogen_ext",
    "openinference",
    "openinference.instrumentation",
    "openinference.instrumentation.langchain",
    "openinference.instrumentation.autogen_agentchat",
)


def missing() -> str | None:
    """The first module that the agents need and that is not installed."""
    return next((name for name in _NEEDED if importlib.util.find_spec(name) is None), None)


def run_agents(endpoint: str) -> Iterator[bool]:
    """Let each agent answer each ticket, one after the other, and say of each whether the answer was right.

    Last, a refund is left waiting for a person. Spans go to the sidecar at `endpoint`. Only where nothing is `missing`.
    """
    agents = {name: importlib.import_module(f"whichstep_cli.demo.{name}_agent") for name in FRAMEWORKS}
    whichstep.configure(
        endpoint=endpoint, service=SERVICE, release=release_of(dt.datetime.now(dt.UTC).date()), environment="demo"
    )
    whichstep.instrument()
    with model_endpoint() as model:
        for story in STORIES:
            for framework in FRAMEWORKS:
                yield _answer(framework, agents[framework], story, model)
    leave_a_request(Shop())
    whichstep.flush(timeout=_FLUSH_SECONDS)


def _answer(framework: str, agent: Any, story: Story, model: ModelEndpoint) -> bool:
    """One execution. A run that raises ends its execution in an error, and the next ticket is taken."""
    shop = Shop()
    task = whichstep.task(story.task_type, input=story.ticket, purpose="demo", tags=[framework])
    right = False
    try:
        with task:
            whichstep.expect(tools=list(story.expected_actions))
            answer = _run(agent, story.ticket, shop, model)
            right = story.is_right(shop.journal, answer)
            whichstep.outcome(success=right, output=answer)
    except Exception as error:  # noqa: BLE001 (whatever a framework raises is what the demo shows)
        log.info("%s on %s: %s", framework, story.name, error)
    return right


def _run(agent: Any, ticket: str, shop: Shop, model: ModelEndpoint) -> str:
    answer = agent.answer(ticket, shop, model)
    return str(asyncio.run(answer) if inspect.iscoroutine(answer) else answer)
