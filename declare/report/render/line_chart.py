"""Line charts as SVG text: axes with round ticks, one line per curve, values on hover."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from declare.report.report import Curve

WIDTH, HEIGHT = 460, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 30
_MOST_POINTS = 400
COLOURS = ("#3b6fd4", "#d9622b", "#2a9d6f", "#9b4fc0", "#c7a11b", "#c23b57", "#2f9fb5", "#6b6f76")


def ticks(low: float, high: float) -> list[float]:
    """Return round values that cover [low, high]."""
    span = high - low or abs(high) or 1.0
    raw = span / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)] or [low]


def line_chart(curves: Sequence[Curve], marks: Sequence[tuple[int, str]] = ()) -> str:
    """Return an SVG chart of `curves`; `marks` are vertical lines (step, label) where phases begin."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return ""
    frame = _Frame.around_points(points)
    lines = (_line(curve, COLOURS[index % len(COLOURS)], frame) for index, curve in enumerate(curves))
    body = "".join([*frame.axes(), *(_mark(frame, *mark) for mark in marks if mark[0] > 0), *lines])
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{body}</svg>'


@dataclass(frozen=True)
class _Frame:
    """The data range that a chart covers; x starts at 0."""

    right: float
    low: float
    high: float

    @classmethod
    def around_points(cls, points: Sequence[tuple[int, float]]) -> "_Frame":
        """Return a frame with a little air above and below `points`."""
        low, high = min(y for _, y in points), max(y for _, y in points)
        pad = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
        return cls(max(1, *(x for x, _ in points)), low - pad, high + pad)

    def x(self, step: float) -> float:
        """Return the pixel of a step."""
        return LEFT + step / self.right * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return the pixel of a value."""
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def axes(self) -> Iterator[str]:
        """Yield grid lines and tick labels."""
        for tick in ticks(self.low, self.high):
            y = self.y(tick)
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield _text(LEFT - 6, y + 3.5, f"{tick:.4g}", "end")
        for tick in ticks(0, self.right):
            yield _text(self.x(tick), HEIGHT - 12, f"{tick:.6g}", "middle")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _mark(frame: _Frame, step: int, label: str) -> str:
    x = frame.x(step)
    line = f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    return line + _text(x + 3, TOP + 9, label)


def _line(curve: Curve, colour: str, frame: _Frame) -> str:
    shown = downsample(curve.points)
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in shown)
    dots = ""
    if len(shown) <= 60:
        dots = "".join(
            f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.4" fill="{colour}">'
            f"<title>{escape(curve.name)} at step {x}: {y:.5g}</title></circle>"
            for x, y in shown
        )
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>{dots}'


def downsample(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most about 400 points, keeping the lowest and highest of each stretch."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    width = math.ceil(len(points) / (_MOST_POINTS // 2))
    kept: list[tuple[int, float]] = []
    for start in range(0, len(points), width):
        stretch = points[start : start + width]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept.extend(sorted(ends))
    return kept


def legend(curves: Sequence[Curve]) -> str:
    """Return the legend of a chart as HTML."""
    items = (
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(curve.name)}</span>'
        for index, curve in enumerate(curves)
    )
    return f'<div class="legend">{"".join(items)}</div>'
