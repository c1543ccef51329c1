"""Types of the files of a run folder, published as JSON Schemas by which they are validated."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from declare.runtime.run_folder.events import event_schemas

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Open(BaseModel):
    """A record to which later versions may add."""

    model_config = ConfigDict(extra="allow")


class StoredFloat(BaseModel):
    """A number that JSON has no word for, as a state holds it: `nan`, `inf` or `-inf`."""

    kind: Literal["float"] = Field(alias="$")
    value: str


class FileFacts(_Open):
    """Size in bytes and hash of a file."""

    bytes: Count
    sha256: Hash


class Manifest(_Open):
    """`checkpoints/step-N/MANIFEST.json`: what a checkpoint holds, and when and where it was made.

    `step` counts the optimizer steps of the whole run, `phase_step` those of the phase, `sequence` orders
    checkpoints, `sha256` is the hash of all other keys.
    """

    format: Literal[1]
    sequence: Count
    step: Count
    phase: str
    phase_step: Count
    phase_steps: Count
    threads: Annotated[int, Field(ge=1, le=4096)]
    evaluated_at: dict[str, Annotated[int, Field(ge=1, lt=1 << 31)]] = {}
    plan_sha256: str
    world_size: Annotated[int, Field(ge=1, lt=1 << 31)]
    device: str
    parts: list[str]
    files: dict[str, FileFacts]
    sha256: Hash


class BestRecord(BaseModel):
    """The best evaluation of a phase and the step (of the run) of its checkpoint."""

    model_config = ConfigDict(extra="forbid")

    metric: str
    value: float
    total: Count


class ProgressRecord(BaseModel):
    """The progress of a run; `declare.runtime.run_folder.progress.TrainProgress` documents each key."""

    model_config = ConfigDict(extra="forbid")

    index: Count
    phase: str
    step: Count
    total: Count
    finished: bool
    skipped: Count
    updates: Annotated[int, Field(gt=-(1 << 63), lt=1 << 63)]
    best: dict[str, BestRecord]
    ends: dict[str, Count]
    probes: dict[str, dict[str, float | StoredFloat]]
    evaluated_at: dict[str, Count] = {}
    evaluation_due: bool = False


class State(_Open):
    """`checkpoints/step-N/state.json`: the state without its tensors, by part of the run."""

    course: ProgressRecord


class Choices(BaseModel):
    """`choices.json`: what `auto` came to. `threads`, and `precision.PHASE` for each phase that has begun."""

    model_config = ConfigDict(
        json_schema_extra={
            "patternProperties": {"^precision\\.": {"enum": ["fp32", "tf32", "bf16", "fp16"]}},
            "additionalProperties": False,
        }
    )

    threads: Annotated[int, Field(ge=1, le=4096)] = 1


class Metrics(RootModel[dict[str, float | None]]):
    """`metrics.json`: final metrics by name; null for one that is not defined."""


class EventRecord(_Open):
    """A line of `events.jsonl`: when (seconds since 1970), what, where in the run, and the fields of the event."""

    time: float
    event: str
    phase: str | None = None
    step: int = 0
    """Optimizer step of the phase."""
    total: int = 0
    """Optimizer step of the run."""


_SCHEMAS: dict[str, type[BaseModel]] = {
    "manifest": Manifest,
    "state": State,
    "choices": Choices,
    "metrics": Metrics,
    "event": EventRecord,
}


def exports() -> dict[str, dict[str, Any]]:
    """Return the schemas of a run's files by name."""
    schemas = {name: model.model_json_schema(by_alias=True) for name, model in _SCHEMAS.items()}
    bodies = event_schemas()
    schemas["event"]["allOf"] = [
        {"if": {"properties": {"event": {"const": name}}}, "then": {"$ref": f"#/$defs/{name}"}}
        for name in bodies
    ]
    schemas["event"]["$defs"] = bodies
    return schemas
