"""A class for each pixel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


class Mask(Field):
    """A segmentation target, int64 [height, width]: class index per pixel, -1 where nothing is labelled.

    Values listed under `missing` (255 in many data sets) become -1. `classes` may name them; without it there
    are as many classes as the largest value says.

    Example:
        ```yaml
        fields: {mask: {type: mask, classes: [background, cell], missing: [255]}}
        ```
    """

    layout: ClassVar[Layout] = "mask"

    classes: int | list[str] | None = Param(None, description="number of classes or their names; checked")
    size: int | list[int] | None = Param(None, description="pixels: both sides, or [height, width]; resizes")

    fit: Literal["stretch", "crop"] = Param(
        "stretch", description="how another shape gets `size`: stretched, or cut to it in the middle"
    )

    def _read(self, values: Any) -> np.ndarray[Any, Any]:
        import numpy as np

        from declare.components.fields._pixels import Frame, index_maps

        size = None if self.size is None else [self.size] * 2 if isinstance(self.size, int) else self.size
        stated = None if size is None else (size[0], size[-1])
        maps = index_maps(values, Frame(stated, crop=self.fit == "crop"))
        for value in self.missing:
            if isinstance(value, int | float):
                maps = np.where(maps == value, -1, maps)
        return maps

    def cut_to(self) -> tuple[int, int] | None:
        """Return the size, where pictures are cut in the middle to fit it."""
        size = [self.size] if isinstance(self.size, int) else self.size
        return (size[0], size[-1]) if size and self.fit == "crop" else None

    def examine(self, values: Any) -> FieldFacts:
        """Return size and classes."""
        found = self._read(values)
        largest = int(found.max(initial=0)) + 1
        stated = self.classes
        names = (
            tuple(stated) if isinstance(stated, list) else tuple(map(str, range(stated or max(largest, 2))))
        )
        return FieldFacts(
            shape=Shape("mask", found.shape[1:], "int64"),
            classes=names,
            maximum=float(largest - 1),
            unique=largest,
        )

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield where the stated number of classes is less than the data need."""
        stated = len(self.classes) if isinstance(self.classes, list) else self.classes
        needed = facts.unique or 0
        if stated is not None and stated < needed:
            yield Problem(
                "LOS401",
                f"{stated} classes are stated but masks hold values up to {needed - 1}",
                at="classes",
                label=f"{stated} stated here",
                helps=(f"state {needed} classes, or list values to leave out under `missing`",),
            )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return int64 [rows, height, width]; raises `ProblemError` DAT301 for a value that is no class."""
        found = self._read(values)
        number = len(facts.classes or ())
        if found.size and int(found.max()) >= number:
            raise ProblemError(
                Problem(
                    "DAT301",
                    f"a mask holds class {int(found.max())}, the classes are 0 to {number - 1}",
                    label="these classes",
                    helps=("list values to leave out under `missing`, or state more classes",),
                )
            )
        return found
