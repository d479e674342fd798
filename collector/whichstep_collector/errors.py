"""What the sidecar raises.

CollectorError
├── SettingsError      a value of the settings cannot be used; the message names it and its source
├── JournalError
│   ├── JournalFull    more is waiting for the store than the limit allows: refuse, the client retries
│   ├── JournalFailed  the disk refused a write or a sync: refuse, the client retries
│   └── JournalForeign a record of a schema this build does not know: nothing is skipped, loading stops
└── PortInUse          a door could not be opened; the message names the port
"""
# ruff: noqa: N818  names say what happened, as the public ones of the SDK do

from __future__ import annotations


class CollectorError(Exception):
    """Base of what the sidecar raises on purpose."""


class SettingsError(CollectorError):
    """A setting cannot be used: unknown, of the wrong type, or out of range."""


class JournalError(CollectorError):
    """The journal could not do what it was asked."""


class JournalFull(JournalError):
    """The journal holds as much unloaded data as it may; nothing of the batch was kept."""


class JournalFailed(JournalError):
    """The disk refused the write or the sync, or the journal is closed; the batch is not acknowledged."""


class JournalForeign(JournalError):
    """A record has a schema version that this build does not know."""


class PortInUse(CollectorError):
    """A door could not be opened because another process listens on its port."""
