"""AutoGen AgentChat: the call of the tool waits."""

from __future__ import annotations

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "AutoGen AgentChat", "autogen-agentchat", False
REQUIREMENTS = ("autogen-agentchat>=0.7,<0.8", "autogen-ext[openai]>=0.7,<0.8")
INSTRUMENTATION = ("openinference-instrumentation-autogen-agentchat>=0.1",)
MECHANISM = "the call waits"


async def start(job: Job) -> str:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_core.tools import FunctionTool
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    import whichstep

    policy = whichstep.Policy.from_dict({}, default="auto")
    tools = policy.guard([FunctionTool(each, description=each.__doc__ or "") for each in job.functions], **job.options)
    client = OpenAIChatCompletionClient(model=MODEL, base_url=f"{job.model_url}/v1", api_key="scripted")
    agent = AssistantAgent("mailer", client, tools=tools, max_tool_iterations=5)
    result = await agent.run(task=TICKET)
    await client.close()
    return str(result.messages[-1].content)
