"""Parts of a plan in words, for the terminal and for pages."""

from declare.ir.plan import ScalesPlan, TaskPlan
from declare.report.number_format import count, format_number


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
    parts.append(f"evaluated at {scales.evaluate or 'the size that is trained'}")
    if scales.consistency is not None:
        parts.append(f"consistency {scales.consistency['type']} x {scales.consistency['weight']:g}")
    return ", ".join(parts)


def target_text(task: TaskPlan) -> str:
    """Return in which units a target is learned and judged, if transforms or standard units are at work."""
    target, parts = task.target, []
    if target.undo:
        names = ", ".join(str(step.transform["type"]) for step in reversed(target.undo))
        parts.append(f"learned after {names}; metrics and predictions in the data's units")
    if target.not_undone:
        parts.append(f"{', '.join(target.not_undone)} is not undone")
    if target.mean and target.std and len(target.mean) == 1:
        parts.append(
            f"standard units of mean {format_number(target.mean[0])}, std {format_number(target.std[0])}"
        )
    elif target.mean and target.std:
        parts.append(f"standard units of each of {len(target.mean)} outputs")
    return "; ".join(parts)
