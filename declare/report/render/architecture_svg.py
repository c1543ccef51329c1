"""The architecture as a drawing: data, modules, heads and tasks, wired from left to right."""

from dataclasses import dataclass, field
from html import escape

from declare.report.number_format import count
from declare.report.render.line_chart import COLOURS
from declare.report.report import Node, Report

BOX_WIDTH, COLUMN_GAP, ROW_GAP, MARGIN = 190, 70, 22, 14
LINE_HEIGHT = 15


@dataclass
class Box:
    """A box of the drawing; `lines` are below the title; `column` counts from the left."""

    key: str
    title: str
    kind: str
    lines: list[str]
    inputs: list[str] = field(default_factory=list)
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    share: float = 0.0
    copies: int = 1

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return 30 + LINE_HEIGHT * len(self.lines) + (9 if self.share else 0)


def draw(report: Report) -> str:
    """Return the architecture of `report` as one SVG element."""
    boxes = _boxes(report)
    _assign_columns(boxes)
    width, height = _place(boxes)
    edges = "".join(
        _edge(boxes[source], box) for box in boxes.values() for source in box.inputs if source in boxes
    )
    shapes = "".join(_shape(box) for box in boxes.values())
    return (
        f'<svg class="drawing" viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" '
        f'role="img" aria-label="architecture of {escape(report.name)}">{edges}{shapes}</svg>'
    )


def _boxes(report: Report) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    for data in report.datasets:
        key = f"data:{data.name}"
        sizes = ", ".join(f"{split} {number:,}" for split, number in data.splits.items())
        boxes[key] = Box(key, data.name, "data", [f"data: {data.source}", sizes])
        for name, shape in data.fields.items():
            if name in {source.partition(".")[0] for node in report.nodes for source in node.inputs}:
                box = boxes.setdefault(f"field:{name}", Box(f"field:{name}", name, "field", ["field"]))
                box.inputs.append(key)
                if shape not in box.lines:
                    box.lines.append(shape)
    total = max(1, report.total_parameters)
    for node in report.nodes:
        boxes[node.path] = _node_box(node, boxes, total)
    for task in report.tasks:
        lines = [
            f"task: {task.type}",
            " + ".join(task.losses),
            *([f"target {task.target}"] if task.target else []),
        ]
        boxes[f"task:{task.name}"] = Box(f"task:{task.name}", task.name, "task", lines, [task.head])
    return boxes


def _node_box(node: Node, boxes: dict[str, Box], total: int) -> Box:
    lines = [f"{node.role}: {node.type}", *list(node.outputs.values())[:2]]
    lines.append(f"{count(node.parameters)} parameters")
    if node.forward_flops:
        lines.append(f"{count(node.forward_flops)} FLOP forward")
    inputs = []
    for source in node.inputs:
        name = source.partition(".")[0]
        inputs.append(f"field:{name}" if f"field:{name}" in boxes else source if source in boxes else name)
    share = node.parameters / total
    return Box(node.path, node.path, node.role, lines, inputs, share=share, copies=node.instances)


def _assign_columns(boxes: dict[str, Box]) -> None:
    """Place every box right of its inputs; tasks share the last column."""
    for _ in range(len(boxes)):
        moved = False
        for box in boxes.values():
            wanted = 1 + max((boxes[source].column for source in box.inputs if source in boxes), default=-1)
            moved |= wanted != box.column
            box.column = wanted
        if not moved:
            break
    last = max(box.column for box in boxes.values())
    for box in boxes.values():
        if box.kind == "task":
            box.column = last


def _place(boxes: dict[str, Box]) -> tuple[float, float]:
    """Set x and y: columns are centred, rows ordered by the positions of their inputs."""
    columns: dict[int, list[Box]] = {}
    for box in boxes.values():
        columns.setdefault(box.column, []).append(box)
    heights = {
        c: sum(b.height for b in members) + ROW_GAP * (len(members) - 1) for c, members in columns.items()
    }
    full = max(heights.values())
    for column in sorted(columns):
        members = columns[column]
        if column:
            members.sort(key=lambda box: _middle_of_inputs(box, boxes))
        y = MARGIN + (full - heights[column]) / 2
        for box in members:
            box.x, box.y = MARGIN + column * (BOX_WIDTH + COLUMN_GAP), y
            y += box.height + ROW_GAP
    return 2 * MARGIN + len(columns) * (BOX_WIDTH + COLUMN_GAP) - COLUMN_GAP, full + 2 * MARGIN


def _middle_of_inputs(box: Box, boxes: dict[str, Box]) -> float:
    middles = [boxes[source].y + boxes[source].height / 2 for source in box.inputs if source in boxes]
    return sum(middles) / len(middles) if middles else 0.0


def _edge(source: Box, target: Box) -> str:
    x1, y1 = source.x + BOX_WIDTH, source.y + source.height / 2
    x2, y2 = target.x, target.y + target.height / 2
    bend = max(30.0, (x2 - x1) / 2)
    path = f"M{x1:.1f} {y1:.1f} C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2 - 5:.1f} {y2:.1f}"
    tip = f"M{x2 - 7:.1f} {y2 - 4:.1f} L{x2:.1f} {y2:.1f} L{x2 - 7:.1f} {y2 + 4:.1f} Z"
    return f'<path class="edge" d="{path}"/><path class="tip" d="{tip}"/>'


_FILL = {
    "data": COLOURS[7],
    "field": COLOURS[6],
    "module": COLOURS[0],
    "head": COLOURS[3],
    "task": COLOURS[2],
}


def _clip(text: str, limit: int = 29) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def _shape(box: Box) -> str:
    colour = _FILL[box.kind]
    parts = [f'<g transform="translate({box.x:.1f} {box.y:.1f})"><title>{escape(box.title)}</title>']
    # Copies of a per-dataset node are behind it like a stack of cards.
    parts.extend(
        f'<rect class="box" x="{4 * copy}" y="{-4 * copy}" width="{BOX_WIDTH}" height="{box.height:.0f}" '
        f'rx="7" stroke="{colour}"/>'
        for copy in range(min(box.copies, 3) - 1, 0, -1)
    )
    parts.append(
        f'<rect class="box" width="{BOX_WIDTH}" height="{box.height:.0f}" rx="7" stroke="{colour}"/>'
        f'<rect width="5" height="{box.height:.0f}" rx="2.5" fill="{colour}"/>'
        f'<text class="title" x="14" y="20">{escape(_clip(box.title, 24))}</text>'
    )
    parts.extend(
        f'<text class="line" x="14" y="{37 + LINE_HEIGHT * index}">{escape(_clip(line))}</text>'
        for index, line in enumerate(box.lines)
    )
    if box.share:
        y, length = box.height - 10, BOX_WIDTH - 28
        parts.append(
            f'<rect class="track" x="14" y="{y:.0f}" width="{length}" height="3" rx="1.5"/>'
            f'<rect x="14" y="{y:.0f}" width="{max(2.0, length * box.share):.1f}" height="3" rx="1.5" '
            f'fill="{colour}"/>'
        )
    return "".join([*parts, "</g>"])
