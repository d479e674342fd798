"""The framework matrix: real agent frameworks, each in its own environment, on one story against a scripted model.

    registry ─▶ matrix ─▶ environments (one venv a framework)
                  │
                  ├─ model + wires   the scripted model on loopback; keeps a journal of its answers
                  ├─ recorder        passes OTLP on to a real `whichstep up`, and keeps a copy
                  └─ play            the agent's process: telemetry, desk (the tools, their journal), agents/FRAMEWORK
                  │
                truth  what happened, from the two journals, never from spans  ─▶ recorded/*.tar.xz ─▶ table

A framework is one file in `agents/` and one line in `registry`. Run it all with `make frameworks`, some with
`make frameworks ONLY=langgraph,openai_agents`.
"""
