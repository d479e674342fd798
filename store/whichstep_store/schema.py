"""The tables of a database file and how they change.

`tables/_order` lists every table in the order of creation; a file that is not listed, or a listed file that is not
there, stops the start. `migrations/NNNN_name.sql` takes a file from version NNNN - 1 to NNNN; each runs in one
transaction followed by a checkpoint, so that a crash right after one finds no DDL in the write-ahead log.
"""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from whichstep_store.access import Database, Session
from whichstep_store.errors import SchemaUnsupported, StoreError

VERSION: Final = 14
_PACKAGE: Final = files("whichstep_store")
_MIGRATION: Final = re.compile(r"(\d{4})_\w+\.sql")


def ensure(database: Database, path: Path) -> bool:
    """Creates the tables of a new file, or brings those of an older one up to date; whether the file was new.

    Raises SchemaUnsupported for a file that a newer build wrote.
    """
    found = stored_version(database)
    if found is None:
        _create(database)
        return True
    if found > VERSION:
        raise SchemaUnsupported(
            f"cannot open {path}: schema version {found}, this build reads up to {VERSION}; "
            "install a newer whichstep or choose another --data-dir"
        )
    for version in range(found + 1, VERSION + 1):
        _migrate(database, version)
    return False


def stored_version(database: Database) -> int | None:
    """The schema version of an open file; None when it has no tables yet."""
    exists = "select count(*) from duckdb_tables() where table_name = 'schema_version'"
    if not database.read(exists).column(0)[0].as_py():
        return None
    versions = database.read("select version from schema_version").column(0).to_pylist()
    return int(versions[0]) if versions else None


def ordered(folder: str) -> list[str]:
    """Names of the objects of a folder of SQL files in the order of its manifest, which must list exactly them."""
    listed = (_PACKAGE / folder / "_order").read_text(encoding="utf-8").split()
    present = {Path(entry.name).stem for entry in _sql_files(folder)}
    if len(listed) != len(set(listed)) or set(listed) != present:
        difference = ", ".join(sorted(set(listed) ^ present)) or "a name twice"
        raise StoreError(f"{folder}/_order and the files beside it differ: {difference}; install whichstep again")
    return listed


def ddl(folder: str, name: str) -> str:
    """The text of one SQL file of the package."""
    return (_PACKAGE / folder / f"{name}.sql").read_text(encoding="utf-8")


def migrations() -> dict[int, str]:
    """The statements of each migration, by the version that it leads to."""
    found = {}
    for entry in _sql_files("migrations"):
        matched = _MIGRATION.fullmatch(entry.name)
        if matched is None:
            raise StoreError(f"migrations/{entry.name} is not named NNNN_name.sql; install whichstep again")
        found[int(matched[1])] = entry.read_text(encoding="utf-8")
    return found


def _create(database: Database) -> None:
    with database.writing() as session:
        for name in ordered("tables"):
            session.execute(ddl("tables", name))
        session.execute("insert into schema_version (version) values (?)", [VERSION])
    database.checkpoint()


def _migrate(database: Database, version: int) -> None:
    with database.writing() as session:
        _run(session, migrations()[version])
        session.execute("update schema_version set version = ?", [version])
    database.checkpoint()


def _run(session: Session, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            session.execute(statement)


def _sql_files(folder: str) -> list[Traversable]:
    return [entry for entry in (_PACKAGE / folder).iterdir() if entry.name.endswith(".sql")]
