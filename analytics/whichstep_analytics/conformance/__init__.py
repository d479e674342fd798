"""Do executions keep to a contract? Alignments for the order of steps, Declare's rules, budgets, output schemas.

`check` is the job: frames of steps and executions and one contract in, one row an execution out. Pure. Executions with
the same sequence of steps (a *variant*) are judged once.
"""

from __future__ import annotations

from whichstep_analytics.conformance.check import CONFORMANCE_SCHEMA, Checked, check

__all__ = ["CONFORMANCE_SCHEMA", "Checked", "check"]
