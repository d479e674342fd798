"""The Vercel AI SDK, in Node.js (`vercel.mjs`); seen by its own OpenTelemetry integration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_type_hints

from frameworks.desk import Desk
from frameworks.framework import Framework, Setup
from whichstep_cli.demo.scripted_model import Reply, serving

FRAMEWORK = Framework(
    name="Vercel AI SDK",
    requirements=(
        "ai@^7",
        "@ai-sdk/openai@^3",
        "@ai-sdk/otel@^1",
        "@opentelemetry/sdk-trace-node@^2",
        "@opentelemetry/resources@^2",
        "@opentelemetry/exporter-trace-otlp-proto@^0.223",
        "zod@^4",
    ),
    setups=(Setup("otel"),),
    without={"v02b_tool_error_crashes_run": "tool errors are told to the model"},
    node=True,
)
OWN_TELEMETRY = True
_JSON_TYPES = {str: "string", float: "number"}
_FOLDER = "FRAMEWORK_FOLDER"


def instrument(setup: str) -> None:
    del setup  # the program registers it


def answer(desk: Desk) -> str:
    functions = {tool.__name__: tool for tool in (desk.search_help, *desk.tools)}

    def asked(path: str, request: dict[str, Any]) -> Reply:
        kind, name = path.strip("/").split("/")
        try:
            result = desk.approves(name) if kind == "approvals" else functions[name](**request)
        except Exception as error:
            return Reply(json.dumps({"error": str(error), "error_type": type(error).__name__}).encode())
        return Reply(json.dumps({"result": result}).encode())

    program = shutil.copy(Path(__file__).with_suffix(".mjs"), os.environ[_FOLDER])
    with serving(asked) as url:
        environment = {**os.environ, "ORDER": json.dumps(_order(desk, url, functions))}
        said = subprocess.run(["node", program], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    known = json.loads(said.splitlines()[-1])
    if "error" in known:
        raise type(known["error_type"], (RuntimeError,), {})(known["error"])
    return str(known["answer"])


def _order(desk: Desk, url: str, functions: dict[str, Any]) -> dict[str, Any]:
    return {
        "desk": url,
        "otlp": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
        "model": desk.model,
        "model_url": desk.model_url,
        "session": desk.session_id,
        "user": desk.user_id,
        "ticket": desk.ticket,
        "instructions": desk.instructions,
        "limit": desk.limit,
        "hands_over": desk.variant.hands_over,
        "streams": desk.variant.streams,
        "decision": desk.variant.decision,
        "tools": [
            {"name": name, "description": tool.__doc__, "parameters": _parameters(tool)}
            for name, tool in functions.items()
        ],
    }


def _parameters(tool: Any) -> dict[str, str]:
    return {name: _JSON_TYPES[kind] for name, kind in get_type_hints(tool).items() if name != "return"}


def packages() -> dict[str, str]:
    """What npm has installed."""
    documents = Path(os.environ[_FOLDER], "node_modules").glob("**/package.json")
    found = {}
    for path in documents:
        if path.parent.parent.name == "node_modules" or path.parent.parent.name.startswith("@"):
            document = json.loads(path.read_text(encoding="utf-8"))
            found[document["name"]] = document["version"]
    return found
