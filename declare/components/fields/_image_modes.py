"""Pillow's modes as 8-bit grey, RGB or RGBA: bit depth, palettes, transparency, channels."""

import numpy as np
from PIL import Image

from declare.components.fields._decoding import Decoding
from declare.components.fields._images import DEEP, DecodedImage
from declare.components.fields._scales import BYTES, Scale, refuse_beyond, to_bytes
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

PILLOW_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


_CLEAR = {"LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA"}
"""Modes with transparency, and the mode to which they are converted."""


def eight_bits(decoded: DecodedImage, how: Decoding, name: str) -> Image.Image:
    """Return an image of mode L, LA, RGB or RGBA, scaled as stated or by its bit depth."""
    image, scale = decoded.image, decoded.scale
    if how.stated and how.scale is not None:
        refuse_beyond(
            how.scale, None if image.mode == "F" or scale is None else Scale(min(scale), max(scale)), name
        )
        scale = how.scale if scale is None or scale.low <= scale.high else Scale(*reversed(how.scale))
    if image.mode in DEEP:
        return _from_deep(image, scale, stated=how.stated, name=name)
    plain = _plain(image)
    if scale in {None, BYTES}:
        return plain
    whole = np.asarray(plain)
    colours = whole[..., None] if whole.ndim == 2 else whole[..., : 3 if whole.shape[-1] > 2 else 1]
    scaled = to_bytes(colours[None], scale or BYTES, stated=True)[0]
    rest = whole[..., colours.shape[-1] :] if whole.ndim == 3 else whole[..., None][..., 1:]
    joined = np.concatenate([scaled, rest], axis=-1)
    return Image.fromarray(joined[..., 0] if joined.shape[-1] == 1 else joined)


def _from_deep(image: Image.Image, scale: Scale | None, *, stated: bool, name: str) -> Image.Image:
    values = np.asarray(image)
    if scale is None:
        raise ProblemError(_no_scale(name, values))
    pixels = to_bytes(values[None], scale, stated=stated)[0]
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        pixels = np.where(values == clear, np.uint8(255), pixels)
    return Image.fromarray(pixels)


def _plain(image: Image.Image) -> Image.Image:
    """Return an 8-bit image as mode L, LA, RGB or RGBA."""
    if image.mode == "LAB":
        return _from_lab(image)
    mode = image.mode
    clear = "transparency" in image.info or (
        mode == "P" and image.palette and image.palette.mode.endswith("A")
    )
    if clear and mode not in _CLEAR:
        return image.convert("RGBA")
    return _converted_to(image, _CLEAR.get(mode) or ("L" if mode in {"1", "L"} else "RGB"))


def _converted_to(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    assert converted is not None, "only a change in place gives nothing back"
    return converted


def with_channels(image: Image.Image, how: Decoding, name: str) -> Image.Image:
    """Return an image of mode L, LA, RGB or RGBA with the requested channels; transparency becomes white."""
    if how.channels not in PILLOW_MODES:
        title = f"`channels` is {how.channels}, but images have 1 (grey), 3 (RGB) or 4 (RGBA)"
        raise ProblemError(
            Problem("SCH108", title, at="channels", helps=("only arrays can have other numbers of channels",))
        )
    mode = PILLOW_MODES[how.channels]
    if image.mode in {"LA", "RGBA"} and mode != "RGBA":
        image = _on_white(_converted_to(image, "RGBA"))
    if mode == "L" and not how.converts and image.mode == "RGB" and not _is_grey(image):
        raise ProblemError(_in_colour(name))
    return _converted_to(image, mode)


def _is_grey(image: Image.Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels == pixels[..., :1]).all())


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _no_scale(name: str, values: Array) -> Problem:
    return Problem(
        "DAT390",
        f"{name} contains {values.min():.5g} to {values.max():.5g}; its bit depth does not define a scale",
        label="pixels without a scale",
        notes=("signed and 32-bit pixels have no standard values of black and white",),
        helps=("state the values of black and white, such as `range: [0, 4095]`",),
    )


def _in_colour(name: str) -> Problem:
    return Problem(
        "DAT391",
        f"{name} is in colour, but the images examined first are grey",
        at="channels",
        label="grey expected",
        helps=("state `channels: 1` to convert all of them to grey, or `channels: 3` to keep colours",),
    )
