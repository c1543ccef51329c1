"""A loss is undefined if no sample counts: every class of the split has weight 0, or is ignored."""

from collections.abc import Iterator

from declare.contract.kinds.loss import Loss
from declare.contract.problem import Problem
from declare.rules.queries.class_counts import Counts, splits_without_counts, uncounted_note
from declare.rules.queries.metric_names import Monitor, composite_parts, expectations, monitors
from declare.rules.spec_parts import LocatedBlock
from declare.rules.spec_view import View

CODE = "DAT397"
STAGE = "links"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for losses without a counting training sample, or in a split whose loss is monitored."""
    for task, loss, counts, split in splits_without_counts(view):
        if split == "train":
            yield _problem(loss, counts, split, f"{loss.path}")
            continue
        for monitor in (*monitors(view), *expectations(view)):
            if f"{split}/{task}/loss" in _parts(view, monitor):
                yield _problem(loss, counts, split, monitor.path)


def _parts(view: View, monitor: Monitor) -> list[str]:
    return composite_parts(view, monitor.metric) or [monitor.metric]


def _problem(loss: LocatedBlock[Loss], counts: Counts, split: str, at: str) -> Problem:
    return Problem(
        CODE,
        f"no {split} sample counts in the loss `{loss.block.type_name()}`",
        at=at,
        label="never a number",
        notes=(uncounted_note(counts, split),),
        helps=(
            "change its class weights or `ignore_index`",
            "split the data so that each split has classes of the training samples",
        ),
    )
