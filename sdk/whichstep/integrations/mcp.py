"""MCP: a client session whose `call_tool` is held by the gate, whoever calls it. The call waits.

    session, = policy.guard([session])
    await session.call_tool("send_email", {…})

Everything else is the session's own. A refusal is the tool's error result, as MCP tells errors of tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp import ClientSession
from mcp.types import CallToolResult, TextContent

from whichstep.approval.call import Options
from whichstep.approval.gate import Gate
from whichstep.integrations.held import REFUSALS, Held, step


def guard(session: ClientSession, gate: Gate, options: Options) -> HeldSession:
    """The session, held by the gate."""
    return HeldSession(session, gate, options)


class HeldSession:
    """A client session as its users see it; calls of tools go through the gate."""

    def __init__(self, session: ClientSession, gate: Gate, options: Options) -> None:
        self._session, self._gate, self._options = session, gate, options
        self._schemas: dict[str, Mapping[str, Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def call_tool(self, name: str, arguments: dict[str, Any] | None = None, *args: Any, **options: Any) -> Any:
        """Call a tool of the server once the gate lets it in; the other arguments are those of the session's own."""
        schemas = await self._listed()
        held = Held(self._gate, self._options, name, lambda: schemas.get(name))
        try:
            admission = await self._gate.admit_async(held.call(arguments or {}))
        except REFUSALS as error:
            return CallToolResult(content=[TextContent(type="text", text=str(error))], isError=True)
        with step(admission) as recorded:
            result = await self._session.call_tool(name, dict(admission.arguments), *args, **options)
            recorded.result(result)
        return result

    async def _listed(self) -> dict[str, Mapping[str, Any]]:
        """The schemas of the server's tools, asked for once."""
        if self._schemas is None:
            listed = await self._session.list_tools()
            self._schemas = {
                tool.name: getattr(tool, "input_schema", None) or tool.inputSchema for tool in listed.tools
            }
        return self._schemas
