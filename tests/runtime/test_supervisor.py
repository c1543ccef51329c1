"""When a group of processes is started anew, and when that is given up."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from declare.contract.problem import Problem
from declare.runtime.launch import Crew, Death, Ending
from declare.runtime.supervisor import watch


def watched(folder: Path, endings: Sequence[Ending]) -> tuple[int, list[str], int]:
    """Return the exit status, the codes that were told, and how many attempts were made."""
    left, told = list(endings), list[str]()

    def tell(problem: Problem) -> None:
        told.append(problem.code)

    status = watch(Crew(2), folder, lambda *_: left.pop(0), tell)
    return status, told, len(endings) - len(left)


@pytest.mark.parametrize("status", [1, 2])
def test_a_command_that_has_said_why_it_does_not_begin_is_believed(tmp_path: Path, status: int) -> None:
    """Its exit status is that of the whole, and nothing more is said."""
    assert watched(tmp_path, [Ending(None, Death(0, status, 0, ""), None)]) == (status, [], 1)


def test_the_same_status_in_the_course_of_a_run_is_a_death(tmp_path: Path) -> None:
    """A library that ends the process says nothing to the user: the run starts anew and the finding is told."""
    run = tmp_path / "run"
    run.mkdir()
    endings = [Ending(None, Death(1, 1, 7, ""), run), Ending(0, None, run)]
    assert watched(tmp_path, endings) == (0, ["HW711"], 2)
    assert "process_died" in (run / "events.jsonl").read_text()


def test_a_run_folder_that_cannot_be_written_keeps_nobody_from_starting_anew(tmp_path: Path) -> None:
    """It may stand on another machine, or on a full disk."""
    endings = [Ending(None, Death(1, -9, 7, ""), tmp_path / "elsewhere"), Ending(0, None, None)]
    assert watched(tmp_path, endings) == (0, ["HW711"], 2)


def test_two_deaths_at_one_step_are_enough(tmp_path: Path) -> None:
    """It would go on dying there."""
    endings = [Ending(None, Death(1, -9, 7, ""), tmp_path)] * 3
    assert watched(tmp_path, endings) == (4, ["HW711", "HW712"], 2)
