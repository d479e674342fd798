import threading

import pytest

from whichstep_collector.admission import REQUEST_OVERHEAD_BYTES, Admission
from whichstep_collector.refusals import BUSY, DISK_FULL, STOPPING, Refused


def admission(tmp_path, **limits):
    return Admission(tmp_path, **{"in_flight_bytes_max": 100_000, "disk_free_bytes_min": 0, **limits})


def refusal_of(gate, size=0):
    with pytest.raises(Refused) as caught:
        gate.enter(size)
    return caught.value.refusal


def test_requests_over_the_limit_are_asked_to_come_back_until_others_have_left(tmp_path):
    gate = admission(tmp_path)
    held = gate.enter(80_000)
    assert refusal_of(gate, 20_000) is BUSY
    gate.leave(held)
    gate.enter(20_000)


def test_a_single_request_larger_than_the_limit_is_admitted_when_nothing_else_is_in_flight(tmp_path):
    gate = admission(tmp_path, in_flight_bytes_max=10)
    gate.leave(gate.enter(1000))
    assert gate.in_flight_bytes() == 0


def test_many_empty_requests_are_bounded_too(tmp_path):
    gate = admission(tmp_path, in_flight_bytes_max=3 * REQUEST_OVERHEAD_BYTES)
    for _ in range(3):
        gate.enter(0)
    assert refusal_of(gate) is BUSY


def test_a_disk_below_its_limit_refuses_and_admits_again_once_there_is_room(tmp_path):
    now = [0.0]
    gate = admission(tmp_path, disk_free_bytes_min=1 << 62, monotonic=lambda: now[0])
    assert refusal_of(gate) is DISK_FULL
    assert gate.disk_is_full()
    gate._disk_free_bytes_min = 0
    gate.enter(1)


def test_a_stopping_sidecar_refuses_what_is_new_and_waits_for_what_is_in_flight(tmp_path):
    gate = admission(tmp_path)
    held = gate.enter(1)
    gate.stop()
    assert refusal_of(gate) is STOPPING
    assert not gate.wait_until_idle(timeout_seconds=0)
    threading.Timer(0.02, lambda: gate.leave(held)).start()
    assert gate.wait_until_idle(timeout_seconds=5)
