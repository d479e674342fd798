"""DSPy's ReAct, which asks for tools in text; seen by OpenInference."""

from __future__ import annotations

from typing import Any

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

_ONE_TOOL = "ReAct calls one tool a step, on its own"
FRAMEWORK = Framework(
    name="DSPy",
    requirements=("dspy>=3.2,<4",),
    setups=(Setup("openinference", ("openinference-instrumentation-dspy>=0.1.40,<0.2",)), through_instrument("dspy")),
    without={
        "v01s_happy_stream": "played without streaming",
        "v02b_tool_error_crashes_run": "tool errors are told to the model",
        "v08_handoff": _ONE_TOOL,
        "v09_parallel_one_fails": _ONE_TOOL,
        "v10a_approval_approved": _ONE_TOOL,
        "v10b_approval_rejected": _ONE_TOOL,
    },
)
IMPORTS = ("dspy",)


def instrument(setup: str) -> None:
    del setup
    from openinference.instrumentation.dspy import DSPyInstrumentor

    DSPyInstrumentor().instrument()


def answer(desk: Desk) -> str:
    import dspy
    from openinference.instrumentation import using_session, using_user

    lm = dspy.LM(
        f"openai/{desk.model}", api_base=f"{desk.model_url}/v1", api_key="scripted", cache=False, num_retries=2
    )
    tools: list[Any] = [dspy.Tool(tool) for tool in (desk.search_help, *desk.tools)]
    signature = dspy.Signature("ticket: str -> answer: str", desk.instructions)
    with dspy.context(lm=lm), using_session(desk.session_id), using_user(desk.user_id):
        return str(dspy.ReAct(signature, tools=tools, max_iters=desk.limit)(ticket=desk.ticket).answer)
