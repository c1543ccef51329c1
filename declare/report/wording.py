"""Parts of a plan in words, for the terminal and for pages."""

from __future__ import annotations

from declare.ir.plan import ScalesPlan
from declare.report.units import count


def scales_text(scales: ScalesPlan | None) -> str:
    """Return the sizes that a phase trains at, in which order, and what a joint step costs; nothing without."""
    if scales is None:
        return ""
    parts = [f"{scales.field} at {', '.join(map(str, scales.sizes))} pixels, {scales.mode}"]
    if scales.ends:
        starts = (0, *scales.ends[:-1])
        shown = ", ".join(
            f"{size} from step {start}" for size, start in zip(scales.sizes, starts, strict=True)
        )
        parts = [f"{scales.field} in pixels: {shown}"]
    if scales.mode == "joint":
        way = "one after another" if scales.materialize == "on_demand" else "all at once"
        parts.append(f"{way}, {count(sum(scales.flops))} FLOP a sample")
    if scales.consistency is not None:
        parts.append(f"consistency {scales.consistency['type']} x {scales.consistency['weight']:g}")
    return ", ".join(parts)
