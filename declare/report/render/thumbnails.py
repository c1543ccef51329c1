"""Samples as small images and lines for a page."""

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any

from declare.contract.shapes import Array
from declare.data.check.previews import Sample
from declare.report.render.line_chart import COLOURS

SIDE = 72
_LINES = 6
_TEXT = 160


def sample_element(sample: Sample, layouts: dict[str, str]) -> str:
    """Return an HTML element with all parts of a sample that can be drawn, and its place below."""
    drawn = "".join(
        _DRAW[layouts[name]](value) for name, value in sample.values.items() if layouts[name] in _DRAW
    )
    plain = ", ".join(
        f"{name} {_number(value)}" for name, value in sample.values.items() if layouts[name] == "number"
    )
    about = f'<span class="note">{escape(plain)}</span>' if plain and not drawn else ""
    where = escape(f"{sample.where} ({sample.split})")
    return f'<figure class="sample" title="{where}">{drawn}{about}<figcaption>{where}</figcaption></figure>'


def _number(value: Any) -> str:
    return f"{float(value):.4g}"


def image(pixels: Array) -> str:
    """Return an image element of uint8 [channels, height, width], enlarged if it is small."""
    import numpy as np
    from PIL import Image

    planes = pixels[:3] if pixels.shape[0] in {3, 4} else pixels[:1]
    array = np.moveaxis(planes, 0, -1) if planes.shape[0] == 3 else planes[0]
    return _image(Image.fromarray(np.ascontiguousarray(array)))


def _image(image: Any) -> str:
    from PIL import Image

    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    shown = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    shown.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="" width="{size[0]}" height="{size[1]}" src="data:image/png;base64,{data}">'


def mask(classes: Array) -> str:
    """Return an image element of class indices [height, width], a colour for each class; unlabelled is white."""
    import numpy as np
    from PIL import Image

    palette = [tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in ("#20242b", *COLOURS)]
    colours = np.array([*palette, (255, 255, 255)], np.uint8)
    index = np.where(classes < 0, len(palette), classes % len(palette))
    return _image(Image.fromarray(colours[index]))


def line(values: Array) -> str:
    """Return an SVG of a series [channels, time], with its first channels in one chart."""
    import numpy as np

    channels = np.atleast_2d(values)[:_LINES]
    channels = channels[:, :: max(1, channels.shape[1] // 120)]
    known = channels[np.isfinite(channels)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    scale = (SIDE - 6) / ((high - low) or 1.0)
    width = 2 * SIDE
    lines = "".join(
        f'<polyline fill="none" stroke="{COLOURS[number % len(COLOURS)]}" points="'
        + " ".join(
            f"{width * at / max(1, len(channel) - 1):.1f},{SIDE - 3 - scale * (float(value) - low):.1f}"
            for at, value in enumerate(channel)
            if np.isfinite(value)
        )
        + '"/>'
        for number, channel in enumerate(channels)
    )
    return f'<svg width="{width}" height="{SIDE}" viewBox="0 0 {width} {SIDE}">{lines}</svg>'


def frame(values: Array) -> str:
    """Return an image element of the middle frame of a video [channels, frames, height, width]."""
    import numpy as np

    middle = values[:, values.shape[1] // 2]
    low, high = float(np.nanmin(middle)), float(np.nanmax(middle))
    return image(np.nan_to_num((middle - low) / ((high - low) or 1.0) * 255).astype(np.uint8))


def text(value: str) -> str:
    """Return the start of a text."""
    return f'<span class="note">{escape(value[:_TEXT])}</span>'


_DRAW: dict[str, Callable[[Any], str]] = {
    "image": image,
    "mask": mask,
    "series": line,
    "vector": line,
    "counts": line,
    "video": frame,
    "tokens": text,
}


def bars(counts: tuple[int, ...], low: float, high: float) -> str:
    """Return an SVG histogram of counts over [low, high]."""
    width, height = 300, 70
    step, largest = width / len(counts), max(counts) or 1
    body = "".join(
        f'<rect x="{step * at:.1f}" y="{height - height * number / largest:.1f}" width="{step - 1:.1f}" '
        f'height="{height * number / largest:.1f}" fill="{COLOURS[0]}"><title>{number:,}</title></rect>'
        for at, number in enumerate(counts)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height + 14}" style="max-width:{width}px" role="img">{body}'
        f'<text class="tick" x="0" y="{height + 12}">{low:.4g}</text>'
        f'<text class="tick" x="{width}" y="{height + 12}" text-anchor="end">{high:.4g}</text></svg>'
    )
