"""What the names of hand-written spans and tools say, in any convention."""

from __future__ import annotations

import re
from typing import Final

_APPROVAL: Final = re.compile(
    r"(?:^|[\W_])(?:approv(?:al|e)|human[\W_]?(?:review|input|feedback|confirmation)|(?:await|wait)[\W_]human)(?:$|[\W_])",
    re.IGNORECASE,
)


def is_approval_name(name: str) -> bool:
    """Whether a name says that a person is asked."""
    return bool(_APPROVAL.search(name))
