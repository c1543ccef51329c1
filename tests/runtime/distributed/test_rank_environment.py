"""Where a process stands in its group, as torchrun and SLURM tell it."""

import pytest

from declare.runtime.distributed.rank_environment import (
    RankEnvironment,
    first_host,
    read_rank_environment,
    rendezvous_address,
    restarts,
)

SLURM = {
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
    "SLURM_STEP_NODELIST": "gpu[03-04]",
    "SLURM_JOB_ID": "20007",
}


def test_torchrun_says_rank_and_size() -> None:
    """The four variables of torchrun are the place."""
    told = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert read_rank_environment(told) == RankEnvironment(3, 4, 1, 2)


@pytest.mark.parametrize(
    "told", [{}, {"RANK": "0", "WORLD_SIZE": "1"}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}]
)
def test_nobody_started_a_group(told: dict[str, str]) -> None:
    """Without ranks, with one process, or in a SLURM job outside of a step, a process is alone."""
    assert read_rank_environment(told) is None


def test_slurm_says_rank_and_size() -> None:
    """A task of a SLURM step is a process; the first machine of its list is where they meet."""
    assert read_rank_environment(SLURM) == RankEnvironment(5, 8, 1, 4)
    assert rendezvous_address(SLURM) == ("gpu03", 20_007)


def test_torchrun_goes_before_slurm() -> None:
    """Inside a SLURM step torchrun has the last word."""
    assert read_rank_environment(SLURM | {"RANK": "1", "WORLD_SIZE": "2"}) == RankEnvironment(1, 2, 1, 2)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("login", "login"),
        ("gpu[03-05,7],cpu1", "gpu03"),
        ("a1,b[2-3]", "a1"),
        ("node[7]", "node7"),
        ("x-[1,3]", "x-1"),
    ],
)
def test_the_first_host_of_a_list(nodes: str, first: str) -> None:
    """The first name of SLURM's short form is written out."""
    assert first_host(nodes) == first


def test_restarts_of_torchrun() -> None:
    """How often torchrun started the group anew stands in its environment."""
    assert restarts({}) == 0
    assert restarts({"TORCHELASTIC_RESTART_COUNT": "2"}) == 2


@pytest.mark.parametrize(("names", "found"), [(["lo", "eth0"], "lo"), (["en0", "lo0"], "lo0")])
def test_processes_of_one_machine_speak_through_its_loopback(
    monkeypatch: pytest.MonkeyPatch, names: list[str], found: str
) -> None:
    """Linux and macOS call the interface by other names."""
    from declare.runtime.distributed import process_group

    monkeypatch.setattr("socket.if_nameindex", lambda: list(enumerate(names)))
    assert process_group.loopback() == found
