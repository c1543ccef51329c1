"""Images and the fields of the same task whose pixels are theirs: masks, and images that are the target."""

from collections.abc import Iterator, Mapping

from declare.contract.shapes import Shape
from declare.rules.queries.fields import fields_of_task
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View


def images_with_masks(view: View) -> Iterator[tuple[str, str, str]]:
    """Yield each image with each mask, or target image, of the same task: dataset, image, mask."""
    seen = set()
    for task in tasks(view):
        for dataset in task_datasets(view, task.block) if task.name in view.targets else ():
            shapes = view.shapes.get(dataset, {})
            target = get(task.block, "target")
            known = fields_of_task(view, task.name, dataset) | _target(shapes, target)
            images = [name for name, shape in known.items() if shape.layout in {"image", "video"}]
            for mask in [name for name in known if _is_aligned(known, name, target)]:
                for image in images:
                    if image != mask and (dataset, image, mask) not in seen:
                        seen.add((dataset, image, mask))
                        yield dataset, image, mask


def _is_aligned(shapes: Mapping[str, Shape], name: str, target: object) -> bool:
    layout = shapes[name].layout
    return layout == "mask" or (layout in {"image", "video"} and name == target)


def _target(shapes: Mapping[str, Shape], target: object) -> dict[str, Shape]:
    return {str(target): shapes[str(target)]} if target in shapes else {}
