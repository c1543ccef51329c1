"""Facts: properties of the data, computed without loading all of it and cached by fingerprint."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from declare.contract.facts import FieldFacts


class DatasetFacts(BaseModel):
    """Facts of one dataset: fields as the source delivers them, sizes of the splits.

    `blocks` holds the parameters of every field, stated or known by the source, with its `type`; `fields` their
    facts. `splits` maps split -> samples; `missing` maps field -> split -> samples without that label; `groups` maps
    the `by` field to its number of groups. `passed_over` counts files and rows of the source that are not read, by
    reason; `source_splits` are the splits that the source itself has. `refused_orders` holds why samplers (blocks in
    JSON) have no order of the training split, as a problem's parts; `positives` maps pairing (JSON) -> split ->
    samples that have a positive there. `looked_at` are files that a table names and that were read for the facts,
    each with a fingerprint that changes if it is replaced. `constant_splits` maps fields to the splits whose
    known values are all equal, `split_ranges` fields of numbers to the lowest and highest value by split.
    `split_items` counts files or recordings of which samples are in training and in another split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str
    num_samples: int
    columns: tuple[str, ...]
    blocks: dict[str, dict[str, object]]
    fields: dict[str, FieldFacts]
    splits: dict[str, int]
    missing: dict[str, dict[str, int]] = {}
    groups: dict[str, int] = {}
    passed_over: dict[str, int] = {}
    source_splits: tuple[str, ...] = ()
    refused_orders: dict[str, dict[str, Any]] = {}
    positives: dict[str, dict[str, int]] = {}
    looked_at: dict[str, str] = {}
    constant_splits: dict[str, tuple[str, ...]] = {}
    split_ranges: dict[str, dict[str, tuple[float, float]]] = {}
    split_items: dict[str, Any] = {}


Facts = dict[str, DatasetFacts]
