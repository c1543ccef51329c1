"""Transforms of torchvision v2 by name; a table contains their parameters, so that no library is loaded."""

import math
import zlib
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from pydantic import Field as Param
from pydantic import create_model

from declare.components.transforms._pixels import IMAGES, pair, resized_shape
from declare.contract.component import Component, Refusal, not_finite
from declare.contract.files.image_formats import check_sides
from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape
from declare.contract.torch_types import TorchModule, TorchTensor
from declare.system.library_table import LibraryTable
from declare.system.parameter_ranges import Range, is_within, measured_from, outcome, with_bounds

TABLE = LibraryTable(
    Path(__file__).with_name("tables") / "torchvision_v2.json", f"{__package__}._introspect", ("torchvision",)
)
Record = dict[str, Any]
_LAYOUTS: dict[int, Layout] = {2: "mask", 3: "image", 4: "video"}
"""The layouts of images by the axes of a sample."""
_FEWEST, _MOST, _PIXELS = 2, 24, 1 << 22
_ANY_SIDE = 32
"""Images that a trial changes; total pixels if they are large; a side that varies."""
_TRIED = (
    *(Shape("image", (1, *size), "uint8") for size in ((1, 1), (1, 7), (5, 5), (17, 48))),
    *(Shape("image", (3, *size), "uint8") for size in ((1, 1), (1, 7), (5, 5), (17, 48))),
    *(
        Shape("mask", (17, 48), "int64", 3),
        Shape("video", (3, 2, 17, 48), "uint8"),
        Shape("image", (3, 17, 48)),
    ),
)
"""Samples on which a range of a parameter is tried."""
_KINDS: dict[str, Any] = {
    "bool": bool,
    "float": float,
    "int": int,
    "[float]": list[float],
    "[int]": list[int],
    "null": None,
}
_BOUNDS: dict[str, dict[str, Any]] = {
    "p": {"ge": 0, "le": 1, "description": "probability that a sample is changed"},
    "bits": {"ge": 0, "le": 8, "description": "bits that are kept"},
    "num_output_channels": {"ge": 1, "le": 3, "description": "1, or 3 equal ones"},
    "size": {"description": "pixels: both sides, or [height, width]"},
    "threshold": {"description": "pixels (0 to 255) at or above it are inverted"},
    "degrees": {"description": "a draw from -degrees to degrees, or [least, most]"},
}


class _FromTorchvision(Transform):
    """A transform of torchvision v2 on a batch of images, with separate random draws for each sample."""

    stored: ClassVar[bool] = False
    effect: ClassVar[Effect] = "range"
    third_party: ClassVar[tuple[str, ...]] = ("torchvision", "torch")
    record: ClassVar[Record]

    def check(self) -> Iterable[Problem]:
        """Yield a problem for invalid sizes and paddings, and for numbers that are not finite."""
        stated = dict(self)
        size, padding = stated.get("size"), stated.get("padding")
        if size is not None:
            yield from check_sides(size)
        if isinstance(padding, list) and len(padding) not in {1, 2, 4}:
            title = f"`padding` has {len(padding)} numbers, not 1, 2 or 4"
            helps = ("write one number, [left_right, top_bottom] or [left, top, right, bottom]",)
            yield Problem("SCH108", title, at="padding", label="1, 2 or 4 numbers", helps=helps)
        yield from not_finite(self)

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the image's new shape, or the problem that the transform does not accept it."""
        problem = self._unfit(shape) or self._no_pixel(shape)
        if problem is not None:
            return problem
        stated: dict[str, Any] = dict(self)
        if "size" in stated:
            return resized_shape(shape, pair(stated["size"]))
        if "padding" in stated:
            return _padded_shape(shape, stated["padding"])
        if "num_output_channels" in stated:
            return shape._replace(dims=(stated["num_output_channels"], *shape.dims[1:]))
        return shape

    def _no_pixel(self, shape: Shape) -> Problem | None:
        """Return the problem that `fill` is not a pixel value of such images, or None."""
        fill = dict(self).get("fill")
        values = fill if isinstance(fill, list) else [fill or 0]
        if shape.dtype != "uint8" or all(0 <= value <= 255 for value in values):
            return None
        title = f"`fill` is {fill}, but pixels are in 0 to 255 here"
        return Problem(
            "SCH108", title, at="fill", label="not a pixel value", helps=("write a number from 0 to 255",)
        )

    def _unfit(self, shape: Shape) -> Problem | None:
        """Return the problem that the transform does not accept a field of this shape, or None."""
        name, moves, channels = self.type_name(), self.record["moves"], self.record.get("channels")
        if shape.layout not in IMAGES or (shape.layout == "mask" and not moves):
            why = "it moves images alone" if self.moves_alone else "it moves no pixels"
            what = f"no masks: {why}" if shape.layout == "mask" else f"images, not {shape}"
            helps = ("use an `image` field, or remove the transform",)
            return Problem(
                "SHP511", f"`{name}` changes {what}", at="type", label="not for this field", helps=helps
            )
        if shape.dtype == "float32" and not moves:
            title = f"`{name}` takes pixels in 0 to 255, but these are already normalised"
            return Problem(
                "SHP511", title, at="type", label="after `normalize`", helps=("put it before `normalize`",)
            )
        if (
            shape.layout != "mask"
            and channels
            and shape.dims[0] is not None
            and shape.dims[0] not in channels
        ):
            title = f"`{name}` takes {' or '.join(map(str, channels))} channels, not {shape.dims[0]}"
            helps = (f"state `channels: {channels[0]}` on the field, or remove the transform",)
            return Problem("SHP508", title, at="type", label="another number of channels", helps=helps)
        return None

    def build(self, shape: Shape, statistics: dict[str, list[float]]) -> TorchModule:
        """Return the module for a batch; raises `ProblemError` DAT347 if torchvision refuses a parameter."""
        try:
            return self._module(shape)
        except (ValueError, TypeError) as error:
            reason = str(error).strip().partition("\n")[0][:200]
            raise ProblemError(self.refusal_problem(Refusal(reason))) from error

    def _module(self, shape: Shape) -> TorchModule:
        from torchvision import tv_tensors
        from torchvision.transforms import AutoAugmentPolicy, InterpolationMode, v2

        from declare.nn.transforms.per_sample import PerSample

        arguments = {
            key: value for key, value in self if key in self.record["parameters"] and value is not None
        }
        # Only some versions take the names of these.
        enumerations = {"policy": AutoAugmentPolicy, "interpolation": InterpolationMode}
        arguments |= {
            key: enumeration(arguments[key]) for key, enumeration in enumerations.items() if key in arguments
        }
        if shape.layout == "mask" and "fill" in self.record["parameters"]:
            arguments["fill"] = {tv_tensors.Mask: -1, "others": arguments.get("fill", 0)}
        transform = getattr(v2, self.record["class"])(**arguments)
        salt = zlib.crc32(self.type_name().encode())
        return PerSample(transform, layout=shape.layout, salt=salt, draws=self.record["draws"])

    def is_proven(self, sample: Any) -> bool:
        """Return whether the table proves these parameters: all defaults, or one number in its tested range.

        `p` may have any value.
        """
        stated, known = self.record["parameters"].items(), self.record.get("ranges", {})
        others = [name for name, (_, default, _) in stated if name != "p" and getattr(self, name) != default]
        if not others:
            return bool(self.record.get("any_size"))
        return len(others) == 1 and is_within(getattr(self, others[0]), known.get(others[0]))

    def try_out(self, sample: Any) -> None:
        """Change random images with the shape of `sample`, some of them and all of them."""
        import torch

        shape = Shape(*sample)
        expected = self.infer(shape)
        assert isinstance(expected, Shape), "a shape that was inferred before"
        values, keys = _made_up(shape)
        module = self._module(shape)
        rule: Any = module.transform
        if "chance" in self.record["draws"] and rule.p:
            rule.p = 1.0
        done = module(values, keys)
        sizes = [_ANY_SIDE if dim is None else dim for dim in expected.dims]
        actual = f"{str(done.dtype).removeprefix('torch.')} {list(done.shape[1:])}"
        if actual != f"{expected.dtype} {sizes}":
            raise ValueError(f"it makes {actual} of images, not {expected.dtype} {sizes}")
        if not torch.isfinite(done).all():
            raise ValueError("it makes pixels that are not finite numbers")

    def other_samples(self, sample: Any) -> dict[str, Any]:
        """Return larger images, and colour images."""
        shape = Shape(*sample)
        sizes = (64, 128, 256, 512)
        samples = {
            f"images of {size} x {size} pixels": list(resized_shape(shape, (size, size))) for size in sizes
        }
        if shape.layout != "mask":
            samples["colour images"] = list(shape._replace(dims=(3, *shape.dims[1:])))
        return samples

    def refusal_problem(self, reason: Refusal) -> Problem:
        """Return the problem (DAT347) that torchvision fails with the parameters on a field's images."""
        return Problem(
            "DAT347",
            (
                f"torchvision's `{self.type_name()}` fails "
                f"{'on these images' if reason.works_on else 'with these parameters'}"
            ),
            at=reason.parameter or "type",
            label="refused",
            notes=(
                f"the library reports: {reason.text}",
                *((f"it works on {reason.works_on}",) if reason.works_on else ()),
            ),
            helps=(f"see `dcl describe {self.type_name()}` for its parameters",),
        )


class _WithoutDraws(_FromTorchvision):
    """A transform of torchvision v2 that makes the same of an image each time."""

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return what the module makes of a batch of masks, images or videos."""
        import numpy as np
        import torch

        shape = Shape(_LAYOUTS[values.ndim - 1], values.shape[1:])
        module = self.build(shape, statistics)
        return np.asarray(module(torch.from_numpy(values), np.zeros(len(values), np.uint64)).numpy())


def _made_up(shape: Shape) -> tuple[TorchTensor, Any]:
    """Return random samples of a shape and a key for each; more if they are small."""
    import numpy as np
    import torch

    sizes = [_ANY_SIDE if dim is None else dim for dim in shape.dims]
    rows = max(_FEWEST, min(_MOST, _PIXELS // max(1, math.prod(sizes))))
    draws = np.random.default_rng(0)
    keys = draws.integers(0, 2**64, rows, np.uint64)
    if shape.dtype == "float32":
        return torch.from_numpy(draws.standard_normal((rows, *sizes), np.float32)), keys
    values = draws.integers(0, 256 if shape.dtype == "uint8" else shape.classes or 2, (rows, *sizes))
    return torch.from_numpy(values.astype(shape.dtype)), keys


def _padded_shape(shape: Shape, padding: int | list[int]) -> Shape:
    edges = [padding] if isinstance(padding, int) else padding
    left, top, right, bottom = edges if len(edges) == 4 else (edges[0], edges[-1]) * 2
    height, width = shape.dims[-2:]
    sides = (
        None if height is None else height + top + bottom,
        None if width is None else width + left + right,
    )
    return shape._replace(dims=(*shape.dims[:-2], *sides))


def names() -> list[str]:
    """Return the names of library transforms without a file here."""
    return list(TABLE.records())


@cache
def find(name: str) -> type[Component] | None:
    """Return the component of a transform of torchvision, or None."""
    record = TABLE.record(name)
    return None if record is None else component(name, record)


def component(name: str, record: Record) -> type[_FromTorchvision]:
    """Return the component of a record; its parameters have the recorded bounds."""
    known = record.get("ranges", {})
    parameters: dict[str, Any] = {
        key: (
            _annotation(kind, None if key in _BOUNDS else known.get(key)),
            Param(... if required else default, **_BOUNDS.get(key, {})),
        )
        for key, (kind, default, required) in record["parameters"].items()
    }
    if record["draws"] != "nothing":
        # Random changes are for training; an evaluation sees the images as they are.
        sides = Literal["all", "train", "eval"]
        parameters["on"] = (
            sides,
            Param(
                "train",
                description="which samples it changes: all, those of training, or those of evaluations",
            ),
        )
    transform = create_model(
        record["class"],
        __base__=_FromTorchvision if record["draws"] != "nothing" else _WithoutDraws,
        __module__=f"{__package__}.{name}",
        __doc__=_text(name, record),
        **parameters,
    )
    transform_class = cast("type[_FromTorchvision]", transform)
    transform_class.normalises = name == "Normalize"
    transform_class.record = record
    transform_class.moves = record["moves"]
    transform_class.moves_alone = record.get("moves_alone", False)
    transform_class.at_any_size = record["draws"] == "chance"
    transform_class.effect = "places" if record["moves"] else "range"
    return transform_class


def _annotation(text: str, known: Range | None) -> Any:
    """Return the type that a table writes as `int | [int] | null` or `'nearest' | 'bilinear'`."""
    parts = text.split(" | ")
    words = tuple(part.strip("'") for part in parts if part.startswith("'"))
    plain = [with_bounds(_KINDS[part], known) for part in parts if not part.startswith("'")]
    kinds = plain + ([Literal[words]] if words else [])
    union = kinds[0]
    for kind in kinds[1:]:
        union |= kind
    return union


def measured_ranges(name: str, record: Record) -> dict[str, Range]:
    """Return the ranges of a record's parameters, found by changing several kinds of images with many values."""
    transform = component(name, record | {"ranges": {}})
    ranges: dict[str, Range] = {}
    for key, (stated, default, _) in record["parameters"].items():
        kinds = [kind for kind in stated.split(" | ") if kind in {"int", "float", "[int]", "[float]"}]
        if key in _BOUNDS or not kinds:
            continue

        def works(value: Any, key: str = key) -> list[bool]:
            return _outcomes(transform, record["example"] | {key: value})

        known: Range = {}
        for kind in kinds:
            known |= measured_from(kind, [record["example"].get(key), default], works)
        ranges |= {key: known} if known else {}
    return ranges


def _outcomes(rule: type[_FromTorchvision], parameters: dict[str, Any]) -> list[bool]:
    """Return whether the transform works on images of each size, channel number and layout that it accepts."""
    from declare.parsing.parser import read

    transform: Any
    transform, problems = read(rule, {"field": "x"} | parameters)
    if problems:
        return [False]
    shapes = [list(shape) for shape in _TRIED if not isinstance(transform.infer(shape), Problem)]
    results = [outcome(partial(transform.try_out, sample)) for sample in shapes]
    return [result for outcomes in results for result in outcomes] or [False]


def _text(name: str, record: Record) -> str:
    """Return the docstring of a transform of torchvision."""
    where = (
        "It moves pixels, so list masks with the images: `fields: [image, mask]`."
        if record["moves"]
        else "It moves pixels, and masks cannot follow: not for images with a mask."
        if record.get("moves_alone")
        else ""
    )
    draws = "Every sample has its own random draws.\n" if record["draws"] != "nothing" else ""
    words = "".join(f", {key}: {value}" for key, value in record["example"].items())
    return (
        f"{record['summary']}\n\n{draws}{where}\nSource: torchvision.transforms.v2.{record['class']}.\n\n"
        f"```yaml\ntransforms: [{{type: {name}, field: image{words}}}]\n```\n"
    )
