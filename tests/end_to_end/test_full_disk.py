"""A full disk: what cannot be kept is refused retryably, what was acknowledged stays, and it resumes by itself."""

import itertools
import os
import subprocess

import httpx
import pytest

from running import PROTOBUF, running, traces, wait_until

DISK_BYTES = 64 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 MiB; skipped where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a small disk: {getattr(error, 'stderr', error)}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path, leave):
    """Take all space of the disk but `leave` bytes."""
    disk = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - leave)


@pytest.mark.parametrize("disk_free_bytes_min", [4 << 20, 0], ids=["with a reserve", "to the last byte"])
def test_a_full_disk_refuses_retryably_keeps_what_was_acknowledged_and_resumes(small_disk, disk_free_bytes_min):
    ids = itertools.count(1)
    acknowledged = set()

    def send(client):
        batch = list(itertools.islice(ids, 256))
        # text of little repetition, so that the disk fills
        body = traces(*batch, trace=batch[0], note=os.urandom(500).hex()).SerializeToString()
        response = client.post("/v1/traces", content=body, headers={"content-type": PROTOBUF})
        if response.status_code == 200:
            acknowledged.update(batch)
        return response

    with (
        running(small_disk, disk_free_bytes_min=disk_free_bytes_min) as started,
        httpx.Client(base_url=started.http, trust_env=False, timeout=60) as client,
    ):
        assert send(client).status_code == 200
        filler = small_disk / "filler"
        fill(filler, leave=disk_free_bytes_min + (2 << 20))
        refused = next(response for response in (send(client) for _ in range(2000)) if response.status_code != 200)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        if disk_free_bytes_min:
            assert httpx.get(started.http + "/readyz", trust_env=False, timeout=60).status_code == 503
        assert len(acknowledged) > 256

        filler.unlink()
        wait_until(lambda: send(client).status_code == 200, 30)
        wait_until(lambda: started.count("whichstep_journal_backlog_bytes") == 0, 60)
        wait_until(lambda: httpx.get(started.http + "/readyz", trust_env=False, timeout=60).status_code == 200, 30)
        stored = started.span_ids()
    assert acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))
