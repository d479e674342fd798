"""Answer one support ticket with an AutoGen agent, traced by whichstep.

    whichstep up                                   # in another terminal
    python examples/autogen_support_agent.py refund

Without OPENAI_API_KEY a scripted model on loopback plays the ticket; with it, a real one answers.
"""

import asyncio
import sys

from opentelemetry import trace

import whichstep
from whichstep_cli.demo.autogen_agent import answer
from whichstep_cli.demo.scripted_model import model_endpoint
from whichstep_cli.demo.shop import Shop
from whichstep_cli.demo.stories import BY_NAME

# These lines are all that an application of your own needs. AutoGen sends spans of its own, with the errors of tools in
# them, to the global provider; where your application has set one already, leave the last line out.
whichstep.configure(service="support-agent", release="1.0.0")
whichstep.instrument()
trace.set_tracer_provider(whichstep.tracer_provider())


async def main(name: str) -> None:
    story, shop = BY_NAME[name], Shop()
    with model_endpoint() as model, whichstep.task(story.task_type, input=story.ticket) as execution:
        said = await answer(story.ticket, shop, model)
        # Optional: when your code can tell whether the task was done, say so.
        whichstep.outcome(success=story.is_right(shop.journal, said), output=said)
    whichstep.flush()  # so that the line below finds it; at the end of a process it is sent anyway
    print(said)
    print(f"whichstep executions show {execution.execution_id}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in BY_NAME:
        sys.exit(f"usage: python {sys.argv[0]} [{'|'.join(BY_NAME)}]")
    asyncio.run(main(sys.argv[1]))
