"""`wandb`: metrics on Weights & Biases, or in the run folder until they are synced."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.trackers._services import finite, settings, tracker_error
from declare.contract.kinds.tracker import Log, Tracker
from declare.contract.problem import ProblemError
from declare.system.extras import tracker_missing


class Wandb(Tracker):
    """Sends every metric to Weights & Biases.

    `auto` goes online if `WANDB_API_KEY` is set (and `WANDB_MODE` does not state otherwise); else metrics are
    kept in `wandb/` in the run folder, for a later `wandb sync`. No code and no data are sent. Library: wandb
    (`pip install 'declare-trainer[wandb]'`).

    ```yaml
    tracking: {type: wandb, project: pain, mode: offline}
    ```
    """

    package: ClassVar[str | None] = "wandb"

    project: str = Param("declare", description="the project on the service")
    entity: str | None = Param(None, description="the user or team; default: that of the account")
    tags: list[str] = Param([], description="tags of the run")
    mode: Literal["auto", "online", "offline"] = Param("auto", description="whether to use the network")

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open run of the service; a resumed run continues the one before.

        Raises `ProblemError` if the library is missing (RES850) or the service refuses access (RES851).
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
            raise tracker_error("wandb", error, "cannot record metrics any more") from error

    def close(self) -> None:
        """Flush and close."""
        self._run.finish()


def _identity(folder: Path) -> str:
    """Return the service's id for a run folder, the same when the run is resumed."""
    import hashlib

    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]
