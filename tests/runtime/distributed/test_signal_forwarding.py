"""Requests to stop, from a launcher to the processes that it has started."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from declare.runtime.distributed import heartbeat
from declare.runtime.distributed.rank_environment import LAUNCH
from declare.runtime.distributed.signal_forwarding import (
    SignalForwarder,
    watch_stop_requests,
    write_stop_request,
)
from declare.runtime.distributed.signal_handler import SAME_SECONDS, StopFlag


@pytest.fixture
def _launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a process that was launched; its way out ignores signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setenv(LAUNCH, str(tmp_path))
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_request_to_stop_reaches_processes_that_have_begun(tmp_path: Path) -> None:
    """The first one is an order that they find whenever they look, the second one leaves."""
    with SignalForwarder(kills=False) as forwarder:
        forwarder.watch_folder(tmp_path)
        heartbeat.start(tmp_path, 0)
        assert forwarder.status is None
        signal.raise_signal(signal.SIGTERM)
        assert forwarder.status == 75
        assert (tmp_path / "stop_request").read_text() == "SIGTERM"
        signal.raise_signal(signal.SIGTERM)  # the same request, delivered twice
        assert forwarder.status == 75
        time.sleep(SAME_SECONDS)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert forwarder.status == 130


def test_before_anything_has_begun_a_signal_leaves_at_once(tmp_path: Path) -> None:
    """There is nothing to save, and nobody who could."""
    with SignalForwarder(kills=True) as forwarder:
        forwarder.watch_folder(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert forwarder.status == 143


@pytest.mark.usefixtures("_launched")
def test_an_order_raises_the_flag_of_a_run(tmp_path: Path) -> None:
    """Also one that was given before the run began to listen."""
    write_stop_request(tmp_path, "SIGTERM")
    with StopFlag() as flag, watch_stop_requests():
        for _ in range(100):
            if flag.raised:
                break
            time.sleep(0.05)
    assert flag.reason == "SIGTERM"


@pytest.mark.usefixtures("_launched")
def test_without_an_order_no_flag_is_raised() -> None:
    """A run that nobody asks to stop goes on."""
    with StopFlag() as flag, watch_stop_requests():
        time.sleep(0.4)
    assert not flag.raised
