"""Agents in Node.js: a program beside the agent's module plays the run and asks over HTTP for the tools, which are Python's.

ORDER (JSON) tells the program what to play, see `desk.mjs`; its last line of output is the answer or the error, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_type_hints

from frameworks.desk import Desk
from whichstep_cli.demo.scripted_model import Reply, serving

_HERE = Path(__file__).parent
_JSON_TYPES = {str: "string", float: "number"}
_FOLDER, _SETUP = "FRAMEWORK_FOLDER", "FRAMEWORK_SETUP"


def instrument(setup: str) -> None:
    """Leaves it to the program."""
    os.environ[_SETUP] = setup


def answer(desk: Desk, program: str) -> str | None:
    """The answer of a program in `agents/`; raises what ended it."""
    functions = {tool.__name__: tool for tool in (desk.search_help, *desk.tools)}

    def asked(path: str, request: dict[str, Any]) -> Reply:
        kind, name = path.strip("/").split("/")
        try:
            result = desk.approves(name) if kind == "approvals" else functions[name](**request)
        except Exception as error:
            return Reply(json.dumps({"error": str(error), "error_type": type(error).__name__}).encode())
        return Reply(json.dumps({"result": result}).encode())

    shutil.copy(_HERE / "desk.mjs", os.environ[_FOLDER])
    copied = shutil.copy(_HERE / "agents" / program, os.environ[_FOLDER])
    with serving(asked) as url:
        order = {**_order(desk, functions), "desk": url, "setup": os.environ[_SETUP]}
        environment = {**os.environ, "ORDER": json.dumps(order)}
        said = subprocess.run(["node", copied], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    known = json.loads(said.splitlines()[-1])
    if "error" in known:
        raise type(known["error_type"], (RuntimeError,), {})(known["error"])
    answered: str | None = known["answer"]
    return answered


def _order(desk: Desk, functions: dict[str, Any]) -> dict[str, Any]:
    return {
        "otlp": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
        "model": desk.model,
        "model_url": desk.model_url,
        "session": desk.session_id,
        "user": desk.user_id,
        "ticket": desk.ticket,
        "history": desk.history,
        "instructions": desk.instructions,
        "limit": desk.limit,
        "hands_over": desk.variant.hands_over,
        "streams": desk.variant.streams,
        "decision": desk.variant.decision,
        "crashes": desk.variant.name.startswith("v02b"),
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
    for path in sorted(documents, key=lambda each: -len(each.parts)):  # of two versions, the one of the program
        if path.parent.parent.name == "node_modules" or path.parent.parent.name.startswith("@"):
            document = json.loads(path.read_text(encoding="utf-8"))
            found[document["name"]] = document["version"]
    return found
