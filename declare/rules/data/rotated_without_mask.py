"""Images that EXIF data rotate need masks that are rotated like them."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.queries.mask_pairs import images_with_masks
from declare.rules.spec_view import View

CODE = "DAT359"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each of two paired fields of which EXIF data rotate images of one alone."""
    for dataset, image, mask in images_with_masks(view):
        facts = view.facts[dataset].fields
        rotated = {name: facts[name].extra.get("rotated", 0) for name in (image, mask)}
        turned = [name for name, number in rotated.items() if number]
        if len(turned) != 1:
            continue
        still = mask if turned == [image] else image
        yield Problem(
            CODE,
            f"images of `{turned[0]}` are rotated by EXIF data, but none of `{still}`",
            at=field_place(view, dataset, still),
            label="read as stored",
            also={field_place(view, dataset, turned[0]): f"{rotated[turned[0]]} of the examined images"},
            notes=(
                "masks drawn on the images as viewers show them fit; masks drawn on the stored pixels do not",
            ),
            helps=("compare a few pairs; to be sure, save the images upright, without the EXIF tag",),
        )
