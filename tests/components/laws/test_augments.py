"""Laws of augments: random changes of whole training batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from declare.contract.shapes import Shape
from declare.parsing.lookup import own_names
from tests.components.conformance import variants
from tests.components.laws.samples import generator

INPUTS = {"image": Shape("image", (1, 8, 8)), "age": Shape("number", ())}
TARGETS = {
    "kind": Shape("category", (), "int64", 3),
    "tags": Shape("labels", (2,)),
    "score": Shape("number", ()),
    "mask": Shape("mask", (8, 8), "int64", 2),
    "valid": Shape("valid", (), "bool"),
}
Fields = dict[str, Tensor]


class Case(NamedTuple):
    """A built augment, and the pixels of the batch that it changes."""

    augment: Any
    pixels: torch.dtype = torch.float32

    def batch(self, rows: int = 7) -> Fields:
        """Return a batch with a missing class, label and number, and a field that no task reads."""
        draws = generator(3)
        image = torch.rand(rows, 1, 8, 8, generator=draws)
        fields = {
            "image": (image * 255).to(self.pixels) if self.pixels == torch.uint8 else image,
            "age": torch.rand(rows, generator=draws),
            "kind": torch.randint(0, 3, (rows,), generator=draws),
            "tags": torch.rand(rows, 2, generator=draws).round(),
            "score": torch.randn(rows, generator=draws),
            "mask": torch.randint(0, 2, (rows, 8, 8), generator=draws),
            "valid": torch.arange(rows) != 3,
            "subject": torch.arange(rows),
        }
        fields["kind"][0], fields["tags"][1, 0], fields["score"][2] = -1, torch.nan, torch.nan
        return fields


def same(first: Fields, second: Fields) -> bool:
    """Return whether two batches are the same, what is missing included."""
    return first.keys() == second.keys() and all(
        first[name].dtype == second[name].dtype
        and torch.equal(first[name].float().nan_to_num(-9), second[name].float().nan_to_num(-9))
        for name in first
    )


def the_key_alone_decides(case: Case) -> None:
    """The same key gives the same batch, whatever torch's own generator holds; without one that is the key."""
    batch = case.batch()
    torch.manual_seed(1)
    first = case.augment(batch, generator(8))
    torch.manual_seed(2)
    assert same(first, case.augment(batch, generator(8))), "two batches for one key"
    torch.manual_seed(8)
    assert same(first, case.augment(batch, None)), "torch's own generator gives another batch"


def another_key_gives_another_batch(case: Case) -> None:
    """Some of many keys change the batch, and not all in the same way."""
    batch = case.batch()
    found = [case.augment(batch, generator(seed)) for seed in range(20)]
    assert any(not same(found[0], other) for other in found[1:]), "every key gives the same batch"


def the_batch_stays_as_it_was(case: Case) -> None:
    """The augment makes a new batch: what it was given is as before."""
    batch = case.batch()
    for seed in range(8):
        case.augment(batch, generator(seed))
    assert same(batch, case.batch()), "the batch that was given is changed"


def rows_and_inputs_keep_their_shape(case: Case) -> None:
    """Fields and rows stay as many; inputs keep their shape, class indices may become class probabilities."""
    batch = case.batch()
    for seed in range(8):
        found = case.augment(batch, generator(seed))
        assert found.keys() == batch.keys(), "other fields"
        for name, values in found.items():
            before = batch[name].shape
            mixed = (before[0], TARGETS[name].classes, *before[1:]) if name in TARGETS else before
            assert values.shape in {before, torch.Size(x for x in mixed if x is not None)}, (
                f"`{name}`: {values.shape}"
            )
        assert torch.equal(found["subject"], batch["subject"]), "a field that nothing reads is changed"


def nothing_becomes_missing_but_with_what_is(case: Case) -> None:
    """Numbers stay finite; what counts in the whole batch stays at most what it was, missing targets never count."""
    batch = case.batch()
    for seed in range(8):
        found = case.augment(batch, generator(seed))
        for name in ("image", "age"):
            assert found[name].isfinite().all(), f"`{name}` is not finite"
        kind = found["kind"]
        mass = kind.sum() if kind.is_floating_point() else (kind >= 0).sum()
        assert float(mass) == pytest.approx(float((batch["kind"] >= 0).sum()), abs=1e-4), "labels come or go"
        for name in ("tags", "score"):
            assert int(found[name].isnan().sum()) >= int(batch[name].isnan().sum()), (
                f"a missing `{name}` counts"
            )
        assert int(found["valid"].sum()) <= int(batch["valid"].sum()), "what does not count counts"


LAWS: list[Callable[[Case], None]] = [
    the_key_alone_decides,
    another_key_gives_another_batch,
    the_batch_stays_as_it_was,
    rows_and_inputs_keep_their_shape,
    nothing_becomes_missing_but_with_what_is,
]


def cases(name: str) -> Iterator[Case]:
    """Yield an augment's variants on pixels and on numbers."""
    for block in variants("augments", name):
        for pixels in (torch.float32, torch.uint8):
            image = Shape("image", (1, 8, 8), "uint8" if pixels == torch.uint8 else "float32")
            yield Case(block.build(INPUTS | {"image": image}, TARGETS), pixels)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("augments"))
def test_every_augment_keeps_the_law(name, law):
    """In every variant, on pixels and on numbers."""
    for case in cases(name):
        law(case)


class Right(nn.Module):
    """Adds noise to the image."""

    def forward(self, fields, draws):
        return {**fields, "image": fields["image"] + torch.randn(fields["image"].shape, generator=draws)}


class Unkeyed(Right):
    def forward(self, fields, draws):
        return super().forward(fields, None)


class Fixed(Right):
    def forward(self, fields, draws):
        return super().forward(fields, generator(0))


class InPlace(Right):
    def forward(self, fields, draws):
        fields["image"] += torch.randn(fields["image"].shape, generator=draws)
        return fields


class Halving(Right):
    def forward(self, fields, draws):
        return {name: values[::2] for name, values in super().forward(fields, draws).items()}


class Filling(Right):
    def forward(self, fields, draws):
        return {**super().forward(fields, draws), "kind": fields["kind"].clamp_min(0)}


BROKEN: dict[Callable[[Case], None], type[nn.Module]] = {
    the_key_alone_decides: Unkeyed,
    another_key_gives_another_batch: Fixed,
    the_batch_stays_as_it_was: InPlace,
    rows_and_inputs_keep_their_shape: Halving,
    nothing_becomes_missing_but_with_what_is: Filling,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """An augment that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law]()))
    law(Case(Right()))
