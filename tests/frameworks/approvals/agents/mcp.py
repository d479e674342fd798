"""MCP: a client of a server with the tools, over stdio; a small loop asks the model and calls what it asks for."""

from __future__ import annotations

import json
import sys
from typing import Any

from frameworks.approvals.play import MODEL, Job
from frameworks.approvals.scenarios import TICKET

NAME, PACKAGE, SUSPENDS = "MCP client", "mcp", False
REQUIREMENTS = ("mcp>=2,<3", "openai>=2")
INSTRUMENTATION = ("openinference-instrumentation-openai>=0.1.41",)
MECHANISM = "`call_tool` waits"
_SERVER = """
import sys
from pathlib import Path
from frameworks.approvals.play import Job
from mcp.server import MCPServer
server = MCPServer("mail")
for function in Job(sys.argv[1], "", Path(sys.argv[2])).functions:
    server.tool()(function)
server.run()
"""


async def start(job: Job) -> str:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    import whichstep

    policy = whichstep.Policy.from_dict({}, default="auto")
    server = StdioServerParameters(
        command=sys.executable, args=["-c", _SERVER, job.scenario, str(job.folder)], env={"PYTHONPATH": _path()}
    )
    async with stdio_client(server) as streams, ClientSession(*streams) as plain:
        await plain.initialize()
        (session,) = policy.guard([plain], **job.options)
        return await _answer(job, session)


async def _answer(job: Job, session: Any) -> str:
    from openai import AsyncOpenAI

    listed = await session.list_tools()
    tools: Any = [
        {"type": "function", "function": {"name": tool.name, "parameters": tool.input_schema}} for tool in listed.tools
    ]
    messages: list[Any] = [{"role": "user", "content": TICKET}]
    async with AsyncOpenAI(base_url=f"{job.model_url}/v1", api_key="scripted") as client:
        while True:
            message = (
                (await client.chat.completions.create(model=MODEL, messages=messages, tools=tools)).choices[0].message
            )
            messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return str(message.content)
            for call in message.tool_calls:
                result = await session.call_tool(call.function.name, json.loads(call.function.arguments))
                text = "\n".join(part.text for part in result.content)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": text})


def _path() -> str:
    import os

    return os.environ["PYTHONPATH"]
