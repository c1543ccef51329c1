"""A value of an input without training samples uses embedding weights that were never trained."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields, input_fields, target_fields
from declare.rules.spec_view import View

CODE = "DAT380"
STAGE = "shapes"

_SHOWN = 8


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each input with classes that occur only in validation or test samples."""
    for dataset, name, facts in fields(view):
        train = facts.counts.get("train")
        if train is None or name not in input_fields(view, dataset) - target_fields(view, dataset):
            continue
        other_splits = [row for split, row in facts.counts.items() if split != "train"]
        times = {
            text: sum(row[index] for row in other_splits)
            for index, text in enumerate(facts.classes or ())
            if not train[index] and any(row[index] for row in other_splits)
        }
        if not times:
            continue
        more = f" (and {len(times) - 1} more)" if len(times) > 1 else ""
        yield Problem(
            CODE,
            f"`{next(iter(times))[:20]}`{more} of input `{name[:20]}` has no training sample",
            at=field_place(view, dataset, name),
            label=f"{sum(times.values())} held-out samples have untrained weights",
            notes=(", ".join(f"`{text[:24]}` ({number})" for text, number in list(times.items())[:_SHOWN]),),
            helps=(
                (
                    "move samples with it to the training split, or list rare values under `missing`: "
                    "they share one embedding"
                ),
            ),
        )
