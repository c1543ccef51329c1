"""A class for each pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._sizes import ImageField
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, ProblemError, Rewrite
from declare.contract.shapes import Array, Layout, Shape

if TYPE_CHECKING:
    from declare.components.fields._decoding import Decoding

Value = int | str
_FEW = 1 << 16
"""Values below this are counted, larger ones are sorted."""


class Mask(ImageField):
    """A segmentation target, int64 [height, width]: the class index of each pixel, -1 where not labelled.

    Accepts files, encoded bytes, PIL images, and arrays [H, W], [H, W, 1] or [1, H, W] of integers; the
    values that occur are the classes, in increasing order, with or without gaps. Colour images and arrays
    [H, W, 3] have one class for each colour, `#rrggbb`. Palette images have one class for each index, or
    for each colour if `classes` or `void` name colours (needed if palettes differ: DAT396). Bits are 0 and 1;
    NaN and -1 are not labelled.

    Values listed under `void` (255 in many data sets) are not labelled either: they are ignored by losses,
    metrics, class weights and pixel counts. `classes` names the classes in increasing order of their values,
    or by value (`{background: 0, cell: 255}`, several values as a list); a value in neither raises DAT301. A
    list of more names than values occur, of which none is 0, is unclear (DAT404).
    Without `classes`, a 255 far above the other values must be stated as void or as a class (DAT395). DAT394
    is raised for many values with gaps (a sign of lossy files), for one-hot channels, for one class written
    as 1 in some masks and 255 in others, for numbers that occur only at edges between lower and higher ones
    (antialiasing), and for more than two classes in lossy files. `size` resizes with nearest-neighbour
    interpolation. Predictions are written with the masks' own values.

    Example:
        ```yaml
        fields: {mask: {type: mask, classes: {background: 0, cell: 128}, void: 255}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("segmentation_map", "label_map")

    layout: ClassVar[Layout] = "mask"
    num_fact_samples: ClassVar[int] = 512

    classes: (
        Annotated[int, Param(ge=1, le=2**16)]
        | Annotated[list[str], Param(min_length=1)]
        | dict[str, int | str | list[int | str]]
        | None
    ) = Param(
        None,
        description=(
            "number of classes, their names in order, or the value of each name; checked against the data"
        ),
    )
    void: int | str | Annotated[list[int | str], Param(min_length=1)] | None = Param(
        None, description='values that mean "not labelled": numbers, or colours `#rrggbb`'
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for texts that are not colours, and for values with two meanings."""
        from declare.components.fields._mask_codes import is_colour

        yield from super().check()
        turned = self._names_by_value()
        if turned:
            yield Problem(
                "SCH108",
                "`classes` must map names to values, but maps values to names",
                at="classes",
                helps=("put the names first: `classes: {background: 0, cell: 255}`",),
                rewrites=(Rewrite("put the names first", "classes", turned),),
            )
            return
        for place, mark in enumerate(self.missing):
            if not (isinstance(mark, str) and is_colour(mark)) and type(mark) not in (int, float):
                yield Problem(
                    "DAT389",
                    f"`{str(mark)[:24]}` cannot be a pixel value",
                    at=f"missing.{place}",
                    label="has no effect",
                    helps=("write a number such as 255, or a colour such as `#ff8000`",),
                )
        stated = [(value, "void") for value in self._void()]
        stated += [(value, f"classes.{name}") for name, values in self._by_name().items() for value in values]
        for value, at in stated:
            if isinstance(value, str) and not is_colour(value):
                yield Problem(
                    "SCH108",
                    f"`{value}` is not a colour such as `#ff8000`",
                    at=at,
                    label="not a colour",
                    helps=("write a number, or `#` with six hexadecimal digits, in quotes",),
                )
        values = [value for value, _ in stated]
        twice = next((value for value, number in Counter(values).items() if number > 1), None)
        if twice is not None:
            at = stated[values.index(twice)][1]
            helps = ("remove it from one of them: each value is one class, or `void`",)
            yield Problem("SCH108", f"`{twice}` has two meanings", at=at, label="stated twice", helps=helps)

    def _names_by_value(self) -> dict[str, int]:
        """Return names with their values if `classes` maps values to names, else an empty mapping."""
        pairs = self.classes.items() if isinstance(self.classes, dict) else ()
        turned = {name: int(value) for value, name in pairs if value.isdecimal() and isinstance(name, str)}
        return turned if len(turned) == len(pairs) else {}

    def _void(self) -> list[Value]:
        return [] if self.void is None else list(self.void) if isinstance(self.void, list) else [self.void]

    def _by_name(self) -> dict[str, list[Value]]:
        """Return the values of each class that is stated by value."""
        if not isinstance(self.classes, dict):
            return {}
        return {name: item if isinstance(item, list) else [item] for name, item in self.classes.items()}

    def _void_codes(self) -> dict[int, int]:
        """Return the codes that mean "not labelled"."""
        from declare.components.fields._mask_codes import UNLABELLED, code_of, is_colour

        marks = [value for value in self.missing if isinstance(value, int | float) or is_colour(value)]
        return {code_of(value): -1 for value in [UNLABELLED, *self._void(), *marks]}  # type: ignore[arg-type]

    def _in_colours(self) -> bool:
        stated = [*self._void(), *(value for values in self._by_name().values() for value in values)]
        return any(isinstance(value, str) for value in stated)

    def _decoding(self, known: tuple[int, int] | None = None, layout: str | None = None) -> Decoding:
        from declare.components.fields._decoding import Decoding, Frame

        frame = Frame(self._size(), known, crop=self.fit == "crop")
        return Decoding(frame=frame, layout=self.layout_ or layout, number=self.frame)

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return size and classes; raises `ProblemError` DAT301, DAT394, DAT395 or DAT396 for unclear values."""
        from declare.components.fields._images import num_rotated
        from declare.components.fields._mask_classes import refuse_lossy
        from declare.components.fields._mask_codes import value_of
        from declare.components.fields._mask_polarity import PolaritySurvey
        from declare.components.fields._masks import read_masks, refuse_one_hot, refuse_other_palette
        from declare.components.fields._pixel_arrays import each_sample, is_table
        from declare.components.fields._pixel_survey import look_at_axes

        how = self._decoding(layout=look_at_axes(values, self._decoding()))
        if not self._in_colours():
            refuse_one_hot(values, how)
        seen: set[int] = set()
        palette: dict[int, int] = {}
        polarity, void = PolaritySurvey(), self._void_codes()
        row, lossy, shape = 0, False, (0, 0)
        for block in read_masks(values, how, colours=self._in_colours()):
            refuse_other_palette(palette, block, row)
            palette |= block.palettes
            distinct = _distinct(block.codes)
            polarity.add(block.codes, distinct, void, row)
            seen |= set(distinct)
            row, lossy, shape = row + len(block.codes), lossy or block.lossy, block.codes.shape[1:]
        codes = sorted(seen - void.keys())
        if not codes:
            raise ProblemError(_nothing_labelled(bool(seen)))
        self._refuse_two_scales(values, codes, how)
        if lossy:
            refuse_lossy(len(self._by_name() or codes))
        self._refuse_blended(values, codes, how)
        names, codes = self._classes_of(codes)
        extra: dict[str, Any] = {"layout": how.layout} if how.layout else {}
        if not is_table(values) and (rotated := num_rotated(each_sample(values))):
            extra["rotated"] = rotated
        if palette:
            extra["palette"] = {str(index): value_of(colour) for index, colour in palette.items()}
        return FieldFacts(
            shape=Shape("mask", shape, "int64"),
            classes=names,
            values=tuple(map(value_of, codes)),
            unique=len(codes),
            extra=extra | polarity.facts(values),
        )

    def _refuse_two_scales(self, values: Any, codes: Sequence[int], how: Decoding) -> None:
        """Raise `ProblemError` DAT394 if each mask uses one of several values of white, and the spec names none."""
        from declare.components.fields._mask_classes import refuse_two_scales
        from declare.components.fields._mask_codes import whites
        from declare.components.fields._masks import each_mask

        stated = len(self.classes) if isinstance(self.classes, list) else self.classes
        white_codes = whites(codes)
        if not white_codes or isinstance(stated, dict) or stated == len(codes):
            return
        masks = each_mask(values, how, colours=False)
        if all(sum(int(code in mask) for code in white_codes) < 2 for mask in masks):
            refuse_two_scales(white_codes)

    def _refuse_blended(self, values: Any, codes: Sequence[int], how: Decoding) -> None:
        """Raise `ProblemError` DAT394 for values that occur only at edges of others, if no classes are stated."""
        from declare.components.fields._mask_classes import refuse_blends
        from declare.components.fields._mask_edges import blended_codes
        from declare.components.fields._masks import each_mask

        if self.classes is None and (blends := blended_codes(each_mask(values, how, colours=False), codes)):
            refuse_blends(blends, codes)

    def _classes_of(self, codes: list[int]) -> tuple[tuple[str, ...], list[int]]:
        """Return class names and the code of each, from the codes that occur."""
        from declare.components.fields import _mask_classes as stated

        if isinstance(self.classes, dict):
            return stated.by_name(self._by_name(), codes)
        if self.classes is None:
            return stated.by_value(codes)
        number = self.classes if isinstance(self.classes, int) else len(self.classes)
        if isinstance(self.classes, list):
            stated.refuse_no_zero(self.classes, codes)
        codes = stated.in_order(codes, number)
        if isinstance(self.classes, int) or len(codes) != number:
            return stated.names_of(codes), codes
        stated.refuse_named_colours(self.classes, codes)
        return tuple(self.classes), codes

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return int64 [rows, height, width]; raises `ProblemError` DAT301 for a value without a class."""
        import numpy as np

        from declare.components.fields._mask_classes import refuse_lossy
        from declare.components.fields._mask_codes import code_of, indices_of
        from declare.components.fields._masks import read_masks, refuse_other_palette

        height, width = facts.shape.dims
        known = (height, width) if height is not None and width is not None else None
        palette = {int(index): code_of(colour) for index, colour in facts.extra.get("palette", {}).items()}
        classes = self._indices(facts.values or ()) | self._void_codes()
        maps = []
        row = 0
        how = self._decoding(known, facts.extra.get("layout"))
        for block in read_masks(values, how, colours=self._in_colours()):
            refuse_other_palette(palette, block, row)
            if block.lossy:
                refuse_lossy(len(facts.classes or ()), row)
            maps.append(indices_of(block.codes, classes, row))
            row += len(block.codes)
        return np.concatenate(maps) if maps else np.zeros((0, *(known or (0, 0))), np.int64)

    def _indices(self, values: Sequence[Any]) -> dict[int, int]:
        """Return the class index of each code."""
        from declare.components.fields._mask_codes import code_of

        if isinstance(self.classes, dict):
            groups: Mapping[int, list[Value]] = dict(enumerate(self._by_name().values()))
            return {code_of(value): index for index, group in groups.items() for value in group}
        return {code_of(value): index for index, value in enumerate(values)}

    def decode(self, values: Array, facts: FieldFacts) -> Any:
        """Return class indices [rows, height, width] as the masks' own values; colours are [..., 3] bytes."""
        from declare.components.fields._mask_codes import code_of, to_values

        return to_values(values, [code_of(value) for value in facts.values or ()])  # type: ignore[arg-type]


def _distinct(codes: Array) -> list[int]:
    import numpy as np

    shift = 0 if codes.dtype.kind == "u" else 1  # -1 is counted too
    if codes.size and (not shift or (codes.min() >= -shift and codes.max() < _FEW)):
        known: list[int] = (np.flatnonzero(np.bincount(codes.ravel() + shift)) - shift).tolist()
        return known
    unique_codes: list[int] = np.unique(codes).tolist()
    return unique_codes


def _nothing_labelled(void: bool) -> Problem:
    return Problem(
        "DAT315",
        "no mask has a labelled pixel",
        label="nothing to learn",
        helps=("check the values under `void` and `missing`",) if void else ("check the files",),
    )
