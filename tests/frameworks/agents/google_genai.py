"""The google-genai client in a loop of one's own; seen by OpenInference, OpenTelemetry's instrumentation and OpenLLMetry."""

from __future__ import annotations

from typing import Any

from frameworks.agents import plain_openai
from frameworks.desk import Desk
from frameworks.framework import Framework, Setup, through_instrument

# Gemini's calls have no ids, so nothing joins the traces of a run.
_APART = {
    **plain_openai.APART,
    **dict.fromkeys(("v03/recovered", "v03/failing step", "v05/failing step"), "each call is an execution of its own"),
}
FRAMEWORK = Framework(
    name="google-genai",
    requirements=("google-genai>=2,<3",),  # OpenTelemetry's instrumentation takes no later one
    setups=(
        Setup("openinference", ("openinference-instrumentation-google-genai>=0.1.8",), not_emitted=_APART),
        Setup(
            "otel",
            ("opentelemetry-instrumentation-google-genai>=0.4b0",),
            environment={
                "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
            },
            not_emitted=_APART,
        ),
        Setup("openllmetry", ("opentelemetry-instrumentation-google-generativeai>=0.62,<0.63",), not_emitted=_APART),
        through_instrument("google-genai", _APART),
    ),
    without=plain_openai.FRAMEWORK.without,
)
IMPORTS = ("google.genai",)
MODEL = "gemini-2.5-flash"


def instrument(setup: str) -> None:
    if setup == "otel":
        from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor as Instrumentor
    elif setup == "openllmetry":
        from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor as Instrumentor
    Instrumentor().instrument()


def answer(desk: Desk) -> str | None:
    from google import genai
    from google.genai import types

    retries = types.HttpRetryOptions(attempts=3, initial_delay=0.1)
    client = genai.Client(
        api_key="scripted", http_options=types.HttpOptions(base_url=desk.model_url, retry_options=retries)
    )
    tools = {tool.__name__: tool for tool in (desk.search_help, *desk.tools)}
    declared = [
        types.FunctionDeclaration.from_callable(client=client._api_client, callable=tool) for tool in tools.values()
    ]
    config = types.GenerateContentConfig(
        system_instruction=desk.instructions,
        tools=[types.Tool(function_declarations=declared)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    contents = [types.UserContent(desk.ticket)]
    for _ in range(desk.limit):
        said = _ask(client, desk, contents, config)
        contents.append(said)
        calls = [part.function_call for part in said.parts or [] if part.function_call]
        if not calls:
            return "".join(part.text or "" for part in said.parts or [])
        results = [
            types.Part.from_function_response(name=call.name, response=_run(tools[call.name], call.args))
            for call in calls
        ]
        contents.append(types.UserContent(results))
    return None


def _ask(client: Any, desk: Desk, contents: Any, config: Any) -> Any:
    from google.genai import types

    if not desk.variant.streams:
        return client.models.generate_content(model=desk.model, contents=contents, config=config).candidates[0].content
    chunks = client.models.generate_content_stream(model=desk.model, contents=contents, config=config)
    return types.ModelContent(
        [part for chunk in chunks for each in chunk.candidates or [] for part in each.content.parts or []]
    )


def _run(tool: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": tool(**arguments)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
