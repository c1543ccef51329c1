"""Work ahead in threads: its order, its errors, and reads that never come back."""

import threading
import time

import pytest

from declare.data.read import prefetch


def test_results_come_in_order_though_the_work_does_not():
    """The first item takes longest and still comes first."""
    found = prefetch.in_order(lambda item: time.sleep((5 - item) / 200) or item, range(6), 3, 4)
    assert list(found) == list(range(6))


def test_an_error_is_raised_at_its_turn():
    """What comes before a failing item is handed over first."""
    seen = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(prefetch.in_order(lambda item: 6 / (3 - item), range(6), 1, 2))
    assert seen == [2, 3, 6]


def test_a_timeout_of_the_work_itself_is_no_stall():
    """A reader's own TimeoutError goes through as it is."""

    def make(_):
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        list(prefetch.in_order(make, range(2), 1, 1))


def test_a_read_that_hangs_is_given_up_and_named(monkeypatch):
    """The item is named after the limit, nobody waits for its thread, and none keeps the process alive."""
    monkeypatch.setattr(prefetch, "STALL_SECONDS", 0.2)
    gate = threading.Event()
    began = time.monotonic()
    with pytest.raises(prefetch.StalledError) as caught:
        list(prefetch.in_order(lambda item: gate.wait() if item == 2 else item, range(5), 2, 3))
    assert caught.value.item == 2
    assert time.monotonic() - began < 3
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("decode-"))
    gate.set()


def test_the_sample_that_hangs_is_found_among_others(monkeypatch):
    """Of several samples the one that does not come back is told; errors are no hanging."""
    monkeypatch.setattr(prefetch, "_SUSPECT_SECONDS", 0.1)
    gate = threading.Event()
    assert prefetch.suspect(lambda row: gate.wait() if row == 7 else 1 / 0, [5, 6, 7, 8]) == 7
    assert prefetch.suspect(lambda row: row, [5, 6]) is None
    gate.set()
