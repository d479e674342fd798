from whichstep_store.forward_time import ForwardTime


class Clocks:
    def __init__(self):
        self.wall, self.steady = 1000, 0

    def time(self, latest=0):
        return ForwardTime(lambda: self.wall, latest=latest, monotonic=lambda: self.steady)


def test_it_follows_a_clock_that_goes_forward():
    clocks = Clocks()
    time = clocks.time()
    assert time.now() == 1000
    clocks.wall, clocks.steady = 5000, 3
    assert time.now() == 5000


def test_a_clock_that_is_set_back_goes_on_at_its_own_pace():
    clocks = Clocks()
    time = clocks.time()
    clocks.wall = 9000
    assert time.now() == 9000
    clocks.wall, clocks.steady = 2000, 40
    assert time.now() == 9040
    clocks.wall, clocks.steady = 2100, 70
    assert time.now() == 9070
    clocks.wall = 9500
    assert time.now() == 9500


def test_it_begins_at_the_latest_time_of_before():
    clocks = Clocks()
    assert clocks.time(latest=7000).now() == 7000
