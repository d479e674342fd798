import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whichstep_collector.compression import decompressed
from whichstep_collector.refusals import CORRUPT, TOO_LARGE, UNSUPPORTED_CODING, Refused

TEXT = b"spans " * 1000


def raw_deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


CODERS = {"gzip": gzip.compress, "deflate": zlib.compress, "raw deflate": raw_deflate, "identity": bytes, "": bytes}


def refusal_of(body, coding, bytes_max=6000):
    with pytest.raises(Refused) as caught:
        decompressed(body, coding, bytes_max=bytes_max)
    return caught.value.refusal


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize("data", [TEXT, b"", b"x"])
def test_every_coding_gives_the_body_back_up_to_exactly_the_limit(name, data):
    body = CODERS[name](data)
    coding = name.removeprefix("raw ")
    assert decompressed(body, coding, bytes_max=len(data)) == data
    if data:
        assert refusal_of(body, coding, len(data) - 1) is TOO_LARGE


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(0, 8))
def test_members_of_a_gzip_body_are_joined_and_zero_padding_is_legal(members, padding):
    body = b"".join(gzip.compress(member) for member in members) + b"\0" * padding
    assert decompressed(body, " GZIP ", bytes_max=2000) == b"".join(members)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(TEXT)[:-1], id="truncated"),
        pytest.param(gzip.compress(TEXT) + b"garbage", id="garbage behind it"),
        pytest.param(gzip.compress(TEXT) + gzip.compress(TEXT)[:12], id="truncated second member"),
        pytest.param(TEXT, id="not compressed at all"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_damaged_or_mislabelled_body_is_corrupt(body):
    assert refusal_of(body, "gzip", 10 * len(TEXT)) is CORRUPT


def test_a_bomb_is_refused_at_the_limit():
    assert refusal_of(gzip.compress(bytes(50 << 20)), "gzip", 1 << 20) is TOO_LARGE


def test_thousands_of_tiny_members_are_refused():
    assert refusal_of(gzip.compress(b"x") * 5000, "gzip", 1 << 20) is CORRUPT


@pytest.mark.parametrize("coding", ["br", "lz4", "x"])
def test_an_unknown_coding_is_named_as_such(coding):
    assert refusal_of(TEXT, coding) is UNSUPPORTED_CODING


def test_zstd_is_read_where_its_package_is_installed():
    zstandard = pytest.importorskip("zstandard")
    body = zstandard.compress(TEXT)
    assert decompressed(body, "zstd", bytes_max=len(TEXT)) == TEXT
    assert refusal_of(body, "zstd", len(TEXT) - 1) is TOO_LARGE
    assert refusal_of(b"no zstd", "zstd") is CORRUPT
