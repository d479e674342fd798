"""The words that rules look for in what models and tools say.

English, few, and of no framework. Each is weak evidence, asked only where somebody says that the execution failed.
"""

from __future__ import annotations

from typing import Final

TROUBLE: Final = (
    r"(?i)\b(error|exception|traceback|failed|failure|timed? ?out|timeout|not found|unable|cannot|could not|couldn.t"
    r"|invalid|denied|404|no results?|forbidden)\b"
)
"""A result that reads like an error, or a turn that speaks of one."""
ASSUMED: Final = (
    r"(?i)\b(assum\w+|simulat\w+|hypothetical\w*|placeholder\w*|mock\w*|pretend\w*|let.s say|fictional|dummy"
    r"|for (the )?(sake|purposes?) of|(sample|example) data)\b"
)
"""Going on with what is not known."""
CORRECTED: Final = (
    r"(?i)\b(apolog\w+|sorry|mistake|my (error|bad)|incorrect(ly)?|correction|i was wrong|oversight|let me correct"
    r"|corrected)\b"
)
"""Taking something back."""
AGREED: Final = r"(?i)^\W*(agreed|i agree|yes|great|looks good|correct|confirmed)\b"
"""Beginning with consent to what was said before."""
CLOSED: Final = r"(?i)\b(terminate|final answer|task (is )?complete\w*|request satisfied)\b"
"""Ending the work."""
FOUND: Final = (
    r"(?i)\b(list of|several|some|multiple)\b.{0,120}\b(found|identified|gathered|obtained|collected)\b"
    r"|\b(found|identified|gathered|obtained|collected)\b.{0,60}\b(list of|several|some|multiple)\b"
)
"""Taking a list or a part of it as found."""
CALL_AS_TEXT: Final = (
    r"<tool_calls?>|<function_calls?>|<\|?tool_call\|?>|\[TOOL_CALLS\]|<invoke |\"tool_calls?\":|<function="
)
"""A tool call that a model wrote as text."""
STOPPED_AT_LIMIT: Final = (
    r"(?i)\bmax(imum)?[ _]?(number of )?(rounds|turns|iterations|steps|time)\b.{0,20}\b(reached|exceeded)\b"
)
"""Saying that a limit ended the run."""
