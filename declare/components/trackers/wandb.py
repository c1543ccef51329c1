"""`wandb`: figures on Weights & Biases, or in the run's folder until they are synced."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.trackers._extras import finite, settings, tracker_error
from declare.contract.kinds.tracker import Log, Tracker
from declare.contract.problem import ProblemError
from declare.system.extras import tracker_missing


class Wandb(Tracker):
    """Sends every figure to Weights & Biases.

    `auto` goes online where `WANDB_API_KEY` is set (and `WANDB_MODE` does not say otherwise); else
    everything is kept in `wandb/` in the run's folder, for `wandb sync` later. Nothing of the code or the
    data is sent. Library: wandb (`pip install 'declare-trainer[wandb]'`).

    ```yaml
    tracking: {type: wandb, project: pain, mode: offline}
    ```
    """

    package: ClassVar[str | None] = "wandb"

    project: str = Param("declare", description="the project on the service")
    entity: str | None = Param(None, description="the user or team; the account's own where left out")
    tags: list[str] = Param([], description="tags of the run")
    mode: Literal["auto", "online", "offline"] = Param("auto", description="whether the network is used")

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open run of the service; a run that goes on continues the one before.

        Raises `ProblemError` where the library is missing (RES850) or the service refuses (RES851).
        """
        try:
            import wandb  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            raise ProblemError(tracker_missing("wandb")) from None
        folder = folder.absolute()
        try:
            run = wandb.init(
                project=self.project,
                entity=self.entity,
                name=folder.name,
                id=_identity(folder),
                group=name,
                tags=self.tags,
                dir=str(folder),
                config=settings(plan),
                mode=self._mode(),
                resume="allow",
                settings=wandb.Settings(save_code=False, disable_git=True, console="off", silent=True),
            )
        except Exception as error:  # the library raises errors of many kinds
            raise tracker_error("wandb", error) from error
        return _Log(run)

    def _mode(self) -> str:
        if self.mode != "auto":
            return self.mode
        stated = os.environ.get("WANDB_MODE")
        return stated or ("online" if os.environ.get("WANDB_API_KEY") else "offline")


class _Log:
    def __init__(self, run: Any) -> None:
        self._run = run

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a step."""
        try:
            self._run.log(finite(values), step=step)
        except Exception as error:  # the library raises errors of many kinds
            raise tracker_error("wandb", error, "records nothing any more") from error

    def close(self) -> None:
        """Flush and close."""
        self._run.finish()


def _identity(folder: Path) -> str:
    """Return the service's name for a run folder, the same when the run goes on."""
    import hashlib

    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]
