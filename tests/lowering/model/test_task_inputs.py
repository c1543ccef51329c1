"""What tasks hide from the model, and what they show instead."""

from __future__ import annotations

import torch
from torch import Tensor

from declare.lowering.model.task_inputs import Views, model_view, original_fields, target_view


class Hiding:
    """Blanks half of `signal`, at random."""

    def mask_inputs(self, fields: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the blanked signal and where it was blanked."""
        signal = fields["signal"]
        hidden = torch.rand(signal.shape, generator=generator) < 0.5
        return {"signal": signal.masked_fill(hidden, 0.0), "signal.hidden": hidden}


def views() -> Views:
    """Return views of a task that hides and one that does not."""
    return Views({"fill": Hiding(), "plain": object()}, {"fill": ["one"], "plain": ["one", "two"]})  # type: ignore[dict-item]


BATCH = {name: {"signal": torch.ones(4, 6)} for name in ("one", "two")}


def test_only_tasks_that_hide_have_views() -> None:
    """A task without `mask_inputs` is not among those that hide."""
    assert views().masking_tasks == ("fill",)


def test_a_view_replaces_what_the_model_sees_and_keeps_what_targets_are_taken_from() -> None:
    """The model sees the blanked signal, the target the whole one and what was blanked."""
    fields = views().with_views(BATCH, 3)["one"]
    hidden = target_view("fill", fields)["signal.hidden"]
    assert 0 < int(hidden.sum()) < hidden.numel()
    assert torch.equal(model_view("fill", fields)["signal"], (~hidden).float())
    assert torch.equal(target_view("fill", fields)["signal"], BATCH["one"]["signal"])


def test_views_are_drawn_by_the_seed_alone() -> None:
    """The same seed hides the same parts, another one others."""
    first, again, other = (views().with_views(BATCH, seed)["one"]["fill:signal"] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_prepared_batch_is_left_as_it_is() -> None:
    """Micro-batches of a prepared batch are not drawn again."""
    prepared = views().with_views(BATCH, 3)
    piece = {name: {key: value[:2] for key, value in fields.items()} for name, fields in prepared.items()}
    assert views().with_views(piece, 9) is piece


def test_datasets_that_a_task_does_not_live_on_get_no_view() -> None:
    """Rows of another dataset stay as they are."""
    assert list(views().with_views(BATCH, 3)["two"]) == ["signal"]


def test_what_changes_a_batch_later_leaves_view_and_target_of_one_sample() -> None:
    """A target is taken from the fields as they were when its view was drawn, whatever augments do to them."""
    fields = {"x": torch.ones(2, 3), "y": torch.zeros(2), "hide:x": torch.full((2, 3), 5.0)}
    changed = {**fields, "x": torch.full((2, 3), 9.0), **original_fields(["hide"], fields)}
    assert target_view("hide", changed)["x"].eq(1).all()
    assert model_view("hide", changed)["x"].eq(5).all()
    assert target_view("other", changed)["x"].eq(9).all()
    assert original_fields(["other"], fields) == {}
