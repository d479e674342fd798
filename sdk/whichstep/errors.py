"""What the SDK raises, and only where it was asked to decide something; recording never raises into the host.

WhichstepError
├── ConfigurationError    a setting, a file or an argument cannot be used; the message names it and what to do
├── ActionBlocked         the policy forbids the action; it did not run
├── ApprovalPending       a person has to decide first, and the action was told to raise instead of waiting
├── ApprovalRejected      a person refused; the action did not run
├── ApprovalExpired       nobody decided in time; the action did not run
├── ApprovalUnavailable   the sidecar could not be asked; the action did not run
└── WorkflowViolation     the workflow's contract forbids the step; it did not run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PROBLEMS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file that people write, and what to do about it."""

    file: str
    what: str
    remedy: str
    line: int | None = None
    """From 1; None where the text has no lines, as with a mapping in Python."""
    rule: str | None = None

    def __str__(self) -> str:
        """File, line, rule, what is wrong, what to do: one sentence."""
        place = [self.file, f"line {self.line}" if self.line else "", f"rule {self.rule}" if self.rule else ""]
        return f"{', '.join(part for part in place if part)}: {self.what}; {self.remedy}"


class WhichstepError(Exception):
    """Base of what whichstep raises on purpose."""


class ConfigurationError(WhichstepError):
    """A setting or a file named by a setting cannot be used. `problems` has file, line, rule and remedy of each."""

    def __init__(self, message: str = "", problems: Sequence[Problem] = ()) -> None:
        shown = [str(problem) for problem in problems[:PROBLEMS_SHOWN]]
        if len(problems) > PROBLEMS_SHOWN:
            shown.append(f"and {len(problems) - PROBLEMS_SHOWN} more of {len(problems)} problems")
        super().__init__(message or "\n".join(shown))
        self.problems = tuple(problems)


class ActionBlocked(WhichstepError):  # noqa: N818  the public name
    """The policy forbids the action; it did not run. The attempt is recorded as a violation."""


class ApprovalPending(WhichstepError):  # noqa: N818  the public name
    """A person has to decide before the action may run; `approval_id` is what to ask for."""

    def __init__(self, message: str, approval_id: str) -> None:
        super().__init__(message)
        self.approval_id = approval_id


class ApprovalRejected(WhichstepError):  # noqa: N818  the public name
    """A person refused the action; it did not run. `notes` is the reason that was given."""

    def __init__(self, message: str, approval_id: str | None = None, notes: str | None = None) -> None:
        super().__init__(message)
        self.approval_id = approval_id
        self.notes = notes


class ApprovalExpired(WhichstepError):  # noqa: N818  the public name
    """Nobody decided in time; the action did not run. Nobody refused it either."""

    def __init__(self, message: str, approval_id: str | None = None) -> None:
        super().__init__(message)
        self.approval_id = approval_id


class ApprovalUnavailable(WhichstepError):  # noqa: N818  the public name
    """The sidecar could not be asked, so the action did not run."""


class WorkflowViolation(WhichstepError):  # noqa: N818  the public name
    """The workflow's contract forbids the step, which did not run, or its end.

    `rule` names what forbids it, `state` the step that the workflow is in (None: at its start), `allowed` what may
    come next, `step` what was tried (None: to end).
    """

    def __init__(
        self,
        message: str,
        *,
        workflow: str = "",
        rule: str = "",
        state: str | None = None,
        step: str | None = None,
        allowed: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.workflow, self.rule, self.state, self.step, self.allowed = workflow, rule, state, step, tuple(allowed)
