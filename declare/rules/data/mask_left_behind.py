"""A transform that moves the pixels of an image must move those of its mask or target image too."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.parsing.poison import contains_poison
from declare.parsing.read_component import read_component
from declare.rules.queries.fields import field_place
from declare.rules.queries.mask_pairs import images_with_masks
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "DAT356"
STAGE = "shapes"
_SIDES = ("train", "eval")
_WHERE = frozenset({"field", "fields", "on"})
_NEAR = 0.01
_ALIKE = 0.05


class _Move(NamedTuple):
    """A transform that moves pixels of a field: its parameters, its input size, its index in the list.

    `alone`: no mask can follow.
    """

    parameters: dict[str, Any]
    size: tuple[int | None, ...] | None
    place: int
    alone: bool


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each image whose pixels are moved differently from those of its mask."""
    for dataset, image, mask in images_with_masks(view):
        yield from _first_difference(view, dataset, image, mask)


def _first_difference(view: View, dataset: str, image: str, mask: str) -> Iterator[Problem]:
    """Yield the first difference between the crops or moves of the two."""
    if (problem := _cut_apart(view, dataset, image, mask)) is not None:
        yield problem
        return
    for side in _SIDES:
        pairs = zip_longest(_moves(view, dataset, image, side), _moves(view, dataset, mask, side))
        for one, other in pairs:
            if one is None or other is None or one.parameters != other.parameters:
                yield _moved_alone_problem(view, dataset, (image, mask), one, other)
                return
            if one.size != other.size:
                yield _of_two_sizes(dataset, (image, one), (mask, other))
                return


def _cut_apart(view: View, dataset: str, image: str, mask: str) -> Problem | None:
    """Return the problem that one of the two is cropped when read, and the other is not cropped the same."""
    cuts = {name: _cut_to(view, dataset, name) for name in (image, mask)}
    if all(cut is None for cut in cuts.values()):
        return _of_other_proportions(view, dataset, image, mask)
    ratios = {name: cut or _uncut(view, dataset, name) for name, cut in cuts.items()}
    one, other = ratios[image], ratios[mask]
    if one is not None and other is not None and abs(one - other) <= _NEAR * one:
        return None
    cut = image if cuts[image] is not None else mask
    whole = mask if cut == image else image
    return Problem(
        CODE,
        f"`{cut}` is cropped when it is read, but `{whole}` is not cropped the same",
        at=field_place(view, dataset, cut),
        label="cropped when read",
        also={field_place(view, dataset, whole): "not cropped the same"},
        helps=(f"state `fit: crop` and a `size` of the same aspect ratio on `{image}` and on `{mask}`",),
    )


def _of_other_proportions(view: View, dataset: str, image: str, mask: str) -> Problem | None:
    """Return the problem that uncropped images and masks have different aspect ratios, such as a rotated mask."""
    if view.facts[dataset].fields[mask].shape.layout != "mask":
        return None
    one, other = (_uncut(view, dataset, name) for name in (image, mask))
    if one is None or other is None or abs(one - other) <= _ALIKE * max(one, other):
        return None
    sizes = [
        " x ".join(str(side) for side in view.facts[dataset].fields[name].shape.dims[-2:])
        for name in (image, mask)
    ]
    return Problem(
        CODE,
        f"`{image}` is {sizes[0]} but `{mask}` is {sizes[1]} pixels: aspect ratios differ",
        at=field_place(view, dataset, mask),
        label="another aspect ratio",
        also={field_place(view, dataset, image): f"{sizes[0]} pixels"},
        notes=("sizes are height x width", "images are rotated by their EXIF data, masks have none"),
        helps=(
            "rotate the masks like the images",
            "or state the same `size` on both if they do show the same",
        ),
    )


def _cut_to(view: View, dataset: str, name: str) -> float | None:
    """Return width / height of the centre crop made when reading; None without a crop."""
    block = view.facts[dataset].blocks.get(name)
    field = read_component("fields", block) if block else None
    size = field.cut_to() if field is not None else None
    return None if size is None else size[1] / size[0]


def _uncut(view: View, dataset: str, name: str) -> float | None:
    """Return width / height of images that are read unchanged; None if they are stretched, or vary."""
    height, width = view.facts[dataset].fields[name].shape.dims[-2:]
    sized = view.facts[dataset].blocks.get(name, {}).get("size") is not None
    return None if sized or not height or not width else width / height


def _moves(view: View, dataset: str, name: str, side: str) -> list[_Move]:
    """Return the transforms that move the pixels of a field, in training or in evaluation."""
    shape = view.facts[dataset].fields[name].shape
    moves = []
    for index, transform in enumerate(get(view.spec, "datasets", dataset, "transforms") or ()):
        if (
            not isinstance(transform, Transform)
            or contains_poison(transform)
            or transform.on not in {"all", side}
        ):
            continue
        if name not in {transform.field, *(transform.fields or ())}:
            continue
        if transform.moves or transform.moves_alone:
            size = None if transform.at_any_size else shape.dims[-2:]
            kept_keys = {key: value for key, value in transform.dump().items() if key not in _WHERE}
            moves.append(_Move(kept_keys, size, index, transform.moves_alone))
        after = transform.resolve(view.facts[dataset].fields).infer(shape)
        if isinstance(after, Problem):
            break
        shape = after
    return moves


def _moved_alone_problem(
    view: View, dataset: str, names: tuple[str, str], one: _Move | None, other: _Move | None
) -> Problem:
    """Return the problem that one of the two is moved without the other."""
    moved, still = names if one is not None else names[::-1]
    move = one or other
    assert move is not None, "one of the two is moved"
    kind = move.parameters["type"]
    together = (
        f"state `fields: [{', '.join(names)}]` instead of `field`: both then get the same random draw",
        "list transforms that move both in the same order, with the same parameters and the same `on`",
    )
    apart = (
        "remove it: it rotates and shifts images, and no mask can follow",
        "use transforms that move masks too",
    )
    return Problem(
        CODE,
        f"`{kind}` moves the pixels of `{moved}`, but not those of `{still}`",
        at=f"datasets.{dataset}.transforms.{move.place}",
        label=f"`{still}` is not moved",
        also={field_place(view, dataset, still): "belongs to the same image"},
        helps=apart if move.alone else together,
    )


def _of_two_sizes(dataset: str, one: tuple[str, _Move], other: tuple[str, _Move]) -> Problem:
    """Return the problem that equal numbers of pixels are different places because sizes differ."""
    (image, first), (mask, second) = one, other
    sizes = [
        " x ".join("?" if side is None else str(side) for side in item.size or ()) for item in (first, second)
    ]
    return Problem(
        CODE,
        (f"`{first.parameters['type']}` gets `{image}` with {sizes[0]} but `{mask}` with {sizes[1]} pixels"),
        at=f"datasets.{dataset}.transforms.{first.place}",
        label="different places in the two",
        helps=(f"give `{image}` and `{mask}` the same `size` before this transform",),
    )
