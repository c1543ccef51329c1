"""Ray Train: the processes of a run are workers of a Ray cluster, of a local one if none is reached.

Ray places and connects the processes. What a run keeps stays ours: its folder, its checkpoints, and the rule of
when to start again. The folder must be where every worker finds it: on one machine anywhere, on several in a
folder that they share.
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import HardwarePlan, Plan
from declare.runtime.distributed import event_pipe, heartbeat, ray_cluster
from declare.runtime.distributed.launch import (
    LaunchResult,
    LaunchSpec,
    ProcessFailure,
    read_outcome,
    read_run_folder,
)
from declare.runtime.distributed.process_group import PATIENCE
from declare.runtime.distributed.signal_forwarding import SignalForwarder
from declare.runtime.distributed.supervisor import Report, watch
from declare.runtime.errors import first_line
from declare.runtime.launchers.ray_worker import LostError, Task, log_tail, work
from declare.runtime.listeners.listener import EventBus, Listener
from declare.runtime.run import Outcome
from declare.runtime.run_folder.durable_io import translate_os_errors
from declare.system import trust
from declare.system.extras import require

_INTERVAL = "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"
"""How often Ray looks at its workers. A worker that reports waits until it has looked at the report before."""
_INTERVAL_SECONDS = "0.1"
_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_ENVIRONMENT = {"HF_DATASETS_CACHE", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TORCH_HOME"}
"""Variables that are the same in every worker as in the command, beside our own: no secrets, Ray shows them."""


class RayEngine:
    """Trains like `declare.runtime.run.train`, on Ray; `report` gets problems of workers that die or do not start."""

    def __init__(self, report: Report) -> None:
        require("ray", "ray")
        self._report = report

    def train(
        self,
        plan: Plan,
        spec_text: str,
        folder: Path | None = None,
        *,
        listeners: Sequence[Listener] = (),
        **train_options: Any,
    ) -> Outcome:
        """Train a plan in a new run folder, or continue a run; `train_options` goes to `run.train` in every worker.

        Raises `ProblemError` for what keeps the run from starting.
        """
        place = folder.absolute().parent if folder else Path("runs", plan.name).absolute()
        with translate_os_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        task = _task(plan, spec_text, folder, train_options)
        os.environ.setdefault(_INTERVAL, _INTERVAL_SECONDS)
        num_workers = _workers(plan.hardware, 0).size
        with ray_cluster.connect_ray(processors=num_workers) as ray, _launch_folder(place) as root:
            workers = _workers(plan.hardware, int(ray.cluster_resources().get("GPU", 0)))
            launch = _Launch(workers, task, EventBus(listeners), self._report)
            with launch.forwarder as forwarder:
                status = watch(
                    LaunchSpec(workers.size), root, launch.attempt, launch.hold_back, lambda: forwarder.status
                )
            return launch.outcome(status)


def _task(plan: Plan, spec_text: str, folder: Path | None, train_options: dict[str, Any]) -> Task:
    variables = [name for name in os.environ if name in _ENVIRONMENT or name.startswith("DECLARE_")]
    return Task(
        plan=plan.model_dump_json(),
        spec_text=spec_text,
        folder=str(folder) if folder else None,
        train_options=train_options,
        home=str(Path.cwd()),
        environment={name: os.environ[name] for name in variables},
        granted=trust.granted_entries(),
        threads=int(os.environ.get("OMP_NUM_THREADS", "0")),
    )


@contextlib.contextmanager
def _launch_folder(place: Path) -> Iterator[Path]:
    """Make a private folder beside the run's, where workers of all machines find it."""
    with tempfile.TemporaryDirectory(prefix=".launch-", dir=place, ignore_cleanup_errors=True) as root:
        yield Path(root)


# -- the workers -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Workers:
    """How many workers a run wants, and of what kind."""

    size: int
    gpu: bool

    def __str__(self) -> str:
        kind = "GPU" if self.gpu else "CPU"
        return f"{self.size} {kind}s" if self.size > 1 else f"1 {kind}"

    @property
    def resources(self) -> dict[str, float]:
        """What each worker occupies."""
        return {"CPU": 1, "GPU": 1} if self.gpu else {"CPU": 1}


def _workers(hardware: HardwarePlan, gpus: int) -> _Workers:
    """Return the workers that the plan asks for of a cluster with so many GPUs; `auto` takes them all."""
    gpu = hardware.accelerator == "cuda" or (hardware.accelerator == "auto" and gpus > 0)
    if hardware.strategy == "single":
        return _Workers(1, gpu)
    if isinstance(hardware.devices, int):
        return _Workers(hardware.devices * hardware.nodes, gpu)
    return _Workers(max(gpus, 1) if gpu else 1, gpu)


def _ray_failure(error: BaseException, run: Path | None) -> Problem:
    helps = (f"continue with `--resume {run}`",) if run else ()
    return Problem("HW713", "Ray failed to run the workers", notes=(first_line(error),), helps=helps)


def _waiting_problem(workers: _Workers, free: dict[str, float]) -> Problem:
    cpus, gpus = (int(free.get(kind, 0)) for kind in ("CPU", "GPU"))
    return Problem(
        "HW714",
        f"Ray has not yet started the workers: {workers} wanted, {cpus} CPUs and {gpus} GPUs free",
        notes=("the run begins as soon as the cluster has room",),
    )


# -- a launch ----------------------------------------------------------------------------------------------


class _Launch:
    """Attempts to train, each a fresh group of workers."""

    def __init__(self, workers: _Workers, task: Task, bus: EventBus, report: Report) -> None:
        self._workers = workers
        self._task = task
        self._bus = bus
        self._report = report
        self._held_back: Problem | None = None
        self._run: Path | None = None
        self._result: event_pipe.Result | None = None
        self.forwarder = SignalForwarder(kills=False)

    def hold_back(self, problem: Problem) -> None:
        """Store a problem of the supervisor, to be reported before the next attempt or in the result."""
        self._held_back = problem

    def attempt(self, folder: Path, number: int, run: Path | None) -> LaunchResult:
        """Train in a fresh group of workers until it ends."""
        if self._held_back is not None:
            self._report(self._held_back)
        task = replace(self._task, launch=str(folder))
        if run is not None:
            task = replace(task, folder=str(run), train_options={**task.train_options, "resume": True})
        self.forwarder.watch_folder(folder)
        error = self._wait(_RayFit(task, self._workers), folder)
        self._run, self._result = read_run_folder(folder) or run, event_pipe.read_result(folder)
        if self._result is not None and self._result.refused:
            raise ProblemError(*self._result.problems)
        status, _ = read_outcome(folder)  # what workers find comes back by the relay
        return LaunchResult(status, self._process_failure(error, folder), self._run)

    def _wait(self, fit: "_RayFit", folder: Path) -> BaseException | None:
        """Forward the events of rank 0 until all have ended; return the exception of Ray."""
        receiver = event_pipe.Receiver(folder)
        waiting_seconds, free = 0.0, import_module("ray").available_resources()
        fit.start()
        while fit.is_alive():
            fit.join(_POLL_SECONDS)
            waiting_seconds += _POLL_SECONDS
            if waiting_seconds - _POLL_SECONDS < _PATIENCE_SECONDS <= waiting_seconds and not fit.has_begun:
                self._report_waiting(free)
            self._forward_events(receiver)
        self._forward_events(receiver)
        self._bus.close()
        return fit.error

    def _report_waiting(self, free: dict[str, float]) -> None:
        """Report the free resources if they are too few for the workers."""
        resources = self._workers.resources
        if any(free.get(kind, 0) < count * self._workers.size for kind, count in resources.items()):
            self._report(_waiting_problem(self._workers, free))

    def _forward_events(self, receiver: event_pipe.Receiver) -> None:
        for event in receiver.read_events():
            self._bus.emit(event)

    def _process_failure(self, error: BaseException | None, folder: Path) -> ProcessFailure | None:
        """Return what is known of the first worker that failed; raises `ProblemError` if Ray itself did."""
        if error is None:
            return None
        failures: dict[int, BaseException] = getattr(error, "worker_failures", {})
        if not failures:
            raise ProblemError(_ray_failure(error, self._run)) from error
        # A worker that only lost the others is not the one that failed.
        rank = min(failures, key=lambda number: (isinstance(failures[number], LostError), number))
        _, step = heartbeat.read_heartbeats(folder).get(rank, (0, 0))
        return ProcessFailure(rank, 0, step, log_tail(folder, rank), _cause(failures[rank]))

    def outcome(self, status: int) -> Outcome:
        """Return what became of the run."""
        result = self._result
        if result is not None:
            return Outcome(Path(result.folder), result.metrics or {}, result.status, result.problems)
        assert self._held_back is not None
        if self._run is None:
            raise ProblemError(self._held_back)
        return Outcome(self._run, {}, status, (self._held_back,))


def _cause(error: BaseException) -> str:
    if type(error).__module__.startswith("ray."):
        return "its process was killed or crashed"
    return f"{type(error).__name__}: {first_line(error)}"


class _RayFit(threading.Thread):
    """Ray's own work, in a thread next to the one that handles signals."""

    def __init__(self, task: Task, workers: _Workers) -> None:
        super().__init__(name="ray", daemon=True)
        self.error: BaseException | None = None
        self._folder = Path(task.launch)
        self._trainer = self._make(task, workers)

    @property
    def has_begun(self) -> bool:
        """Whether a worker has given a sign of life."""
        return any(self._folder.glob("words-*"))

    @staticmethod
    def _make(task: Task, workers: _Workers) -> Any:
        train: Any = import_module("ray.train")
        torch: Any = import_module("ray.train.torch")
        return torch.TorchTrainer(
            work,
            train_loop_config={"task": task},
            torch_config=torch.TorchConfig(
                backend="cpu:gloo,cuda:nccl" if workers.gpu else "gloo",
                timeout_s=int(PATIENCE.total_seconds()),
            ),
            scaling_config=train.ScalingConfig(
                num_workers=workers.size, use_gpu=workers.gpu, resources_per_worker=workers.resources
            ),
            run_config=train.RunConfig(
                name="ray", storage_path=task.launch, failure_config=train.FailureConfig(max_failures=0)
            ),
        )

    def run(self) -> None:
        """Train; what is raised is kept."""
        try:
            self._trainer.fit()
        except BaseException as error:  # noqa: BLE001 - it is judged in the thread that waits
            self.error = error
