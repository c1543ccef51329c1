"""The JSON Schemas of the data files in a run folder, generated from their types."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from declare.data.faults.file_stamps import Stamp
from declare.data.faults.quarantine import SkippedSample

Row = Annotated[int, Field(ge=0)]


class DatasetFiles(BaseModel):
    """The fingerprint of a dataset when the run began, and size, time and hash of its files."""

    model_config = ConfigDict(extra="forbid")

    data: str
    files: dict[str, Stamp]


class LeftOut(BaseModel):
    """The fingerprint of a dataset, and its samples that are left out."""

    model_config = ConfigDict(extra="forbid")

    data: str
    samples: list[SkippedSample]


class Data(RootModel[dict[str, DatasetFiles]]):
    """`data.json`, by dataset."""


class LeftOutByDataset(RootModel[dict[str, LeftOut]]):
    """`quarantine.json`, by dataset."""


class FittedStatistics(RootModel[dict[str, dict[str, dict[str, list[float]]]]]):
    """`statistics.json`: dataset -> `INDEX.FIELD` of a transform -> name -> one number for each feature."""


_SCHEMAS: dict[str, type[BaseModel]] = {
    "data": Data,
    "quarantine": LeftOutByDataset,
    "statistics": FittedStatistics,
}


def exports() -> dict[str, dict[str, Any]]:
    """Return the schemas by name."""
    return {name: model.model_json_schema() for name, model in _SCHEMAS.items()}
