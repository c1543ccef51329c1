"""`tensorboard`: figures as TensorBoard reads them, in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from declare.components.trackers._extras import refused
from declare.contract.training import Log, Tracker

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard(Tracker):
    """Writes every figure to `tensorboard/` in the run's folder: `tensorboard --logdir RUN` shows them.

    The x axis is the optimizer step, counted over all phases. Library: tensorboard.

    ```yaml
    tracking: tensorboard
    ```
    """

    package: ClassVar[str | None] = "tensorboard"

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open log in the run's folder; a run that goes on adds to what is there."""
        from torch.utils.tensorboard import SummaryWriter

        try:
            return _Log(SummaryWriter(str(folder / "tensorboard"), flush_secs=10))
        except OSError as error:
            raise refused("tensorboard", error) from error


class _Log:
    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()
