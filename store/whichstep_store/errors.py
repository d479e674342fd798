"""What can go wrong in the store.

StoreError
├── StoreLocked        another process owns the data folder
├── SchemaUnsupported  the file was written by a newer build
├── StoreUnavailable   nothing was changed; the same call may succeed later
│   ├── StoreFull      the disk has no room: try again when there is some
│   └── StoreFailed    DuckDB gave up on the file: reopen the store, then replay from the journal position
├── StoreDamaged       a file does not hold what the manifest says
├── SqlRefused         a user's SQL is not one SELECT over the public views, or DuckDB rejected it
└── SqlStopped         a user's SQL ran past its time or memory

RowsRefused (no StoreError: the store is well) rows that do not fit their tables; trying again does not help
"""

# ruff: noqa: N818  (they say what happened; the base class says that it is an error)

from __future__ import annotations


class StoreError(Exception):
    """Anything that the store refuses or fails to do; the message ends with what to do next."""


class StoreLocked(StoreError):
    """Another process owns the data folder."""

    def __init__(self, message: str, *, pid: int | None, endpoint: str | None) -> None:
        super().__init__(message)
        self.pid = pid
        self.endpoint = endpoint


class SchemaUnsupported(StoreError):
    """The database file has tables that this build does not know how to read."""


class StoreUnavailable(StoreError):
    """The call changed nothing and may be repeated."""


class StoreFull(StoreUnavailable):
    """The disk has no room left; the store resumes by itself once it has."""


class StoreFailed(StoreUnavailable):
    """DuckDB invalidated its instance; `Store.reopen` brings back everything that was committed."""


class StoreDamaged(StoreError):
    """A segment is missing or does not match its checksum."""


class SqlRefused(StoreError):
    """The text is not exactly one SELECT over the public views, or it does not make sense to DuckDB."""


class SqlStopped(StoreError):
    """The query ran into its time or memory limit."""


class RowsRefused(ValueError):
    """Rows do not fit the tables. The store is well and nothing was changed; the same rows will be refused again."""
