"""What a workflow may do: autonomy level, steps, transitions, tools, checkpoints, rules of order, budgets.

`read` turns a TOML file, its text or a mapping into a `Contract`, or says what is wrong with it, line by line.
`machine` asks a contract what may come next; `rules` keeps Declare's constraints. The live check and the check
afterwards share all of it, so they cannot disagree. Standard library only: the server imports it, too.
"""

from __future__ import annotations

from whichstep.contract.model import END, Budgets, Contract, ContractStep, Rule
from whichstep.contract.read import load, parse
from whichstep.contract.write import to_toml

__all__ = ["END", "Budgets", "Contract", "ContractStep", "Rule", "load", "parse", "to_toml"]
