"""Answer one support ticket with a LangGraph agent, traced by whichstep.

    whichstep up                                   # in another terminal
    python examples/langgraph_support_agent.py refund

Without OPENAI_API_KEY a scripted model on loopback plays the ticket; with it, a real one answers.
"""

import sys

import whichstep
from whichstep_cli.demo.langgraph_agent import answer
from whichstep_cli.demo.scripted_model import model_endpoint
from whichstep_cli.demo.shop import Shop
from whichstep_cli.demo.stories import BY_NAME

# These two lines are all that an application of your own needs, after its own OpenTelemetry set-up if it has one.
whichstep.configure(service="support-agent", release="1.0.0")
whichstep.instrument()


def main(name: str) -> None:
    story, shop = BY_NAME[name], Shop()
    with model_endpoint() as model, whichstep.task(story.task_type, input=story.ticket) as execution:
        said = answer(story.ticket, shop, model)
        # Optional: when your code can tell whether the task was done, say so.
        whichstep.outcome(success=story.is_right(shop.journal, said), output=said)
    whichstep.flush()  # so that the line below finds it; at the end of a process it is sent anyway
    print(said)
    print(f"whichstep executions show {execution.execution_id}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in BY_NAME:
        sys.exit(f"usage: python {sys.argv[0]} [{'|'.join(BY_NAME)}]")
    main(sys.argv[1])
