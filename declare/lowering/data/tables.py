"""The open tables of a run, and their fields as tensors."""

import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from declare.contract.shapes import Array
from declare.data.faults.file_stamps import Ledger, Stamps
from declare.data.faults.quarantine import Quarantine, SkippedSample
from declare.data.store.split_arrays import Pool, Statistics, Table
from declare.data.store.statistics import fit_pool
from declare.ir.plan import Plan
from declare.nn.distributed.process_group import ProcessGroup
from declare.nn.precision import on_device


class Tables:
    """Splits of all datasets, opened when first asked for; `statistics` are those of the run's transforms.

    `folder` keeps what was found of the data. A process that may not write there gets the `stamps` of their files.
    """

    def __init__(
        self,
        plan: Plan,
        statistics: Mapping[str, Statistics],
        folder: Path | None = None,
        stamps: Mapping[str, Stamps] | None = None,
    ) -> None:
        self.plan = plan
        self._folder = folder
        self._ledger = Ledger(folder) if folder else None
        self._stamps = dict(stamps or {})
        self._quarantine = Quarantine(folder)
        self._on_skipped_sample: Callable[[str, SkippedSample], None] | None = None
        self.statistics = dict(statistics)
        self.evaluation_sizes: dict[str, int] = {}
        """Image field -> shorter edge in pixels at which evaluations see it; others are seen as they are stored."""
        self._pools: dict[str, Pool] = {}
        self._tables: dict[tuple[str, str], Table] = {}
        self._tensors: dict[tuple[str, str, str, torch.device], Tensor] = {}

    @classmethod
    def fit(cls, plan: Plan, folder: Path | None = None) -> Self:
        """Open the datasets of a plan and fit the statistics of their transforms."""
        tables = cls(plan, {}, folder)
        tables.statistics = {name: fit_pool(tables.pool(name)) for name in plan.datasets}
        return tables

    def pool(self, dataset: str) -> Pool:
        """Return an open dataset."""
        if dataset not in self._pools:
            plan = self.plan.datasets[dataset]
            pool = Pool(plan, f"datasets.{dataset}", self._folder)
            pool.quarantine = self._quarantine
            reasons = self._quarantine.initial_reasons(dataset, plan.fingerprint) if pool.skips else None
            if reasons is not None:
                pool.unreadable = reasons
            self._quarantine.begin(dataset, plan.fingerprint)
            if self._ledger is not None:
                pool.stamps = self._ledger.of(dataset, plan)
            elif dataset in self._stamps:
                pool.stamps = self._stamps[dataset]
            self._pools[dataset] = pool
        return self._pools[dataset]

    def table(self, dataset: str, split: str) -> Table:
        """Return a split of a dataset."""
        key = (dataset, split)
        if key not in self._tables:
            table = Table(self.pool(dataset), split, self.statistics.get(dataset, {}))
            # Of all splits at once: a list of some would be taken for the whole by a run that continues.
            pool = self.pool(dataset)
            self._quarantine.add(
                dataset, *(item for name in pool.rows for item in pool.skipped_samples(name))
            )
            self._tables[key] = table
        return self._tables[key]

    def tensor(self, dataset: str, split: str, field: str, device: torch.device) -> Tensor:
        """Return a whole field [samples, ...] on `device`; mapped and large ones stay on the processor."""
        key = (dataset, split, field, device)
        if key not in self._tensors:
            array = self.table(dataset, split).array(field)
            stays = isinstance(array, np.memmap) or array.nbytes > _free_bytes(device)
            tensor = _as_tensor(array)
            self._tensors[key] = tensor if stays else on_device(tensor, device)
        return self._tensors[key]

    def stamps(self) -> dict[str, Stamps]:
        """Return the stamps of the files of every dataset, as they were when the run began."""
        ledger = self._ledger
        return {name: ledger.of(name, data) for name, data in self.plan.datasets.items()} if ledger else {}

    def sync_skipped_samples(self, world: ProcessGroup) -> None:
        """Let every process know which samples turned out to be unreadable in any: the leading one keeps the list.

        Raises `ProblemError` (DAT332) in every process if all of them together are more than a dataset allows.
        """
        if world.size > 1 and any(self.pool(name).skips for name in self.plan.datasets):
            samples_by_rank = world.all_gather_object(self._quarantine.late_samples())
            for name in self.plan.datasets:
                self.pool(name).take_late(
                    *(item for samples in samples_by_rank for item in samples.get(name, ()))
                )

    def on_skipped_sample(self, listener: Callable[[str, SkippedSample], None]) -> None:
        """Call `listener` for every skipped sample, from the thread that calls `report`."""
        self._on_skipped_sample = listener

    def report(self) -> None:
        """Report the samples that were left out since the last call."""
        for dataset, item in self._quarantine.news() if self._on_skipped_sample is not None else ():
            self._on_skipped_sample(dataset, item)  # type: ignore[misc]


def _free_bytes(device: torch.device) -> int:
    """Return how many bytes of samples a device may hold: an eighth of what is free, for the model comes first."""
    return torch.cuda.mem_get_info(device)[0] // 8 if device.type == "cuda" else sys.maxsize


def _as_tensor(array: Array) -> Tensor:
    if array.flags.writeable:
        return torch.from_numpy(array)
    if not isinstance(array, np.memmap):
        return torch.from_numpy(array.copy())
    with warnings.catch_warnings():
        # A mapped file is read-only, and nothing here writes into what a gather reads from.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)
