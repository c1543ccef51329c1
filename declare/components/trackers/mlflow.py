"""`mlflow`: metrics in an MLflow database."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.trackers._services import finite, flat, settings, tracker_error
from declare.contract.kinds.tracker import Log, Tracker
from declare.contract.problem import ProblemError
from declare.system.extras import tracker_missing

_FOREIGN = re.compile(r"[^\w\-. :/]")
_LONGEST = 500


class Mlflow(Tracker):
    """Records every metric in an MLflow run.

    Without `uri`, metrics are stored in an SQLite database `mlflow.db` next to the run folder, shared by all
    runs there; view it with `mlflow ui --backend-store-uri sqlite:///mlflow.db`. `@` in a metric's name
    becomes `.`, which MLflow allows. Library: mlflow (`pip install 'declare-trainer[mlflow]'`).

    ```yaml
    tracking: {type: mlflow, experiment: pain}
    ```
    """

    package: ClassVar[str | None] = "mlflow"

    uri: str | None = Param(
        None,
        pattern=r"^https?://[^\s/@]+(/.*)?$",
        description="a tracking server, `https://...`; default: an SQLite file next to the run folder",
    )
    experiment: str | None = Param(None, description="the experiment; default: the spec's name")

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open MLflow run; a resumed run continues the one before.

        Raises `ProblemError` if the library is missing (RES850) or the store refuses access (RES851).
        """
        try:
            from mlflow.tracking import MlflowClient  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            raise ProblemError(tracker_missing("mlflow")) from None
        folder = folder.absolute()
        uri = self.uri or f"sqlite:///{folder.parent / 'mlflow.db'}"
        try:
            client = MlflowClient(tracking_uri=uri)
            run = _run(client, self.experiment or name, folder, plan)
        except Exception as error:  # the library raises errors of many kinds
            raise tracker_error("mlflow", error) from error
        return _Log(client, run)


def _run(client: Any, experiment: str, folder: Path, plan: Mapping[str, Any]) -> str:
    """Return the id of the MLflow run of a folder, creating it if needed."""
    match = client.get_experiment_by_name(experiment)
    number = match.experiment_id if match else client.create_experiment(experiment)
    place = str(folder).replace("'", "")
    runs = client.search_runs([number], f"tags.folder = '{place}'", max_results=1)
    if runs:
        return str(runs[0].info.run_id)
    run = client.create_run(number, tags={"folder": place}, run_name=folder.name)
    for key, value in flat(settings(plan)).items():
        client.log_param(run.info.run_id, _FOREIGN.sub(".", key)[:250], str(value)[:_LONGEST])
    return str(run.info.run_id)


class _Log:
    def __init__(self, client: Any, run: str) -> None:
        self._client, self._run = client, run

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a step."""
        from mlflow.entities import Metric  # type: ignore[import-not-found,unused-ignore]

        now = int(time.time() * 1000)
        rows = [Metric(_FOREIGN.sub(".", name), value, now, step) for name, value in finite(values).items()]
        try:
            if rows:
                self._client.log_batch(self._run, metrics=rows)
        except Exception as error:  # the library raises errors of many kinds
            raise tracker_error("mlflow", error, "cannot record metrics any more") from error

    def close(self) -> None:
        """Mark the run as finished."""
        self._client.set_terminated(self._run)
