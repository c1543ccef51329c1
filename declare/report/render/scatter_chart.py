"""Scatter charts as SVG text: a number or a name on the x axis, a metric on the y axis, values on hover."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from declare.report.render.line_chart import BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, ticks


@dataclass(frozen=True)
class Point:
    """One point; names on the axis are in the order of their first occurrence."""

    along: float | str
    value: float
    label: str
    faint: bool = False


def scatter(points: Sequence[Point], *, log: bool = False, name: str = "") -> str:
    """Return an SVG chart; `log` spreads numbers by their logarithm, `name` is what the values are of."""
    axis = _Names(points) if any(isinstance(point.along, str) for point in points) else _Numbers(points, log)
    low, high = min(point.value for point in points), max(point.value for point in points)
    pad = (high - low) * 0.08 or abs(high) * 0.1 or 0.5
    low, high = low - pad, high + pad

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    body = []
    for tick in ticks(low, high):
        body.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        )
        body.append(_text(LEFT - 6, y(tick) + 3.5, f"{tick:.4g}", "end"))
    body += [_text(x, HEIGHT - 12, label, "middle") for x, label in axis.labels()]
    for point in points:
        body.append(
            f'<circle cx="{axis.x(point.along):.1f}" cy="{y(point.value):.1f}" r="4" fill="{COLOURS[0]}" '
            f'opacity="{0.3 if point.faint else 0.85}"><title>{escape(point.label)}, {escape(name)} '
            f"{point.value:.5g}</title></circle>"
        )
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(body)}</svg>'


class _Numbers:
    """Numbers along the axis, by themselves or by their logarithm."""

    def __init__(self, points: Sequence[Point], log: bool) -> None:
        self._log = log
        positions = [self._to_scale(float(point.along)) for point in points]
        low, high = min(positions), max(positions)
        pad = (high - low) * 0.05 or 0.5
        self._low, self._high = low - pad, high + pad

    def _to_scale(self, value: float) -> float:
        return math.log10(value) if self._log else value

    def x(self, along: float | str) -> float:
        """Return the pixel of a number."""
        share = (self._to_scale(float(along)) - self._low) / (self._high - self._low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def labels(self) -> Iterator[tuple[float, str]]:
        """Yield pixels and texts of ticks."""
        for tick in ticks(self._low, self._high):
            value = 10.0**tick if self._log else tick
            yield self.x(value), f"{value:.3g}"


class _Names:
    """Names along the axis, evenly spread."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._names = list(dict.fromkeys(str(point.along) for point in points))

    def x(self, along: float | str) -> float:
        """Return the pixel of a name."""
        share = (self._names.index(str(along)) + 0.5) / len(self._names)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def labels(self) -> Iterator[tuple[float, str]]:
        """Yield pixels and names."""
        for name in self._names:
            yield self.x(name), name if len(name) <= 14 else f"{name[:12]}.."


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
