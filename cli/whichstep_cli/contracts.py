"""Contracts from files, for the sidecar and for commands."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from whichstep.contract import Contract, load, to_toml
from whichstep.errors import ConfigurationError
from whichstep_cli.errors import UsageError
from whichstep_collector.settings import Settings

KEPT_CONTRACTS: Final = "contracts"
"""Folder beside the data: the contracts that its results are judged by, for commands that open the data themselves."""


def contracts_of(settings: Settings) -> Mapping[str, Contract]:
    """The configured contracts, by name; none where the settings name no folder.

    Raises:
        UsageError: there is no such folder, a contract cannot be used, or two have the same name.
    """
    folder = settings.contracts
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UsageError(f"contracts: {folder} is no folder; name one that holds *.toml files")
    found: dict[str, Contract] = {}
    for file in sorted(folder.glob("*.toml")):
        contract = read_contract(file)
        if contract.name in found:
            raise UsageError(f"{file}: a second contract of {contract.name}; leave one of them in {folder}")
        found[contract.name] = contract
    return found


def keep_contracts(settings: Settings) -> None:
    """Copy the configured contracts beside the data; take away what an earlier start left there."""
    kept = settings.data_dir / KEPT_CONTRACTS
    if settings.contracts == kept:
        return
    written = settings.data_dir / f"{KEPT_CONTRACTS}.new"
    shutil.rmtree(written, ignore_errors=True)
    if contracts := contracts_of(settings):
        written.mkdir()
        for number, contract in enumerate(contracts.values()):
            (written / f"{number:03}.toml").write_text(to_toml(contract), encoding="utf-8")
    shutil.rmtree(kept, ignore_errors=True)
    if written.exists():
        written.rename(kept)


def read_contract(file: Path) -> Contract:
    """The contract in a file, its output schemas checked.

    Raises:
        UsageError: it cannot be read, or something in it is wrong.
    """
    try:
        contract = load(file)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
    for step in contract.steps:
        problem = _schema_problem(step.output) if step.output is not None else None
        if problem is not None:
            raise UsageError(f"{file}: the output schema of {step.name} is none: {problem}; mend it")
    return contract


def _schema_problem(schema: Mapping[str, Any]) -> str | None:
    from whichstep_analytics.conformance.output_schema import schema_problem  # noqa: PLC0415  few contracts declare any

    return schema_problem(schema)
