"""Members of a zip archive as records: the samples of an Inspect log, with the log's header.

Nothing is unpacked to disk. Logs of today are packed with Zstandard, which Python reads in archives from 3.14 on;
before, its backport does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO, Any, Final

from whichstep_cli.imports.json_stream import loaded
from whichstep_cli.imports.limits import RECORD_BYTES_MAX, Skipped, TooLargeError

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

_HEADERS: Final = ("header.json", "_journal/start.json")
"""Of a log that is whole, and of one whose run was interrupted."""
_SAMPLES: Final = "samples/"


def zip_records(file: IO[bytes]) -> Iterator[tuple[Any, dict[str, Any], str] | Skipped]:
    """Every sample of the archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
            header = next((_member(archive, name) for name in _HEADERS if name in members), None)
            if not isinstance(header, dict):
                raise TooLargeError("a zip archive without header.json is no Inspect log")
            for name in archive.namelist():
                if name.startswith(_SAMPLES) and name.endswith(".json"):
                    found = _member(archive, name)
                    yield found if isinstance(found, Skipped) else (found, header, "samples")
    except zipfile.BadZipFile as error:
        raise TooLargeError(f"no zip archive that can be read: {error}") from error


def _member(archive: Any, name: str) -> Any:
    """The JSON of a member. Its declared size is not believed: reading stops at the limit."""
    try:
        with archive.open(name) as stream:
            text = stream.read(RECORD_BYTES_MAX + 1)
    except Exception as error:  # noqa: BLE001 (each way of packing has errors of its own)
        return Skipped(f"a member of the archive cannot be read: {type(error).__name__}", name)
    if len(text) > RECORD_BYTES_MAX:
        return Skipped(f"a member of the archive has over {RECORD_BYTES_MAX >> 20} MiB", name)
    try:
        return loaded(text)
    except ValueError:
        return Skipped("a member of the archive is not JSON", name)
