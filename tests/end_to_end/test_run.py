"""Agents that know nothing of whichstep, on their real frameworks, under `whichstep run` and against a real sidecar."""

import subprocess
import sys

import pytest

from sidecar_process import environment, sidecar_process

PROGRAMS = {
    "langgraph": """
import sys
from whichstep_cli.demo.langgraph_agent import answer
from whichstep_cli.demo.scripted_model import model_endpoint
from whichstep_cli.demo.shop import Shop
from whichstep_cli.demo.stories import BY_NAME

with model_endpoint() as model:
    print(answer(BY_NAME[sys.argv[1]].ticket, Shop(), model))
""",
    "autogen": """
import asyncio, sys
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from whichstep_cli.demo.scripted_model import model_endpoint
from whichstep_cli.demo.shop import Shop
from whichstep_cli.demo.stories import BY_NAME

async def main(model, shop):
    async def lookup_order(order_id: str) -> dict:
        "Look up one order."
        return shop.lookup_order(order_id)
    async def issue_refund(order_id: str, amount: float) -> dict:
        "Pay back."
        return shop.issue_refund(order_id, amount)
    async def send_external_email(to: str, subject: str, body: str) -> str:
        "Send an e-mail."
        return shop.send_external_email(to, subject, body)
    client = OpenAIChatCompletionClient(model=model.model, base_url=model.base_url, api_key=model.api_key)
    tools = [lookup_order, issue_refund, send_external_email]
    agent = AssistantAgent("support_agent", model_client=client, tools=tools, max_tool_iterations=6)
    print((await agent.run(task=BY_NAME[sys.argv[1]].ticket)).messages[-1].content)
    await client.close()

with model_endpoint() as model:
    asyncio.run(main(model, Shop()))
""",
}


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    with sidecar_process(tmp_path_factory.mktemp("data")) as running:
        running.spool = tmp_path_factory.mktemp("spool")
        yield running


@pytest.mark.parametrize(("framework", "searches"), [("langgraph", ["retrieval"]), ("autogen", [])])
def test_an_agent_without_a_line_of_ours_is_one_execution_with_each_call_once(sidecar, tmp_path, framework, searches):
    program = tmp_path / "agent.py"
    program.write_text(PROGRAMS[framework])
    done = subprocess.run(
        [sys.executable, "-m", "whichstep_cli", "run", "--service", framework, "--release", "7",
         "--endpoint", sidecar.http, "--", sys.executable, str(program), "refund"],
        capture_output=True, text=True, timeout=150, check=False,
        env=environment() | {"WHICHSTEP_SPOOL_DIR": str(sidecar.spool)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (said,) = done.stderr.splitlines()
    assert said.startswith(
        "whichstep run: records langchain (openinference), autogen (openinference), autogen-core (native) → http://"
    )
    (execution,) = sidecar.wait_for_executions(1, service=framework)["executions"]
    assert (execution["release"], execution["status"]) == ("7", "ok")
    document = sidecar.json("executions", "show", execution["execution_id"])
    types = [step["type"] for step in document["steps"]]
    tools = [step["name"] for step in document["steps"] if step["type"] == "tool_call"]
    assert tools == ["lookup_order", "issue_refund", "send_external_email"]
    assert types.count("llm_call") == 4, "three tools and an answer: four calls of the model, each recorded once"
    assert [kind for kind in types if kind == "retrieval"] == searches
    assert execution["output"]
