"""What the composition root adds to the parts that it puts together."""

import pytest
from polars.exceptions import PanicException

from whichstep_cli.sidecar import _tick


def test_a_panic_inside_polars_fails_one_round_and_not_the_thread():
    class Panicking:
        def tick(self):
            raise PanicException("index out of bounds")

    with pytest.raises(RuntimeError, match="index out of bounds"):
        _tick(Panicking())()
