"""Whether a tool brings in a person: names are all that a trace tells of it.

`transfer_to_human_agents`, `escalate_to_supervisor`, `contact_human`, `escalate_ticket`. A hand-over between agents
names no person, and a request for approval is told apart from this.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_PERSON: Final = r"(?:human|person|people|live_?agent|representative|supervisor|operator|staff)"
_BRING_IN: Final = r"(?:transfer|hand_?(?:over|off)|escalat\w*|forward|route|connect|contact|page|call_in)"
_NAMES: Final = re.compile(
    rf"(?:^|[._]){_BRING_IN}(?:\w*_)?{_PERSON}|(?:^|[._])escalate(?:_(?:ticket|case|issue|request))?$",
    re.IGNORECASE,
)


@lru_cache(4096)
def brings_in_a_person(tool: str) -> bool:
    """Whether a tool of this name hands the task to a person."""
    return _NAMES.search(tool.replace("-", "_")) is not None
