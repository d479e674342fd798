"""Pydantic AI: the run ends with deferred requests; messages and requests are kept as JSON."""

from __future__ import annotations

from typing import Any

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "Pydantic AI", "pydantic-ai-slim", True
REQUIREMENTS = ("pydantic-ai-slim[openai]>=2.40,<3",)
INSTRUMENTATION = ()
MECHANISM = "`ApprovalRequired`, `resume(agent, messages, requests)`; messages and requests as JSON"


async def start(job: Job) -> str | None:
    from pydantic import TypeAdapter
    from pydantic_ai import DeferredToolRequests

    result = await _agent(job).run(TICKET)
    assert [call.tool_name for call in result.output.approvals] == ["send_external_email"]
    job.keep("messages", result.all_messages_json())
    job.keep("requests", TypeAdapter(DeferredToolRequests).dump_json(result.output))
    return None


async def go_on(job: Job) -> str:
    from pydantic import TypeAdapter
    from pydantic_ai import DeferredToolRequests
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    from whichstep.integrations.pydantic_ai import resume

    requests = TypeAdapter(DeferredToolRequests).validate_json(job.kept("requests"))
    messages = ModelMessagesTypeAdapter.validate_json(job.kept("messages"))
    return str((await resume(_agent(job), messages, requests)).output)


def _agent(job: Job) -> Any:
    from pydantic_ai import Agent, DeferredToolRequests, Tool
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    import whichstep

    policy = whichstep.Policy.from_dict({}, default="auto")
    tools = policy.guard([Tool(function) for function in job.functions], on_approval="suspend", **job.options)
    provider = OpenAIProvider(base_url=f"{job.model_url}/v1", api_key="scripted")
    return Agent(
        OpenAIChatModel(MODEL, provider=provider), name="mailer", tools=tools, output_type=[str, DeferredToolRequests]
    )
