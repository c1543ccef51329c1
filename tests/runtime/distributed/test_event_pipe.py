"""Workers and whoever started them talk through files: events, orders to stop, what became of the run."""

from __future__ import annotations

import math
from pathlib import Path

from declare.contract.problem import Problem
from declare.runtime.distributed import event_pipe
from declare.runtime.run_folder.event_file import Event


def test_events_arrive_once_and_in_order(tmp_path: Path) -> None:
    """What was read is not read again; half a line waits for its end."""
    sender, receiver = event_pipe.Sender(tmp_path), event_pipe.Receiver(tmp_path)
    assert receiver.read_events() == []
    first = Event("step", "fit", 3, 3, {"losses": {"loss": math.inf}, "folder": "r"})
    sender.on_event(first)
    assert receiver.read_events() == [first]
    assert receiver.read_events() == []
    sender.on_event(Event("tick"))
    sender.on_event(Event("boundary", "fit", 4, 4))
    with (tmp_path / "events").open("a", encoding="utf-8") as file:
        file.write('["evaluated", "fit", 4')
    assert [event.name for event in receiver.read_events()] == ["tick", "boundary"]
    with (tmp_path / "events").open("a", encoding="utf-8") as file:
        file.write(", 4, {}]\n")
    assert [event.name for event in receiver.read_events()] == ["evaluated"]


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    """Status, metrics and problems survive, with notes and help; before that there is nothing."""
    assert event_pipe.read_result(tmp_path) is None
    problem = Problem("PHS620", "loss is nan", at="phases.fit", notes=("step 3",), helps=("lower the rate",))
    wanted = event_pipe.Result(4, "runs/x", {"val/loss": 0.1 + 0.2}, (problem,))
    event_pipe.write_result(tmp_path, wanted)
    assert event_pipe.read_result(tmp_path) == wanted
