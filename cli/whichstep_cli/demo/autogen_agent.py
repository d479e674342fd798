"""A support agent in AutoGen AgentChat: one assistant with four tools, the help centre among them.

Tracing takes nothing here but `whichstep.retrieval`, which says that `search_help` is a retrieval and not just a tool.
"""

from __future__ import annotations

from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_ext.models.openai import OpenAIChatCompletionClient

import whichstep
from whichstep_cli.demo.scripted_model import ModelEndpoint
from whichstep_cli.demo.shop import Shop

INSTRUCTIONS = "You answer support tickets of a shop for coffee gear. Search the help centre before you act."
ROUNDS_MAX = 6


def build_agent(shop: Shop, client: OpenAIChatCompletionClient) -> AssistantAgent:
    """The assistant, over one shop and one model client."""

    async def search_help(query: str) -> list[dict[str, Any]]:
        """Find articles of the help centre."""
        with whichstep.retrieval(query=query) as step:
            articles = shop.search_help(query)
            step.sources(articles)
        return articles

    async def lookup_order(order_id: str) -> dict[str, Any]:
        """Look up one order by its number, for example A-1042."""
        return shop.lookup_order(order_id)

    async def issue_refund(order_id: str, amount: float) -> dict[str, Any]:
        """Pay an amount in euros back for an order."""
        return shop.issue_refund(order_id, amount)

    async def send_external_email(to: str, subject: str, body: str) -> str:
        """Send an e-mail to a customer."""
        return shop.send_external_email(to, subject, body)

    return AssistantAgent(
        "support_agent",
        model_client=client,
        tools=[search_help, lookup_order, issue_refund, send_external_email],
        system_message=INSTRUCTIONS,
        max_tool_iterations=ROUNDS_MAX,
    )


async def answer(ticket: str, shop: Shop, endpoint: ModelEndpoint) -> str:
    """Answer one ticket; after `ROUNDS_MAX` rounds of tools the last tool result is the answer."""
    client = OpenAIChatCompletionClient(
        model=endpoint.model, base_url=endpoint.base_url, api_key=endpoint.api_key, temperature=0
    )
    try:
        result: TaskResult = await build_agent(shop, client).run(task=ticket)
    finally:
        await client.close()
    return str(getattr(result.messages[-1], "content", ""))
