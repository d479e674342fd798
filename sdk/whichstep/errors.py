"""What the SDK raises, and only where it was asked to decide something; recording never raises into the host.

WhichstepError
└── ConfigurationError   a setting, a pattern file or an argument cannot be used; the message names it and what to do
"""

from __future__ import annotations


class WhichstepError(Exception):
    """Base of what whichstep raises on purpose."""


class ConfigurationError(WhichstepError):
    """A setting or a file named by a setting cannot be used."""
