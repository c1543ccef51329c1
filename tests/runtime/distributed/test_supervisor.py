"""When a group of processes is started anew, and when that is given up."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from declare.contract.problem import Problem
from declare.runtime.distributed import heartbeat
from declare.runtime.distributed.launch import (
    LaunchResult,
    LaunchSpec,
    ProcessFailure,
    read_outcome,
    write_outcome,
)
from declare.runtime.distributed.rank_environment import LAUNCH
from declare.runtime.distributed.supervisor import watch


def watched(
    folder: Path, endings: Sequence[LaunchResult], asked: int | None = None
) -> tuple[int, list[str], int]:
    """Return the exit status, the codes that were told, and how many attempts were made."""
    left, told = list(endings), list[str]()

    def tell(problem: Problem) -> None:
        told.append(problem.code)

    status = watch(LaunchSpec(2), folder, lambda *_: left.pop(0), tell, lambda: asked)
    return status, told, len(endings) - len(left)


@pytest.mark.parametrize("status", [1, 2])
def test_a_command_that_has_said_why_it_does_not_begin_is_believed(tmp_path: Path, status: int) -> None:
    """Its exit status is that of the whole, and nothing more is said."""
    assert watched(tmp_path, [LaunchResult(None, ProcessFailure(0, status, 0, ""), None)]) == (status, [], 1)


def test_the_same_status_in_the_course_of_a_run_is_a_death(tmp_path: Path) -> None:
    """A library that ends the process says nothing to the user: the run starts anew and the finding is told."""
    run = tmp_path / "run"
    run.mkdir()
    endings = [LaunchResult(None, ProcessFailure(1, 1, 7, ""), run), LaunchResult(0, None, run)]
    assert watched(tmp_path, endings) == (0, ["HW711"], 2)
    assert "process_died" in (run / "events.jsonl").read_text()


@pytest.mark.parametrize("status", [0, 1])
def test_a_run_whose_result_could_not_be_printed_has_ended(tmp_path: Path, status: int) -> None:
    """Nothing begins anew; the exit status tells of the output."""
    assert watched(tmp_path, [LaunchResult(status, ProcessFailure(0, 2, 7, ""), tmp_path)]) == (2, [], 1)


def test_a_run_folder_that_cannot_be_written_keeps_nobody_from_starting_anew(tmp_path: Path) -> None:
    """It may stand on another machine, or on a full disk."""
    endings = [
        LaunchResult(None, ProcessFailure(1, -9, 7, ""), tmp_path / "elsewhere"),
        LaunchResult(0, None, None),
    ]
    assert watched(tmp_path, endings) == (0, ["HW711"], 2)


def test_two_deaths_at_one_step_are_enough(tmp_path: Path) -> None:
    """It would go on dying there."""
    endings = [LaunchResult(None, ProcessFailure(1, -9, 7, ""), tmp_path)] * 3
    assert watched(tmp_path, endings) == (4, ["HW711", "HW712"], 2)


def test_attempts_that_come_no_further_are_given_up(tmp_path: Path) -> None:
    """Deaths at ever other steps, none beyond the furthest, are no progress."""
    endings = [
        LaunchResult(None, ProcessFailure(1, -9, step, ""), tmp_path) for step in (41, 37, 40, 38, 39, 36, 41)
    ]
    assert watched(tmp_path, endings) == (4, ["HW711"] * 4 + ["HW712"], 5)


def test_what_a_process_could_not_say_is_told_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the leading process was ended while it waited, the finding of the other one is not lost."""
    monkeypatch.setenv(LAUNCH, str(tmp_path))
    heartbeat.start(tmp_path, 0)
    write_outcome(1, 4, [Problem("PHS621", "the batch of step 3 failed", notes=("the pump is dry",))])
    status, unsaid = read_outcome(tmp_path)
    assert status == 4
    assert [(item.code, item.notes) for item in unsaid] == [
        ("PHS621", ("the pump is dry", "in the process of rank 1"))
    ]
    assert watched(tmp_path, [LaunchResult(status, None, None, unsaid)]) == (4, ["PHS621"], 1)
    write_outcome(0, 4, [])
    assert read_outcome(tmp_path) == (4, ())


def test_nothing_begins_anew_after_a_request_to_stop(tmp_path: Path) -> None:
    """A process that dies while it saves is told of; the run goes on when its user says so."""
    endings = [LaunchResult(None, ProcessFailure(1, -9, 7, ""), tmp_path)] * 2
    assert watched(tmp_path, endings, asked=75) == (75, ["HW711"], 1)


def test_who_is_ended_because_another_died_has_not_been_asked_to_stop(tmp_path: Path) -> None:
    """The launcher ends the others with the signal of a request: the group starts anew, unless there was one."""
    endings = [LaunchResult(75, ProcessFailure(1, -9, 7, ""), tmp_path), LaunchResult(0, None, tmp_path)]
    assert watched(tmp_path, endings) == (0, ["HW711"], 2)
    (tmp_path / "again").mkdir()
    assert watched(tmp_path / "again", endings, asked=75) == (75, [], 1)


def test_processes_that_end_without_a_word_have_failed(tmp_path: Path) -> None:
    """Exit status 0 is no proof that anything was trained."""
    assert watched(tmp_path, [LaunchResult(None, None, None)]) == (4, ["HW712"], 1)


@pytest.mark.parametrize(("code", "cause"), [(-9, "SIGKILL"), (-35, "signal 35"), (3, "status 3")])
def test_every_way_to_die_has_a_name(code: int, cause: str) -> None:
    """Signals that have none go by their number."""
    assert cause in ProcessFailure(0, code, 0, "").cause
