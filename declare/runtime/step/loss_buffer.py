"""The losses of the last steps, kept on the device and read together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from declare.contract.problem import Problem, ProblemError
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.runtime.run_folder.durable_io import brief


class LossBuffer:
    """Steps since the last reading; `read` is the only place where the loop waits for the device.

    What is read is the mean over the processes of `world`: losses are made for that. `about` has what is known of
    the samples of a step.
    """

    def __init__(
        self,
        names: Sequence[str],
        world: ProcessGroup = SINGLE_PROCESS,
        describe_samples: Callable[[int], Sequence[str]] | None = None,
    ) -> None:
        self._names = tuple(names)
        self._describe_samples = describe_samples
        self._world = world
        self._restored: list[Tensor] = []
        self._losses: list[Tensor] = []
        self._terms: list[Tensor] = []
        self._numbers: list[int] = []
        self.samples = 0
        self.data_seconds = 0.0
        self._since = time.perf_counter()

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, loss: Tensor, terms: Tensor) -> None:
        """Keep what step `number` gave, unread."""
        self._losses.append(loss)
        self._terms.append(terms)
        self._numbers.append(number)

    def read(self, seconds_elsewhere: float = 0.0) -> dict[str, Any]:
        """Return means and speed since the last reading, and restart.

        Raises `ProblemError` (PHS620) that names the first step whose loss is not finite.
        """
        values = self._values()
        bad = (~values[:, 0].isfinite()).nonzero()
        if len(bad):
            raise ProblemError(self._not_finite(int(bad[0]), values))
        means = values.mean(0).tolist()
        count = len(self)
        seconds = max(time.perf_counter() - self._since - seconds_elsewhere, 1e-9)
        report = {
            "losses": {"loss": means[0]} | dict(zip(self._names, means[1:], strict=True)),
            "steps": count,
            "samples_per_second": self.samples * self._world.size / seconds,
            "data_seconds": self.data_seconds / count,
            "step_seconds": seconds / count,
        }
        self.clear()
        return report

    def clear(self) -> None:
        """Forget what was kept."""
        self._restored, self._losses, self._terms, self._numbers = [], [], [], []
        self.samples, self.data_seconds = 0, 0.0
        self._since = time.perf_counter()

    def restart_clock(self) -> None:
        """Leave out the time since the last reading (an evaluation, a checkpoint)."""
        self._since = time.perf_counter()

    def _not_finite(self, row: int, values: Tensor) -> Problem:
        guilty = [
            name for name, value in zip(self._names, values[row, 1:], strict=True) if not value.isfinite()
        ]
        problem = not_finite(self._numbers[row], f"{float(values[row, 0])}", guilty)
        shares = self._world.all_gather_object(
            [] if self._describe_samples is None else list(self._describe_samples(self._numbers[row]))
        )
        sample_notes = tuple(line for lines in shares for line in lines)
        return replace(problem, notes=sample_notes + problem.notes)

    def state_dict(self) -> dict[str, Any]:
        """Return the unread steps."""
        if not self._numbers:
            return {"numbers": []}
        unread = {"values": self._values(), "samples": self.samples}
        return {"numbers": list(self._numbers), "names": list(self._names), **unread}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over unread steps; none if the losses have become others."""
        self.clear()
        if state["numbers"] and state.get("names") == list(self._names) and "values" in state:
            self._numbers = list(state["numbers"])
            self._restored = [state["values"]]
            self.samples = state["samples"]

    def _values(self) -> Tensor:
        """Return for each step the loss and its terms over all processes [steps, 1 + terms]; waits for the device.

        They are fp64: what is read does not depend on where a run was broken off and continued.
        """
        fresh = []
        if self._losses:
            mine = torch.cat([torch.stack(self._losses).unsqueeze(1), torch.stack(self._terms)], 1)
            fresh = [self._world.mean(mine.cpu().double())]
        return torch.cat(self._restored + fresh)


def not_finite(number: int, value: str, guilty: Sequence[str]) -> Problem:
    """Return the finding that the loss of a step was not a finite number."""
    loss_name = f" (`{brief(guilty[0], 24)}`)" if guilty else ""
    return Problem(
        "PHS620",
        f"the loss is {value} at step {number + 1}{loss_name}",
        at="phases",
        notes=("the run was stopped; the checkpoints before this step are untouched",),
        helps=(
            "lower the learning rate, or add `clip: {norm: 1.0}` and a warm-up",
            "look for non-finite inputs with `dcl data check`",
            "leave single bad batches out: `on_batch_error: {action: skip, limit: 10}`",
        ),
    )


def log_interval(steps: int) -> int:
    """Return after how many steps losses are read: at least 50 readings a phase, or one every 50 steps."""
    return max(1, min(50, steps // 50))
